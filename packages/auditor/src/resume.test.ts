import { beforeAll, describe, expect, test } from "@jest/globals";
import { encodeBase64url } from "@tallystick/cose";
import fc from "fast-check";

import { audit } from "./audit.js";
import { AuditState } from "./state.js";
import { eventful } from "./testing/eventful.js";
import { Forge, flipBit, sourceOf } from "./testing/forge.js";

describe("an audit that was stopped", () => {
  let forge: Forge;
  beforeAll(async () => {
    forge = await eventful();
  });

  /** Runs until `count` batches are done, and yields the state in its encoded form. */
  async function stopAfter(count: number, from?: AuditState): Promise<AuditState | undefined> {
    const controller = new AbortController();
    let batches = 0;
    const onProgress = (): void => {
      if (++batches >= count) controller.abort();
    };
    const { signal } = controller;
    const options = { signal, onProgress, ...(from === undefined ? {} : { state: from }) };
    const { report, state } = await audit(sourceOf(forge), forge.trust, options);
    expect(report.isComplete).toBe(report.checked === report.size);
    if (!report.isComplete) {
      expect(report.unchecked).toEqual([`entries ${report.checked} to ${report.size - 1}`]);
      expect(report.root).toBeUndefined();
    }
    return state && AuditState.decode(state.encode());
  }

  test("goes on from anywhere to the report of one run", async () => {
    const whole = await audit(sourceOf(forge), forge.trust);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
        async (stops) => {
          let state: AuditState | undefined;
          for (const stop of stops) state = await stopAfter(stop, state);
          const options = state === undefined ? {} : { state };
          const resumed = await audit(sourceOf(forge), forge.trust, options);
          expect(resumed.report).toEqual(whole.report);
          expect(resumed.state?.encode()).toEqual(whole.state?.encode());
        },
      ),
      { numRuns: 25 },
    );
  });

  test("before it began checks nothing, and leaves no state", async () => {
    const { report, state } = await audit(sourceOf(forge), forge.trust, {
      signal: AbortSignal.abort(),
    });
    expect(report).toMatchObject({ isComplete: false, checked: 0 });
    expect(state).toBeUndefined();
  });

  test("goes on in the middle of a bundle when the log has grown", async () => {
    const growing = await Forge.make();
    await growing.round(await growing.statements(0, 3));
    const { state } = await audit(sourceOf(growing), growing.trust);
    await growing.round(await growing.statements(3, 9));
    if (state === undefined) throw new Error("no state");
    const { report } = await audit(sourceOf(growing), growing.trust, { state });
    expect(report).toEqual((await audit(sourceOf(growing), growing.trust)).report);
  });

  test("ends at a log that has shrunk, or has another end", async () => {
    const state = await stopAfter(100);
    const { entries, records } = forge;
    const shorter = { entries: entries.slice(0, 4), records: records.slice(0, 2) };
    const options = state === undefined ? {} : { state };
    await expect(audit(sourceOf(shorter), forge.trust, options)).rejects.toMatchObject({
      code: "AUDITOR_SOURCE_TRUNCATED",
    });
    const forked = await Forge.make();
    await expect(audit(sourceOf(forked), forked.trust, options)).rejects.toMatchObject({
      code: "AUDITOR_STATE_INVALID",
    });
  });

  test("goes on only where every key that signed a checkpoint is still pinned", async () => {
    const rotated = await Forge.make();
    const keys = [rotated.receipt.publicKey, rotated.second.publicKey];
    const receiptKeys = keys.map((key) => key.toJwk());
    await rotated.round([await rotated.propose({ receiptKeys })]);
    await rotated.round(await rotated.statements(0, 2), { signer: rotated.second });
    const whole = await audit(sourceOf(rotated), { ...rotated.trust, receiptKeys: keys });
    const state = AuditState.decode(whole.state?.encode() ?? new Uint8Array());
    const resumed = await audit(
      sourceOf(rotated),
      { ...rotated.trust, receiptKeys: [...keys].reverse() },
      { state },
    );
    expect(resumed.report).toEqual(whole.report);
    expect(resumed.state?.encode()).toEqual(state.encode());
    for (const [pinned, missing] of [keys, [...keys].reverse()]) {
      const receiptKeys = pinned === undefined ? [] : [pinned];
      const name = encodeBase64url(missing?.thumbprint() ?? new Uint8Array());
      await expect(
        audit(sourceOf(rotated), { ...rotated.trust, receiptKeys }, { state }),
      ).rejects.toMatchObject({
        code: "AUDITOR_STATE_INVALID",
        message: `the saved state cannot be used: checkpoints in it are signed with the key ${name}, which is not pinned`,
      });
    }
  });

  test("does not go on from a state with a flipped bit, nor from one of another log", async () => {
    const bytes = (await stopAfter(3))?.encode() ?? new Uint8Array();
    fc.assert(
      fc.property(fc.nat({ max: bytes.length * 8 - 1 }), (bit) => {
        expect(() => AuditState.decode(flipBit(bytes, bit))).toThrow(
          expect.objectContaining({ code: "AUDITOR_STATE_INVALID" }),
        );
      }),
      { numRuns: 200 },
    );
    const state = AuditState.decode(bytes);
    const trust = { ...forge.trust, origin: "another/log" };
    await expect(audit(sourceOf(forge), trust, { state })).rejects.toMatchObject({
      code: "AUDITOR_STATE_INVALID",
    });
  });
});
