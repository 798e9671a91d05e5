import { beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL, PrivateKey, digest, encodeHex } from "@tallystick/cose";
import { Admission, PolicyError, PolicyState, firstPolicy, signPolicy } from "@tallystick/policy";
import type { PolicyDocument, RuleDocument } from "@tallystick/policy";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";

import {
  DIGITAL_SIGNATURE,
  NOT_AFTER,
  NOT_BEFORE,
  alternativeNames,
  base64Of,
  extendedKeyUsage,
  issueCa,
  issueLeaf,
} from "../testing/pki.js";
import type { Issued } from "../testing/pki.js";
import { VENDOR, didX509, signed, x5chain, x5t } from "../testing/vendor.js";
import type { Headers } from "../testing/vendor.js";
import { ISSUER, TIME } from "./engine.js";

const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

let operator: PrivateKey;
let vendor: PrivateKey;
let root: Issued;
let middle: Issued;
let leaf: Issued;
let plain: Issued;

beforeAll(async () => {
  [operator, vendor] = await Promise.all([
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("EdDSA"),
  ]);
  root = await issueCa("CN=Root, O=Trust", { alg: "ES384" });
  middle = await issueCa("CN=Middle, O=Trust", { alg: "ES256", by: root, serial: 7 });
  leaf = await issueLeaf("CN=Leaf ES256, O=Vendor", {
    by: middle,
    serial: 42,
    extensions: [
      DIGITAL_SIGNATURE,
      extendedKeyUsage(CODE_SIGNING, TIME_STAMPING),
      alternativeNames(
        ["dns", "vendor.example"],
        ["email", "build@vendor.example"],
        ["uri", "urn:example:vendor"],
      ),
    ],
  });
  plain = await issueLeaf("CN=Plain, O=Vendor", { by: middle });
});

/** Decides on a statement under one rule, at a time that is recorded with it. */
async function admit(rule: RuleDocument, bytes: Uint8Array, time = TIME): Promise<Admission> {
  const document: PolicyDocument = {
    ...firstPolicy({ iss: ISSUER, key: operator.publicKey }),
    issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }],
    anchors: [{ certificate: base64Of(root), issuers: [VENDOR], bindings: ["did:x509"] }],
    rules: [rule],
  };
  const first = await signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, operator);
  const genesis = await Admission.bootstrap(SignedStatement.decode(first), NOT_BEFORE);
  const state = PolicyState.genesis(genesis);
  const statement = SignedStatement.decode(bytes);
  const verified = await VerifiedStatement.verify(statement, state.inForce.policy, { time });
  return Admission.admit(verified, state, time);
}

/** Yields why the rule refuses; anything but a refusal fails the test. */
async function refused(
  rule: RuleDocument,
  bytes: Uint8Array,
  time = TIME,
): Promise<readonly string[]> {
  try {
    await admit(rule, bytes, time);
  } catch (error) {
    if (error instanceof PolicyError && error.code === "POLICY_REJECTED") return error.reasons;
    throw error;
  }
  throw new Error("was not refused");
}

const cel = (expression: string): RuleDocument => ({
  name: "asked",
  cel: expression,
  reason: "it is not so",
});

const fingerprint = ({ der }: Issued): string => `sha256:${encodeHex(digest("sha-256", der))}`;

function byLeaf(headers: Headers = {}): Promise<Uint8Array> {
  return signed(leaf.key, { ...headers, set: [x5chain(leaf, middle), ...(headers.set ?? [])] });
}

function byKey(headers: Headers = {}): Promise<Uint8Array> {
  return signed(vendor, { ...headers, set: [[LABEL.kid, vendor.publicKey.kid]] });
}

const HOLDS: readonly (readonly [string, () => string])[] = [
  ["its subject", () => 'certificate.subject == {"CN": "Leaf ES256", "O": "Vendor"}'],
  ["its issuer", () => 'certificate.issuer == {"CN": "Middle", "O": "Trust"}'],
  ["its serial number", () => 'certificate.serial == "2a"'],
  ["since when it is valid", () => `certificate.notBefore == timestamp(${NOT_BEFORE})`],
  ["how long it is valid", () => `certificate.notAfter == timestamp(${NOT_AFTER})`],
  [
    "how long it is still valid at the recorded time",
    () => `certificate.notAfter - time == duration("${NOT_AFTER - TIME}s")`,
  ],
  ["its fingerprint", () => `certificate.fingerprint == "${fingerprint(leaf)}"`],
  ["its DNS names", () => 'certificate.san.dns == ["vendor.example"]'],
  ["its mailboxes", () => 'certificate.san.email.exists(x, x.endsWith("@vendor.example"))'],
  ["its URIs", () => '"urn:example:vendor" in certificate.san.uri'],
  ["its extended usages", () => `certificate.eku == ["${CODE_SIGNING}", "${TIME_STAMPING}"]`],
  ["its key usage", () => 'certificate.keyUsage == ["digitalSignature"]'],
  [
    "the path up to the anchor",
    () => 'chain.map(c, c.subject.CN) == ["Leaf ES256", "Middle", "Root"]',
  ],
  ["the anchor, though no message has it", () => `chain[2].fingerprint == "${fingerprint(root)}"`],
  ["that the leaf comes first", () => "chain[0] == certificate"],
  ["CAs without names or usages", () => "chain[1].san.dns == [] && chain[1].eku == []"],
  [
    "the identity",
    () => 'identity.kind == "x509" && identity.did == "" && identity.iss == statement.claims.iss',
  ],
  [
    "the key by its thumbprint",
    () => `identity.thumbprint == "${encodeHex(leaf.key.publicKey.thumbprint())}"`,
  ],
];

describe("of a certificate that identifies the issuer, an expression sees", () => {
  test.each(HOLDS)("%s", async (_name, expression) => {
    const bytes = await byLeaf();
    await expect(admit(cel(expression()), bytes)).resolves.toBeInstanceOf(Admission);
    // A rule that could not be decided would be refused with another reason.
    expect(await refused(cel(`!(${expression()})`), bytes)).toEqual(["rule asked: it is not so"]);
  });

  test("the same whether the chain is under the signature or beside it", async () => {
    const bytes = await signed(leaf.key, {
      set: [x5t(leaf)],
      unprotected: [x5chain(leaf, middle)],
    });
    const expression = `chain.all(c, c.notBefore <= time) && certificate.serial == "2a"`;
    expect((await admit(cel(expression), bytes)).chain).toEqual([leaf.der, middle.der]);
    // T18: what is unprotected is no header to a rule.
    const headers = cel(`!(${LABEL.x5chain} in statement.headers)`);
    await expect(admit(headers, bytes)).resolves.toBeInstanceOf(Admission);
    expect(await refused(headers, await byLeaf())).toEqual(["rule asked: it is not so"]);
  });

  test("that the issuer is a did:x509", async () => {
    const bytes = await byLeaf({ iss: didX509({ alg: "ES256", root, middle, leaf }) });
    const expression = 'identity.did == "did:x509" && certificate.subject.CN == "Leaf ES256"';
    await expect(admit(cel(expression), bytes)).resolves.toBeInstanceOf(Admission);
  });

  test("nothing where a key does", async () => {
    const expression = "certificate == null && chain == []";
    await expect(admit(cel(expression), await byKey())).resolves.toBeInstanceOf(Admission);
    const [reason] = await refused(cel('certificate.subject.CN == "Leaf"'), await byKey());
    expect(reason).toMatch(/^rule asked: cannot be decided: /);
  });
});

describe("certificatePin", () => {
  const pin = (of: Issued, more: object = {}): RuleDocument => ({
    name: "pinned",
    use: "certificatePin",
    with: { fingerprint: fingerprint(of), ...more },
  });

  test.each<[string, () => RuleDocument]>([
    ["the anchor and a usage", () => pin(root, { eku: [CODE_SIGNING] })],
    ["a CA between and both usages", () => pin(middle, { eku: [TIME_STAMPING, CODE_SIGNING] })],
    ["the leaf and its subject", () => pin(leaf, { subject: { O: "Vendor", CN: "Leaf ES256" } })],
  ])("lets %s pass", async (_name, rule) => {
    await expect(admit(rule(), await byLeaf())).resolves.toBeInstanceOf(Admission);
  });

  test.each<[string, () => RuleDocument, () => Promise<Uint8Array>, () => string]>([
    [
      "another certificate",
      () => pin(plain),
      byLeaf,
      () =>
        `no certificate of the chain of CN=Leaf ES256 has the fingerprint ${fingerprint(plain)}`,
    ],
    [
      "a usage that the leaf lacks",
      () => pin(root, { eku: [CODE_SIGNING, "1.2.3"] }),
      byLeaf,
      () =>
        `certificate CN=Leaf ES256 lacks the extended key usage "1.2.3", it has "${CODE_SIGNING}", "${TIME_STAMPING}"`,
    ],
    [
      "a leaf without any usage",
      () => pin(root, { eku: [CODE_SIGNING] }),
      () => signed(plain.key, { set: [x5chain(plain, middle)] }),
      () => `certificate CN=Plain lacks the extended key usage "${CODE_SIGNING}", it has none`,
    ],
    [
      "another subject",
      () => pin(root, { subject: { O: "Other" } }),
      byLeaf,
      () => 'certificate CN=Leaf ES256 has "Vendor" for "O" of its subject, want "Other"',
    ],
    [
      "an issuer without certificates",
      () => pin(root),
      byKey,
      () => `no certificate identifies the issuer, want ${fingerprint(root)}`,
    ],
  ])("refuses %s", async (...[, rule, make, reason]) => {
    expect(await refused(rule(), await make())).toEqual([`rule pinned: ${reason()}`]);
  });
});

describe("iatWindow", () => {
  const rule: RuleDocument = {
    name: "fresh",
    use: "iatWindow",
    with: { maxAgeSeconds: 3600, maxAheadSeconds: 60 },
  };

  test.each([
    ["an hour old", TIME - 3600, undefined],
    [
      "a second older",
      TIME - 3601,
      "rule fresh: it was issued 3601 seconds ago, want 3600 at most",
    ],
    ["a minute ahead", TIME + 60, undefined],
    [
      "a second more ahead",
      TIME + 61,
      "rule fresh: it was issued 61 seconds in the future, want 60 at most",
    ],
    ["undated", undefined, "rule fresh: claim iat (6) is missing"],
  ])("judges a statement that is %s by the recorded time", async (...row) => {
    const [, iat, reason] = row;
    const bytes = await byLeaf(iat === undefined ? {} : { iat });
    if (reason === undefined) expect((await admit(rule, bytes)).time).toBe(TIME);
    else expect(await refused(rule, bytes)).toEqual([reason]);
  });

  test("so the same statement, recorded at another time, comes out otherwise", async () => {
    const bytes = await byLeaf({ iat: TIME });
    expect((await admit(rule, bytes, TIME + 3600)).time).toBe(TIME + 3600);
    expect(await refused(rule, bytes, TIME + 3601)).toHaveLength(1);
    expect(await refused(rule, bytes, TIME - 61)).toHaveLength(1);
    const before = cel(`time < timestamp(${TIME})`);
    expect((await admit(before, bytes, TIME - 1)).time).toBe(TIME - 1);
    expect(await refused(before, bytes, TIME)).toEqual(["rule asked: it is not so"]);
  });
});
