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

describe("what cannot be read", () => {
  const operator = "https://operator.example";
  let good: SignedStatement;
  let root: PrivateKey;

  beforeAll(async () => {
    good = await reviewed("none");
    root = await PrivateKey.generate("ES256");
  });

  async function beside(iss: string, payload: string, contentType: string): Promise<Appraisal> {
    const key = iss === VENDOR ? vendor.key : root;
    const own = await SignedLog.make("own", [
      good,
      await statementOf({ iss, key }, payload, contentType),
    ]);
    const issuers = [
      { iss: VENDOR, keys: [vendor.key.publicKey.toJwk()] },
      { iss: operator, keys: [root.publicKey.toJwk()] },
    ];
    const trust = { services: [own.pinned], issuers };
    const policy = parseAppraisalPolicy(policyOf({ trust, operators: [operator] }));
    const gathered = await gather(decodeBundle(await own.bundle()), policy);
    expect(gathered.isComplete).toBe(true);
    const value = encodeHex(digest("sha-384", rom(7)));
    return decide([{ alg: "sha-384", value }], gathered, policy);
  }

  const revocation = (more: string): string =>
    `{"format":"tallystick-revoke/1","target":"${good.entryId}"${more}}`;
  const PADDING = `,"x":[${"0,".repeat(65_536)}0]`;
  const JSON_TYPE = "application/json";

  test.each([
    ["a doubled member", JSON_TYPE, `,"format":"tallystick-revoke/1"`],
    ["a member of prototypes", JSON_TYPE, `,"constructor":1`],
    ["too many items", JSON_TYPE, PADDING],
    ["a doubled member, under its own type", REVOKE, `,"format":"tallystick-revoke/1"`],
    ["too many items, under its own type", REVOKE, PADDING],
  ])("of an operator is for a person: %s", async (_name, type, more) => {
    const { decision, reasons, warnings } = await beside(operator, revocation(more), type);
    expect(decision).toBe("manual");
    expect(reasons.map(({ rule }) => rule)).toContain("unread");
    expect(warnings).toHaveLength(1);
  });

  test("of the issuer of what is used is for a person", async () => {
    expect(await beside(VENDOR, revocation(PADDING), REVOKE)).toMatchObject({ decision: "manual" });
  });

  test("of a stranger is a warning where it may be a notice alone", async () => {
    const found = await beside("https://stranger.example", revocation(PADDING), REVOKE);
    expect(found).toMatchObject({ decision: "allow" });
    expect(found.warnings).toHaveLength(1);
  });

  test("and may be a report is for a person, whoever published it", async () => {
    const large = `{"review_framework_version":"1.1","x":"${"a".repeat(300_000)}"}`;
    const type = "application/vnd.ocp.safe-sfr+json";
    const found = await beside("https://stranger.example", large, type);
    expect(found).toMatchObject({ decision: "manual" });
  });

  test("may be a large report in JSON or COSE under a type that leaves it open", async () => {
    for (const begin of [" {", "\n eyJ", "ewo"]) {
      const found = await beside(operator, begin + "a".repeat(300_000), "text/plain");
      expect(found).toMatchObject({ decision: "manual" });
    }
  });

  test.each([
    ["a text", "7.0.1 is out", "text/plain"],
    ["a large image", "\u0001".repeat(300_000), "application/octet-stream"],
    ["a large text", "a".repeat(300_000), "text/plain"],
  ])("asks for nobody as %s", async (_name, payload, type) => {
    const found = await beside(operator, payload, type);
    expect(found).toMatchObject({ decision: "allow" });
  });
});
