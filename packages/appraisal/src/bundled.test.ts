import { beforeAll, describe, expect, test } from "@jest/globals";
import { signReport, type ContentDigest } from "@tallystick/content";
import { digest, encodeHex, PrivateKey } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

import { report, rom, VENDOR } from "./testing/review.js";
import { SignedLog, statementOf, type Choice, type Signer } from "./testing/signed-log.js";
import { decodeBundle } from "./bundle.js";
import { decide, type Appraisal } from "./decide.js";
import { gather, type Gathered } from "./gather.js";
import { parseAppraisalPolicy } from "./policy.js";

const text = (value: object): string => JSON.stringify(value);
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);
const REVOKE = "application/vnd.tallystick.revoke+json";

let vendor: Signer;
let lab: PrivateKey;
let log: SignedLog;
let other: SignedLog;

async function reviewed(score: string, more: object = {}): Promise<SignedStatement> {
  const { bytes } = await signReport(utf8(report(7, score, more)), lab, { kid: "lab-2026" });
  return statementOf(vendor, bytes, "application/jose");
}

beforeAll(async () => {
  const [key, labKey] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES384"),
  ]);
  vendor = { iss: VENDOR, key };
  lab = labKey;
  const plain = (name: string): Promise<SignedStatement> => statementOf(vendor, name, "text/plain");
  const good = await reviewed("none");
  const revoke = { format: "tallystick-revoke/1", target: good.entryId, issuer: VENDOR };
  log = await SignedLog.make("log", [
    await plain("first"),
    await plain("second"),
    await reviewed("5.3", { report_version: "1.1" }),
    good,
    await plain("fifth"),
    await statementOf(vendor, text({ ...revoke, reason: "recalled" }), REVOKE),
  ]);
  other = await SignedLog.make("other", [await plain("half of it"), await plain("the rest")]);
});

function policyOf(changes: object = {}): Uint8Array {
  const services = [log.pinned, other.pinned];
  const issuers = [{ iss: VENDOR, keys: [vendor.key.publicKey.toJwk()] }];
  const reviewKeys = [{ provider: "Example Lab", key: lab.publicKey.toJwk() }];
  const format = "tallystick-appraisal/1";
  return utf8(text({ format, trust: { services, issuers }, reviewKeys, ...changes }));
}

async function appraise(bundle: Uint8Array): Promise<Appraisal & Gathered> {
  const policy = parseAppraisalPolicy(policyOf());
  const gathered = await gather(decodeBundle(bundle), policy);
  const value = encodeHex(digest("sha-384", rom(7)));
  const subject: readonly ContentDigest[] = [{ alg: "sha-384", value }];
  return { ...gathered, ...decide(subject, gathered, policy) };
}

describe("a bundle of a real log", () => {
  test("is complete with every entry, and denies for what is in it", async () => {
    const whole = await appraise(await log.bundle());
    expect(whole).toMatchObject({ isComplete: true, decision: "deny", size: 6 });
    expect(whole.known.map(({ index }) => index)).toStrictEqual([2, 3, 5]);
  });

  test("is complete below its checkpoint where nothing above it counts", async () => {
    const some = await appraise(await log.bundle({ indexes: [0, 1], size: 2 }));
    expect(some).toMatchObject({ isComplete: true, known: [] });
  });

  const CHOSEN: readonly (readonly [string, Choice])[] = [
    ["an old checkpoint and a report above it", { indexes: [0, 3], size: 1 }],
    ["a gap", { indexes: [0, 1, 3, 4], size: 6 }],
  ];

  test.each(CHOSEN)("is not complete with %s, and allows nothing", async (_name, choice) => {
    const chosen = await appraise(await log.bundle(choice));
    expect(chosen.known.map(({ index }) => index)).toStrictEqual([3]);
    expect(chosen).toMatchObject({ isComplete: false, decision: "manual" });
    expect(chosen.reasons.map(({ rule }) => rule)).toContain("complete");
  });

  test("is not complete with the whole of one log, and a report of another", async () => {
    const bundle = await other.bundle({ more: [await log.transparent(3)] });
    const chosen = await appraise(bundle);
    expect(chosen).toMatchObject({ origin: other.origin, isComplete: false, decision: "manual" });
    expect(chosen.known.map(({ index }) => index)).toStrictEqual([undefined]);
  });
});

describe("a bundle that shows a fork", () => {
  const code = "APPRAISAL_BUNDLE_CONTRADICTION";
  let strange: SignedStatement;

  beforeAll(async () => {
    strange = await statementOf(vendor, "strange", "text/plain");
  });

  async function contradicted(entries: readonly SignedStatement[], index: number): Promise<string> {
    const more = [await log.fork(entries).transparent(index)];
    const bundle = decodeBundle(await log.bundle({ more }));
    const policy = parseAppraisalPolicy(policyOf());
    const { statements } = bundle;
    const turned = [...statements.slice(2), ...statements.slice(0, 2)];
    const told = [statements, [...statements].reverse(), turned].map(async (order) => {
      const refused: unknown = await gather({ ...bundle, statements: order }, policy).catch(
        (error: unknown) => error,
      );
      expect(refused).toMatchObject({ name: "AppraisalError", code });
      return (refused as Error).message;
    });
    const [message = ""] = await Promise.all(told);
    return message;
  }

  test("is no decision, and names both entries of an index", async () => {
    const first = log.entries.slice(0, 3);
    const told = await contradicted([...first, strange], 3);
    expect(told).toBe(
      `the log signed two entries for index 3, ${log.entries[3]?.entryId ?? ""} by a receipt of size 6 and ${strange.entryId} by one of size 4; keep the bundle, it is the evidence`,
    );
  });

  test("is no decision, and names both trees of a size with their roots", async () => {
    const told = await contradicted([...log.entries.slice(0, 5), strange], 0);
    const [own, others] = await Promise.all(
      [log, log.fork([...log.entries.slice(0, 5), strange])].map((one) => one.checkpoint()),
    );
    const roots = [own, others].map((one) => encodeHex(one?.checkpoint.root ?? new Uint8Array()));
    expect(told).toContain(`two trees of 6 entries, by the checkpoint with the root ${roots[0]}`);
    expect(told).toContain(` ${log.entries[0]?.entryId ?? ""} with ${roots[1]};`);
  });

  test("is none where other logs sign other entries at its indexes", async () => {
    const more = await Promise.all([0, 1].map((index) => other.transparent(index)));
    const found = await appraise(await log.bundle({ more }));
    expect(found).toMatchObject({ isComplete: true, decision: "deny" });
  });
});
