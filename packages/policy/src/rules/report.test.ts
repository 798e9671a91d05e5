import { describe, expect, jest, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { VerifiedStatement } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

import { Admission } from "../admission.js";
import { PolicyError } from "../error.js";
import type { Policy } from "../policy.js";
import { ReportSignature } from "../report-signature.js";
import type { RuleDocument } from "../rule.js";
import type { PolicyState } from "../state.js";
import { reportWith, signJws } from "../testing/report.js";
import { TIME, VENDOR_ISS, bytesOf, policyWith, stateWith, statement } from "../testing/sample.js";

const LAB = await PrivateKey.generate("ES512");
const OTHER = await PrivateKey.generate("ES512");
const labKey = { provider: "Example Lab", key: { ...LAB.publicKey.toJwk() }, kids: ["lab"] };
const JOSE = "application/jose";
const TARGET = "11".repeat(32);

const ready = (use: string, parameters: object): RuleDocument =>
  ({ name: use, use, with: parameters }) as RuleDocument;
const reviewed = (more: object = {}): RuleDocument =>
  ready("reviewSignature", { keys: [labKey], contentTypes: [JOSE], ...more });
const SMALL = await PrivateKey.generate("ES256");
const UNNAMED = await signJws(bytesOf(reportWith()), LAB, { alg: "ES512" });
const FOREIGN = await signJws(bytesOf(reportWith()), OTHER);
const SYMMETRIC = await signJws(bytesOf(reportWith()), LAB, { alg: "HS512" });
const BRINGING = await signJws(bytesOf(reportWith()), LAB, { alg: "ES512", jwk: {} });
const REPORT = await signJws(bytesOf(reportWith()), LAB);
const changedAt = (bytes: Uint8Array, at: number): Uint8Array => {
  const changed = new Uint8Array(bytes);
  changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
  return changed;
};

/** Yields the reasons against a payload under one rule; none where it is admitted. */
async function reasonsOf(
  rule: RuleDocument,
  payload: Uint8Array,
  contentType: string = JOSE,
): Promise<readonly string[]> {
  const state = await stateWith({ rules: [rule] });
  return decide(state, await statement({ payload, contentType }));
}

async function decide(state: PolicyState, signed: SignedStatement): Promise<readonly string[]> {
  const verified = await VerifiedStatement.verify(signed, state.inForce.policy, { time: TIME });
  try {
    Admission.admit(verified, state, TIME);
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return error.reasons;
    throw error;
  }
}

describe("reviewSignature", () => {
  test.each([
    ["a report that the lab signed", reviewed(), REPORT, JOSE],
    ["a report under another kid", reviewed(), UNNAMED, JOSE],
    [
      "a report of a type that the rule does not name",
      reviewed(),
      REPORT,
      "application/octet-stream",
    ],
    ["what is no report", reviewed(), bytesOf({ sbom: 1 }), "application/json"],
    ["what is of an unknown type", reviewed(), Uint8Array.of(1, 2), "application/vnd.example"],
    [
      "an unsigned report where that is allowed",
      reviewed({ allowUnsigned: true }),
      bytesOf(reportWith()),
      "application/json",
    ],
    [
      "a key before it expires",
      reviewed({ keys: [{ ...labKey, expires: TIME + 1 }] }),
      REPORT,
      JOSE,
    ],
  ])("lets pass %s", async (...[, rule, payload, contentType]) => {
    expect(await reasonsOf(rule, payload, contentType)).toEqual([]);
  });

  test.each([
    ["a report that another key signed", reviewed(), FOREIGN, JOSE, "of no review provider's key"],
    [
      "a signature that was changed",
      reviewed(),
      changedAt(REPORT, REPORT.length - 60),
      JOSE,
      "of no review provider's key",
    ],
    [
      "the same under a general type",
      reviewed(),
      changedAt(REPORT, REPORT.length - 60),
      "application/octet-stream",
      "of no review provider's key",
    ],
    ["a payload that was changed", reviewed(), changedAt(REPORT, 120), JOSE, ""],
    [
      "an unsigned report",
      reviewed(),
      bytesOf(reportWith()),
      "application/json",
      "signed by no review provider",
    ],
    [
      "something else of the type",
      reviewed(),
      bytesOf({ sbom: 1 }),
      JOSE,
      "kind opaque, want a signed report",
    ],
    [
      "an algorithm that is not one of reports",
      reviewed(),
      SYMMETRIC,
      JOSE,
      "CONTENT_ALG_UNSUPPORTED",
    ],
    ["a header that brings a key", reviewed(), BRINGING, JOSE, "CONTENT_HEADER_REFUSED"],
    [
      "a key that has expired",
      reviewed({ keys: [{ ...labKey, expires: TIME }] }),
      REPORT,
      JOSE,
      "key of Example Lab had expired",
    ],
    [
      "a key that is withdrawn",
      reviewed({ keys: [{ ...labKey, revoked: TIME }] }),
      REPORT,
      JOSE,
      "was withdrawn",
    ],
    [
      "a key that is early",
      reviewed({ keys: [{ ...labKey, notBefore: TIME + 1 }] }),
      REPORT,
      JOSE,
      "not to be used yet",
    ],
  ])("refuses %s", async (...[, rule, payload, contentType, why]) => {
    const [reason, ...more] = await reasonsOf(rule, payload, contentType);
    expect(reason).toMatch(/^rule reviewSignature: /);
    expect(reason).toContain(why);
    expect(more).toEqual([]);
  });

  test("decides nothing by what was found under another policy's keys", async () => {
    const rules = [reviewed()];
    const state = await stateWith({ rules });
    const other = { ...labKey, key: { ...OTHER.publicKey.toJwk() } };
    const before = policyWith({ rules: [reviewed({ keys: [other] })] });
    const signed = await statement({ payload: REPORT, contentType: JOSE });
    const stale = await VerifiedStatement.verify(signed, before, { time: TIME });
    expect(() => Admission.admit(stale, state, TIME)).toThrow("not looked at under this policy");
    const again = await stale.verifyAgain(state.inForce.policy, { time: TIME });
    expect(Admission.is(Admission.admit(again, state, TIME))).toBe(true);
    // Another reading of the same policy asks for nothing new.
    const same = await again.verifyAgain(policyWith({ rules }), { time: TIME });
    expect(same.finding).toBe(again.finding);
  });

  test("is the only rule for which a report is looked at before the decision", async () => {
    const find = jest.spyOn(ReportSignature, "find");
    const signed = await statement({ payload: REPORT, contentType: JOSE });
    const plain = await VerifiedStatement.verify(signed, policyWith(), { time: TIME });
    expect({ calls: find.mock.calls.length, finding: plain.finding }).toEqual({
      calls: 0,
      finding: undefined,
    });
    await VerifiedStatement.verify(signed, policyWith({ rules: [reviewed()] }), { time: TIME });
    expect(find.mock.calls).toHaveLength(1);
    find.mockRestore();
  });
});

describe("rules about content", () => {
  /** More than rules look at, and less than a statement may have. */
  const LARGE = new Uint8Array(300_000).fill(0x20);
  const warned = bytesOf(reportWith({ fw_hash_sha2_512: "cd".repeat(32) }));
  const revoke = bytesOf({
    format: "tallystick-revoke/1",
    target: TARGET,
    issuer: VENDOR_ISS,
    reason: "lost",
  });
  const foreign = bytesOf({
    format: "tallystick-revoke/1",
    target: TARGET,
    issuer: "https://other.example",
    reason: "lost",
  });
  const vendors = (...names: readonly string[]): RuleDocument =>
    ready("reportVendor", { vendors: { [VENDOR_ISS]: names } });
  const cel = (expression: string): RuleDocument => ({
    name: "cel",
    cel: expression,
    reason: "no",
  });
  const rule = (use: string, parameters: object = {}): RuleDocument => ready(use, parameters);

  test.each([
    ["a vendor of the issuer", vendors("Example Silicon"), REPORT, JOSE],
    ["no report, whoever the vendor", vendors("Other"), bytesOf({}), "application/json"],
    ["what is too large and of an unknown type", vendors("Other"), LARGE, "application/x"],
    [
      "an unreadable bill of materials",
      rule("noticeIssuer"),
      bytesOf({}),
      "application/vnd.cyclonedx+json",
    ],
    ["a sound report", rule("soundContent"), REPORT, JOSE],
    ["what nothing is known of", rule("soundContent"), Uint8Array.of(9), "application/x"],
    [
      "a kind that is listed",
      rule("soundContent", { kinds: ["sfr"], contentTypes: [JOSE] }),
      REPORT,
      JOSE,
    ],
    [
      "a warning that is let be",
      rule("contentWarnings", { refuse: ["manifest-mismatch"] }),
      warned,
      "application/json",
    ],
    ["a revocation by the issuer", rule("noticeIssuer"), revoke, "application/json"],
    [
      "a revocation by an operator",
      rule("noticeIssuer", { operators: [VENDOR_ISS] }),
      foreign,
      "application/json",
    ],
    [
      "facts of a report",
      cel('content.kind == "sfr" && content.sfr[0].worst == "none" && content.sfr[0].scope >= 1'),
      REPORT,
      JOSE,
    ],
    [
      "no facts, where there are none",
      cel('content.kind == "opaque" && !has(content.sfr)'),
      Uint8Array.of(9),
      "application/x",
    ],
    ["facts of a notice", cel('content.notice.reason == "lost"'), revoke, "application/json"],
    [
      "an expression of a member called like it",
      cel("payload.content == 1"),
      bytesOf({ content: 1 }),
      "application/json",
    ],
  ])("let pass %s", async (...[, one, payload, contentType]) => {
    expect(await reasonsOf(one, payload, contentType)).toEqual([]);
  });

  test.each([
    ["a vendor of somebody else", vendors("Other"), REPORT, JOSE, 'product of "Example Silicon"'],
    [
      "a report that cannot be read, whoever the vendor",
      vendors("Example Silicon"),
      bytesOf(reportWith({ vendor: "" })),
      "application/json",
      "cannot be read: CONTENT_STRUCTURE_INVALID",
    ],
    [
      "what is too large, and could be a report",
      vendors("Example Silicon"),
      LARGE,
      JOSE,
      "cannot be read: CONTENT_TOO_LARGE",
    ],
    [
      "what is too large, and could be signed by anybody",
      reviewed({ contentTypes: ["application/vnd.example"] }),
      LARGE,
      JOSE,
      "cannot be read: CONTENT_TOO_LARGE",
    ],
    [
      "what is too large, and could be a notice",
      rule("noticeIssuer"),
      LARGE,
      "application/octet-stream",
      "cannot be read: CONTENT_TOO_LARGE",
    ],
    [
      "a notice that cannot be read",
      rule("noticeIssuer"),
      bytesOf({ format: "tallystick-revoke/1" }),
      "application/json",
      "cannot be read: CONTENT_STRUCTURE_INVALID",
    ],
    [
      "a report that cannot be read",
      rule("soundContent"),
      bytesOf(reportWith({ vendor: "" })),
      "application/json",
      "CONTENT_STRUCTURE_INVALID",
    ],
    [
      "a digest of a wrong length",
      rule("soundContent"),
      bytesOf(reportWith({ fw_hash_sha2_384: "ab" })),
      "application/json",
      "CONTENT_STRUCTURE_INVALID",
    ],
    [
      "a kind that is not listed",
      rule("soundContent", { kinds: ["sfr"] }),
      bytesOf({}),
      "application/json",
      "kind opaque",
    ],
    [
      "a warning",
      rule("contentWarnings", { refuse: ["hash-sha256-in-sha512"] }),
      warned,
      "application/json",
      "hash-sha256-in-sha512 at device.fw_hash_sha2_512",
    ],
    [
      "a revocation by somebody else",
      rule("noticeIssuer"),
      foreign,
      "application/json",
      "neither that of the target",
    ],
    ["facts that do not hold", cel('content.kind == "rim"'), REPORT, JOSE, "no"],
    [
      "facts that are not there",
      cel("content.sfr[0].scope == 1"),
      Uint8Array.of(9),
      "application/x",
      "cannot be decided",
    ],
  ])("refuse %s", async (...[, one, payload, contentType, why]) => {
    const [reason, ...more] = await reasonsOf(one, payload, contentType);
    expect(reason).toContain(why);
    expect(more).toEqual([]);
  });

  test("charge for a payload once, and stop where the budget ends", async () => {
    const long = bytesOf({ ...reportWith(), more: "x".repeat(200_000) });
    const asks = Array.from({ length: 40 }, (_, i) => ({
      ...cel('content.kind == "sfr"'),
      name: `r${i}`,
    }));
    const state = await stateWith({ rules: asks });
    const signed = await statement({ payload: long, contentType: "application/json" });
    expect(await decide(state, signed)).toEqual([]);
  });
});

describe("a policy", () => {
  test.each([
    ["no keys", reviewed({ keys: [] }), "keys is not a list of 1 to 64 keys"],
    [
      "too many keys",
      reviewed({ keys: Array.from({ length: 65 }, () => labKey) }),
      "want 64 at most",
    ],
    ["a key twice", reviewed({ keys: [labKey, labKey] }), "has one key twice"],
    [
      "a key for nothing",
      reviewed({ keys: [{ ...labKey, key: { kty: "OKP" } }] }),
      "cannot be read",
    ],
    [
      "a key of another curve",
      reviewed({
        keys: [{ provider: "x", key: SMALL.publicKey.toJwk() }],
      }),
      "is not for ES384",
    ],
    ["a private key", reviewed({ keys: [{ ...labKey, key: LAB.toJwk() }] }), "cannot be read"],
    ["no provider", reviewed({ keys: [{ key: labKey.key }] }), "has no provider"],
    [
      "a term that is no number",
      reviewed({ keys: [{ ...labKey, expires: "soon" }] }),
      "has expires that",
    ],
    ["an unknown member of a key", reviewed({ keys: [{ ...labKey, exp: 1 }] }), "unknown member"],
    ["a flag that is none", reviewed({ allowUnsigned: 1 }), "neither true nor false"],
    ["an unknown parameter", reviewed({ more: 1 }), "unknown parameter"],
    ["vendors that are a list", ready("reportVendor", { vendors: [] }), "is not an object"],
    ["a vendor that is no text", ready("reportVendor", { vendors: { a: [1] } }), "no list of"],
    ["a kind that is none", ready("soundContent", { kinds: ["x"] }), 'has "x"'],
    ["a warning that is none", ready("contentWarnings", { refuse: ["x"] }), "no code of a warning"],
    ["a misspelt member of content", { name: "x", cel: "content.srf == []", reason: "no" }, "srf"],
  ] as const)("is malformed with %s", (...[, rule, why]) => {
    const parse = (): Policy => policyWith({ rules: [rule] });
    expect(parse).toThrow(PolicyError);
    expect(parse).toThrow(why);
  });
});
