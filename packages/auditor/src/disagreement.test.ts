import { describe, expect, test } from "@jest/globals";
import { PrivateKey, decodeCborMap, encodeCbor, formatThumbprint } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { decodeChainLink } from "@tallystick/receipt";
import { attachReceipts, SignedStatement } from "@tallystick/statement";

import { audit } from "./audit.js";
import { AuditorError } from "./error.js";
import { Forge, TIME, flipBit, sourceOf } from "./testing/forge.js";

/** Yields the error that an audit ends with; anything else fails the test. */
async function disagreement(forge: Forge): Promise<AuditorError> {
  try {
    await audit(sourceOf(forge), forge.trust);
  } catch (error) {
    if (error instanceof AuditorError) return error;
    throw error;
  }
  throw new Error("found nothing");
}

function recode(collateral: Uint8Array, name: string, value: CborValue | undefined): Uint8Array {
  const map = new Map(decodeCborMap(collateral));
  if (value === undefined) map.delete(name);
  else map.set(name, value);
  return encodeCbor(map);
}

type Tamper = (forge: Forge) => Promise<void> | void;

const TAMPERED: readonly [string, string, number | undefined, Tamper][] = [
  [
    "a statement whose payload was changed",
    "AUDITOR_STATEMENT_UNVERIFIED",
    2,
    ({ entries }) => {
      const [, , entry] = entries;
      if (entry === undefined) throw new Error("no entry");
      const at = Buffer.from(entry.statement).indexOf("statement 1");
      entries[2] = { ...entry, statement: flipBit(entry.statement, at * 8) };
    },
  ],
  [
    "a statement that carries a receipt",
    "AUDITOR_STATEMENT_MISMATCH",
    1,
    ({ entries }) => {
      const [, entry] = entries;
      if (entry === undefined) throw new Error("no entry");
      const decoded = SignedStatement.decode(entry.statement);
      entries[1] = { ...entry, statement: attachReceipts(decoded, [Uint8Array.of(0x80)]) };
    },
  ],
  [
    "what is no statement",
    "AUDITOR_STATEMENT_MISMATCH",
    1,
    ({ entries }) => {
      entries[1] = { statement: Uint8Array.of(0x80), collateral: Uint8Array.of(0x80) };
    },
  ],
  [
    "entries that were swapped",
    "AUDITOR_ROOT_MISMATCH",
    3,
    ({ entries }) => {
      entries.splice(1, 2, ...entries.slice(1, 3).reverse());
    },
  ],
  [
    "another statement in the place of one",
    "AUDITOR_ROOT_MISMATCH",
    3,
    async (forge) => {
      const { normalised } = SignedStatement.decode(await forge.statement("another"));
      const [, entry] = forge.entries;
      if (entry !== undefined) forge.entries[1] = { ...entry, statement: normalised };
    },
  ],
  [
    "a checkpoint by another key",
    "AUDITOR_KEY_UNPINNED",
    undefined,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { signer: forge.vendor });
    },
  ],
  [
    "a checkpoint of another log",
    "AUDITOR_CHECKPOINT_INVALID",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { checkpoint: { origin: "another/log" } });
    },
  ],
  [
    "a checkpoint over another root",
    "AUDITOR_ROOT_MISMATCH",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { checkpoint: { root: new Uint8Array(32) } });
    },
  ],
  [
    "a checkpoint that is older than the one before",
    "AUDITOR_TIME_INVALID",
    4,
    async (forge) => {
      const decided = TIME;
      await forge.round(await forge.statements(8, 9), { decided, checkpoint: { time: TIME - 1 } });
    },
  ],
  [
    "a decision before its policy was logged",
    "AUDITOR_TIME_INVALID",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { decided: TIME - 1 });
    },
  ],
  [
    "a decision before the checkpoint that its entry comes after",
    "AUDITOR_TIME_INVALID",
    5,
    async (forge) => {
      forge.time += 10;
      await forge.round(await forge.statements(8, 9));
      await forge.round(await forge.statements(9, 10), { decided: forge.time - 1 });
    },
  ],
  [
    "a decision after its checkpoint",
    "AUDITOR_TIME_INVALID",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { decided: TIME + 1 });
    },
  ],
  [
    "another policy than was in force",
    "AUDITOR_POLICY_MISMATCH",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { policy: new Uint8Array(32) });
    },
  ],
  [
    "a statement by nobody that the policy knows",
    "AUDITOR_STATEMENT_UNVERIFIED",
    4,
    async (forge) => {
      const key = await PrivateKey.generate("ES256");
      await forge.round([await forge.statement("unknown", key)]);
    },
  ],
  [
    "a statement that the policy of its time refuses",
    "AUDITOR_DECISION_DIFFERS",
    5,
    async (forge) => {
      await forge.round([await forge.propose({ algorithms: ["EdDSA"] })]);
      await forge.round(await forge.statements(8, 9));
    },
  ],
  [
    "a policy that no operator signed",
    "AUDITOR_STATEMENT_UNVERIFIED",
    4,
    async (forge) => {
      await forge.round([await forge.propose({ algorithms: ["EdDSA"] }, forge.vendor)]);
    },
  ],
  [
    "a policy that replaces another one",
    "AUDITOR_DECISION_DIFFERS",
    4,
    async (forge) => {
      const previous = "00".repeat(32);
      await forge.round([await forge.propose({ algorithms: ["EdDSA"], previous })]);
    },
  ],
  [
    "a policy that shares the round before it",
    "AUDITOR_CONTROL_SHARED",
    5,
    async (forge) => {
      await forge.round([
        await forge.statement("x"),
        await forge.propose({ maxStatementBytes: 9 }),
      ]);
    },
  ],
  [
    "a policy that shares the round behind it",
    "AUDITOR_CONTROL_SHARED",
    4,
    async (forge) => {
      const change = { maxStatementBytes: 4096 };
      await forge.round([await forge.propose(change), await forge.statement("x")]);
    },
  ],
  [
    "the same entry twice",
    "AUDITOR_DUPLICATE",
    4,
    async (forge) => {
      await forge.round(await Promise.resolve([forge.entries[1]?.statement ?? new Uint8Array()]));
    },
  ],
  [
    "a log without its end",
    "AUDITOR_SOURCE_TRUNCATED",
    3,
    ({ entries }) => {
      entries.pop();
    },
  ],
  [
    "a chain from which a checkpoint is missing",
    "AUDITOR_CHAIN_BROKEN",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9));
      forge.records.splice(1, 1);
    },
  ],
  [
    "a checkpoint that follows another one",
    "AUDITOR_CHAIN_BROKEN",
    4,
    async (forge) => {
      await forge.round(await forge.statements(8, 9), { previousDigest: new Uint8Array(32) });
    },
  ],
  [
    "a checkpoint that is kept twice",
    "AUDITOR_CHECKPOINT_INVALID",
    3,
    ({ records }) => {
      records.push(...records.slice(-1));
    },
  ],
  ...(
    [
      ["no time", "time", undefined],
      ["a time that is no number", "time", "now"],
      ["a policy that is no entry", "policy", Uint8Array.of(1)],
      ["a member that nobody knows", "more", 1],
      ["certificates that are none", "x5chain", []],
      ["certificates that nothing rests on", "x5chain", [Uint8Array.of(0x30)]],
    ] as const
  ).map(([name, member, value]): [string, string, number, Tamper] => [
    `collateral with ${name}`,
    "AUDITOR_COLLATERAL_MALFORMED",
    2,
    ({ entries }) => {
      const [, , entry] = entries;
      if (entry === undefined) throw new Error("no entry");
      entries[2] = { ...entry, collateral: recode(entry.collateral, member, value) };
    },
  ]),
];

describe("an audit ends at", () => {
  test.each(TAMPERED)("%s: %s", async (...[, code, index, tamper]) => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 3));
    await tamper(forge);
    const error = await disagreement(forge);
    expect(error).toMatchObject({ code, ...(index === undefined ? {} : { index }) });
    expect(error.message).toContain(error.reason);
  });

  test("a bundle that is missing", async () => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 299));
    forge.entries.splice(256);
    const error = await disagreement(forge);
    expect(error).toMatchObject({ code: "AUDITOR_SOURCE_TRUNCATED", index: 256 });
  });

  test.each([
    ["nowhere", 0, "AUDITOR_SOURCE_TRUNCATED"],
    ["with another beside it", 1, "AUDITOR_CHAIN_BROKEN"],
  ])("a newest checkpoint that is kept %s", async (_name, again, code) => {
    const forge = await Forge.make();
    await forge.round(await forge.statements(0, 3));
    const newest = forge.records.pop();
    if (newest === undefined) throw new Error("no checkpoint");
    if (again === 1) await forge.checkpoint({ checkpoint: { time: TIME + 1 } });
    const source = { ...sourceOf(forge), newest: () => Promise.resolve(newest) };
    await expect(audit(source, forge.trust)).rejects.toMatchObject({ code, index: 3 });
  });

  test("what the source throws, without a verdict", async () => {
    const forge = await Forge.make();
    const failure = new Error("disk");
    const source = { ...sourceOf(forge), newest: () => Promise.reject(failure) };
    await expect(audit(source, forge.trust)).rejects.toBe(failure);
  });

  test("a key that is not pinned is told apart from a log that was changed, by both thumbprints", async () => {
    const forge = await Forge.make();
    const { publicKey } = await PrivateKey.generate("ES256");
    const [pinned] = forge.trust.receiptKeys;
    if (pinned === undefined) throw new Error("no key");
    const wrong = audit(sourceOf(forge), { ...forge.trust, receiptKeys: [publicKey] });
    await expect(wrong).rejects.toMatchObject({
      code: "AUDITOR_KEY_UNPINNED",
      index: undefined,
      message: expect.stringContaining(
        `the key ${formatThumbprint(pinned)}, which is not pinned; pinned: ${formatThumbprint(publicKey)}.`,
      ),
    });
    const record = new Uint8Array(forge.records.at(-1)?.record ?? []);
    const { checkpoint } = decodeChainLink(record);
    // The end of the signature.
    const at = Buffer.from(record).indexOf(checkpoint) + checkpoint.length - 1;
    record.set([(record[at] ?? 0) ^ 1], at);
    const size = forge.entries.length;
    const source = { ...sourceOf(forge), newest: () => Promise.resolve({ size, record }) };
    await expect(audit(source, forge.trust)).rejects.toMatchObject({
      code: "AUDITOR_CHECKPOINT_INVALID",
    });
  });

  test("another log than the one that is trusted", async () => {
    const forge = await Forge.make();
    const trust = { ...forge.trust, issuer: "https://another.example" };
    await expect(audit(sourceOf(forge), trust)).rejects.toMatchObject({
      code: "AUDITOR_CHECKPOINT_INVALID",
    });
  });
});
