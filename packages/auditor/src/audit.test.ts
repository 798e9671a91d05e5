import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PrivateKey, decodeCborMap, encodeCbor } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { withIssuerKey } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import type { Checkpoint } from "@tallystick/receipt";

import { audit } from "./audit.js";
import { AuditorError } from "./error.js";
import { eventful } from "./testing/eventful.js";
import { Forge, ISSUER, ORIGIN, flipBit, sourceOf } from "./testing/forge.js";

describe("a sound log", () => {
  test("T13, T15: is replayed whole, through policies, approvals and a revocation", async () => {
    const forge = await eventful();
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report).toMatchObject({
      issuer: ISSUER,
      origin: ORIGIN,
      isComplete: true,
      checked: 13,
      size: 13,
      longestWait: 2,
      unchecked: [],
    });
    expect(report.root).toEqual(forge.edge.root());
    const bytes = [
      ...forge.entries.flatMap(({ statement, collateral }) => [statement, collateral]),
      ...forge.records.map(({ record }) => record),
    ].reduce((sum, { length }) => sum + length, 0);
    expect(report.counts).toEqual({
      entries: 13,
      signatures: 13 + 9,
      checkpoints: 9,
      policies: 4,
      chains: 0,
      disowned: 5,
      heads: 0,
      bytes,
    });
  });

  test.each([
    ["before", 0],
    ["over it", 10],
  ])("may have decided on an entry in the second of the checkpoint %s", async (_name, later) => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 1));
    const decided = forge.time + later;
    forge.time += 10;
    await forge.round(await forge.statements(1, 3), { decided });
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report).toMatchObject({ isComplete: true, longestWait: 10 - later });
  });

  test("disowns entries of a key that is revoked among the operators", async () => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 2));
    const revoked = { ...forge.vendor.publicKey.toJwk(), revoked: { from: 2 } };
    const operators = [
      ...forge.document.operators,
      { iss: "https://former.example", keys: [revoked] },
    ];
    await forge.round([await forge.propose({ operators })]);
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report.counts).toMatchObject({ entries: 4, disowned: 1 });
  });

  test("goes over bundles, whole ones and a partial one", async () => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 300));
    await forge.round(await forge.statements(300, 511));
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report).toMatchObject({ isComplete: true, checked: 512 });
    expect(report.counts).toMatchObject({ entries: 512, checkpoints: 3 });
  });

  test("may sign with another pinned key once a policy names it", async () => {
    const { forge, receiptKeys, signer } = await rotated();
    await forge.round(await forge.statements(0, 1), { signer });
    const alone = { receiptKeys: [signer.publicKey.toJwk()] };
    await forge.round([await forge.propose(alone)], { signer });
    await forge.round(await forge.statements(1, 2), { signer });
    const { report, state } = await audit(sourceOf(forge), { receiptKeys });
    expect(report.isComplete).toBe(true);
    const again = await audit(sourceOf(forge), { receiptKeys }, state && { state });
    expect(again.report).toEqual(report);
  });

  test.each<[string, number, (made: Rotated) => Promise<void>]>([
    [
      "before a policy names it",
      1,
      async ({ fresh, signer }) => {
        await fresh.round(await fresh.statements(0, 1), { signer });
      },
    ],
    [
      "under the policy that names it first",
      1,
      async ({ fresh, signer }) => {
        await fresh.round([await fresh.propose(both(fresh, signer))], { signer });
      },
    ],
    [
      "under the policy that drops it",
      2,
      async ({ fresh, signer }) => {
        await fresh.round([await fresh.propose(both(fresh, signer))]);
        await fresh.round([await fresh.propose({ receiptKeys: [signer.publicKey.toJwk()] })]);
      },
    ],
    [
      "after a policy dropped it",
      3,
      async ({ fresh, signer }) => {
        await fresh.round([await fresh.propose(both(fresh, signer))]);
        const alone = { receiptKeys: [signer.publicKey.toJwk()] };
        await fresh.round([await fresh.propose(alone)], { signer });
        await fresh.round(await fresh.statements(0, 1));
      },
    ],
  ])("may sign with no pinned key %s", async (_, index, make) => {
    const made = await rotated();
    await make(made);
    const { fresh, signer } = made;
    const receiptKeys = [fresh.receipt.publicKey, signer.publicKey];
    await expect(audit(sourceOf(fresh), { receiptKeys })).rejects.toMatchObject({
      code: "AUDITOR_KEY_UNNAMED",
      index,
    });
  });

  test("is refused at the first checkpoint that a key may not have signed, also from a state", async () => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 1));
    const whole = await audit(sourceOf(forge), forge.trust);
    const requireWithin = (_key: PublicKey, { size, time }: Checkpoint): void => {
      if (size >= 2) throw new Error(`the key is retired at size 1, before ${time}`);
    };
    const trust = { ...forge.trust, requireWithin };
    await expect(audit(sourceOf(forge), trust)).rejects.toMatchObject({
      code: "AUDITOR_CHECKPOINT_INVALID",
      message: expect.stringContaining("entry 1: checkpoint 2: the key is retired at size 1"),
    });
    const { state } = whole;
    if (state === undefined) throw new Error("no state");
    await expect(audit(sourceOf(forge), trust, { state })).rejects.toMatchObject({
      code: "AUDITOR_STATE_INVALID",
      message: expect.stringContaining("the key is retired"),
    });
  });

  test("is refused before anything is read where its newest checkpoint does not count", async () => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 1));
    const { state } = await audit(sourceOf(forge), forge.trust);
    if (state === undefined) throw new Error("no state");
    const requireNewest = (_key: PublicKey, { size }: Checkpoint): void => {
      if (size !== 3) throw new Error("the key counts for size 3 alone");
    };
    const trust = { ...forge.trust, requireNewest };
    const never = (): never => {
      throw new Error("read");
    };
    const source = { ...sourceOf(forge), entries: never, checkpoints: never };
    for (const options of [{}, { state }]) {
      await expect(audit(source, trust, options)).rejects.toMatchObject({
        code: "AUDITOR_CHECKPOINT_INVALID",
        message: expect.stringContaining("entry 1: checkpoint 2: the key counts for size 3 alone"),
      });
    }
    await forge.round(await forge.statements(1, 2));
    expect((await audit(sourceOf(forge), trust)).report).toMatchObject({ size: 3 });
    expect((await audit(sourceOf(forge), trust, { state })).report).toMatchObject({ size: 3 });
  });

  test("is not looked at beyond the newest checkpoint of the run", async () => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 2));
    const { entries, records } = forge;
    const head = records.at(-1);
    await forge.round(await forge.statements(2, 4));
    if (head === undefined) throw new Error("no head");
    const source = { ...sourceOf({ entries, records }), newest: () => Promise.resolve(head) };
    const { report } = await audit(source, forge.trust);
    expect(report).toMatchObject({ isComplete: true, checked: 3, size: 3 });
  });
});

describe("one flipped bit", () => {
  let forge: Forge;
  beforeAll(async () => {
    forge = await eventful();
  });

  test("anywhere in what the source gives never passes, but in a time within its bounds", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.constantFrom(0, 1, 2), async (at, bit, kind) => {
        const entries = [...forge.entries];
        const records = [...forge.records];
        const index = at % (kind === 2 ? records.length : entries.length);
        const [entry, kept] = [entries[index], records[index]];
        if (kind === 2 && kept) records[index] = { ...kept, record: flipBit(kept.record, bit) };
        if (kind === 0 && entry) {
          entries[index] = { ...entry, statement: flipBit(entry.statement, bit) };
        }
        if (kind === 1 && entry) {
          const collateral = flipBit(entry.collateral, bit);
          // The time is bounded by checkpoints, and proven by nothing.
          fc.pre(!isOtherTime(entry.collateral, collateral));
          entries[index] = { ...entry, collateral };
        }
        await expect(audit(sourceOf({ entries, records }), forge.trust)).rejects.toBeInstanceOf(
          AuditorError,
        );
      }),
      { numRuns: 300 },
    );
  });

  function isOtherTime(before: Uint8Array, after: Uint8Array): boolean {
    try {
      const map = new Map(decodeCborMap(after));
      map.set("time", decodeCborMap(before).get("time") ?? null);
      return Buffer.compare(encodeCbor(map), before) === 0;
    } catch {
      return false;
    }
  }
});

test("a policy made by withIssuerKey replays", async () => {
  const forge = await Forge.make();
  const other = await PrivateKey.generate("EdDSA");
  const entry = Buffer.from(forge.state?.inForce.entry ?? []).toString("hex");
  const addition = { iss: "https://other.example", key: other.publicKey };
  await forge.round([await forge.sign(withIssuerKey(forge.document, entry, addition))]);
  const { report } = await audit(sourceOf(forge), forge.trust);
  expect(report.counts.policies).toBe(2);
});

interface Rotated {
  /** Its policy names both keys. */
  readonly forge: Forge;
  /** Its policy names none. */
  readonly fresh: Forge;
  readonly signer: PrivateKey;
  readonly receiptKeys: readonly PublicKey[];
}

function both(forge: Forge, signer: PrivateKey): Pick<PolicyDocument, "receiptKeys"> {
  return { receiptKeys: [forge.receipt, signer].map(({ publicKey }) => publicKey.toJwk()) };
}

async function rotated(): Promise<Rotated> {
  const [forge, fresh] = [await Forge.make(), await Forge.make()];
  const signer = await PrivateKey.generate("EdDSA");
  await forge.round([await forge.propose(both(forge, signer))]);
  return { forge, fresh, signer, receiptKeys: [forge.receipt.publicKey, signer.publicKey] };
}
