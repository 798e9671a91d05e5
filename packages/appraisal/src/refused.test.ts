import { beforeAll, describe, expect, test } from "@jest/globals";
import { encodeCbor, PrivateKey, type CborValue } from "@tallystick/cose";

import { decodeBundle, encodeBundle, MAX_BUNDLE_STATEMENTS } from "./bundle.js";
import { decide } from "./decide.js";
import { judgeEvidence } from "./device.js";
import { gather } from "./gather.js";
import { parseAppraisalPolicy, type AppraisalPolicy } from "./policy.js";
import { subjectOfDevice } from "./subject.js";
import { record, transcript } from "./testing/device.js";
import { SignedLog, statementOf } from "./testing/signed-log.js";

const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);
const NONE = new Uint8Array();

let log: SignedLog;
let policyOf: (changes?: object) => Uint8Array;

beforeAll(async () => {
  const key = await PrivateKey.generate("ES256");
  const lab = (await PrivateKey.generate("ES384")).publicKey.toJwk();
  const signer = { iss: "https://vendor.example", key };
  const texts = ["first", "second"].map((text) => statementOf(signer, text, "text/plain"));
  log = await SignedLog.make("log", await Promise.all(texts));
  policyOf = (changes = {}) =>
    utf8(
      JSON.stringify({
        format: "tallystick-appraisal/1",
        trust: { services: [log.pinned] },
        reviewKeys: [{ provider: "Example Lab", key: lab }],
        ...changes,
      }),
    );
});

describe("a bundle", () => {
  const bundleOf = (changes: readonly (readonly [number, CborValue])[]): Uint8Array =>
    encodeCbor(
      new Map<number, CborValue>([
        [0, "tallystick-bundle/1"],
        [1, []],
        [2, NONE],
        [3, NONE],
        ...changes,
      ]),
    );

  test.each<[string, Uint8Array, string]>([
    ["nothing", NONE, ""],
    ["an array", Uint8Array.of(0x80), ""],
    ["a byte behind it", Uint8Array.of(...bundleOf([]), 0), ""],
    ["another format", bundleOf([[0, "tallystick-bundle/2"]]), "its format is not"],
    ["another member", bundleOf([[4, 0]]), "a member that is unknown"],
    ["no list of statements", bundleOf([[1, NONE]]), "it has no statements"],
    ["a text for a statement", bundleOf([[1, ["x"]]]), "a statement is no byte string"],
    ["a text for a checkpoint", bundleOf([[2, "x"]]), "the checkpoint is no byte string"],
    ["a text for keys", bundleOf([[3, "x"]]), "the list of keys is no byte string"],
    [
      "too many statements",
      bundleOf([[1, Array.from({ length: MAX_BUNDLE_STATEMENTS + 1 }, () => NONE)]]),
      "it has 10001 statements, limit 10000",
    ],
  ])("is refused with %s", (_name, bytes, says) => {
    const code = "APPRAISAL_BUNDLE_INVALID";
    const message = expect.stringContaining(says) as unknown;
    expect(() => decodeBundle(bytes)).toThrow(expect.objectContaining({ code, message }));
  });

  test("is read as it was written", () => {
    const bundle = { statements: [utf8("a"), NONE], checkpoint: utf8("b"), keys: utf8("c") };
    expect(decodeBundle(encodeBundle(bundle))).toStrictEqual(bundle);
  });

  test("is refused with a checkpoint that is under no pin, or is none", async () => {
    const other = await SignedLog.make("other", []);
    const policy = parseAppraisalPolicy(policyOf({ trust: { services: [other.pinned] } }));
    const bundle = decodeBundle(await log.bundle());
    const code = "APPRAISAL_CHECKPOINT_INVALID";
    await expect(gather(bundle, policy)).rejects.toMatchObject({ code });
    const without = { ...bundle, checkpoint: NONE };
    const trusting = parseAppraisalPolicy(policyOf());
    await expect(gather(without, trusting)).rejects.toMatchObject({ code });
  });

  test("says of a statement that is none why it does not count", async () => {
    const bundle = decodeBundle(await log.bundle({ more: [utf8("x")] }));
    expect(await gather(bundle, parseAppraisalPolicy(policyOf()))).toMatchObject({
      isComplete: true,
      refused: [
        { statement: "statements[2]", why: expect.stringMatching(/^VERIFIER_/) as unknown },
      ],
    });
  });
});

describe("a policy", () => {
  test.each<[string, object, string]>([
    ["another format", { format: "tallystick-appraisal/2" }, "its format is not"],
    ["no services", { trust: undefined }, "it has no trust"],
    ["no keys of reviewers", { reviewKeys: undefined }, "keys"],
    ["operators without a list", { operators: "x" }, "operators are no list of texts"],
    ["a rule without a reason", { rules: [{ name: "a", cel: "true" }] }, "rules[0].reason"],
    ["65 rules", { rules: Array.from({ length: 65 }, () => ({})) }, "rules are 65, limit 64"],
    ["an unknown member", { more: 1 }, "unknown member"],
  ])("is refused with %s", (_name, changes, says) => {
    const code = "APPRAISAL_POLICY_INVALID";
    const message = expect.stringContaining(says) as unknown;
    expect(() => parseAppraisalPolicy(policyOf(changes))).toThrow(
      expect.objectContaining({ code, message }),
    );
  });

  test.each<[string, string]>([
    ["nothing", ""],
    ["a list", "[]"],
    ["a member twice", '{"format":1,"format":1}'],
  ])("is refused as a text with %s", (_name, text) => {
    const code = "APPRAISAL_POLICY_INVALID";
    expect(() => parseAppraisalPolicy(utf8(text))).toThrow(expect.objectContaining({ code }));
  });
});

describe("evidence", () => {
  const UNACCEPTED = { code: "APPRAISAL_EVIDENCE_UNACCEPTED" };
  let lenient: AppraisalPolicy;

  beforeAll(() => {
    const device = { vendor: "Example Silicon" };
    lenient = parseAppraisalPolicy(policyOf({ evidence: { device, allowsUnsigned: true } }));
  });

  test("is not looked at by a policy that says nothing of it", async () => {
    const policy = parseAppraisalPolicy(policyOf());
    const bytes = record({ version: 7 });
    await expect(judgeEvidence(bytes, policy, { time: 0 })).rejects.toMatchObject(UNACCEPTED);
    const device = await judgeEvidence(bytes, lenient, { time: 0 });
    expect(device.fault).toMatchObject({ code: "EVIDENCE_UNSIGNED" });
    const gathered = await gather(decodeBundle(await log.bundle()), policy);
    expect(() => decide(subjectOfDevice(device), gathered, policy)).toThrow(
      expect.objectContaining(UNACCEPTED),
    );
  });

  test("that does not carry the device's certificates is not looked at without them", async () => {
    const judged = judgeEvidence(transcript(record({ version: 7 })), lenient, { time: 0 });
    await expect(judged).rejects.toMatchObject({ code: "APPRAISAL_CHAIN_MISSING" });
  });

  test("that is none is no device's", async () => {
    const judged = judgeEvidence(utf8("x"), lenient, { time: 0 });
    await expect(judged).rejects.toMatchObject({ code: "EVIDENCE_MALFORMED" });
  });
});
