import { encodeBase64url, type PrivateKey } from "@tallystick/cose";
import { SignedStatement, attachReceipts, signStatement } from "@tallystick/statement";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { verifyTransparentStatement } from "./transparent.js";
import { issue, type Issued } from "./testing/certificate.js";
import { refusal, rejection } from "./testing/refusal.js";
import { STATEMENT, VENDOR, VENDOR_ISS, transparent } from "./testing/sample.js";
import { TIME, makeService, receiptFor, trustIn, type TestService } from "./testing/service.js";

const [alpha, beta] = await Promise.all([makeService("alpha"), makeService("beta")]);
const jwk = VENDOR.publicKey.toJwk();
const thumbprint = encodeBase64url(VENDOR.publicKey.thumbprint());

/** A trust file whose vendor has its key on these terms. */
function termed(terms: object, services: readonly TestService[] = [alpha]) {
  return trustIn(services, { issuers: [{ iss: VENDOR_ISS, keys: [{ ...jwk, ...terms }] }] });
}

describe("nbf and exp are judged at the time of the receipt", () => {
  test.each<[string, object, string | undefined]>([
    ["its first second", { nbf: TIME }, undefined],
    ["a second too early", { nbf: TIME + 1 }, "not to be used before 2027-01-15T08:00:01.000Z"],
    ["its last second", { exp: TIME + 1 }, undefined],
    ["a second too late", { exp: TIME }, "expired at 2027-01-15T08:00:00.000Z"],
  ])("%s", async (_name, terms, refused) => {
    const outcome = verifyTransparentStatement(await transparent([alpha]), termed(terms));
    if (refused === undefined) {
      expect((await outcome).identity).toMatchObject({ kind: "key" });
      return;
    }
    const error = await rejection(outcome);
    expect(error.code).toBe("VERIFIER_KEY_OUT_OF_TERM");
    expect(error.message).toBe(
      `key ${thumbprint}: ${refused}, and the receipt is of 2027-01-15T08:00:00.000Z`,
    );
    expect(error.steps.at(-1)).toStrictEqual({
      step: "issuer",
      outcome: "failed",
      detail: error.message,
      code: "VERIFIER_KEY_OUT_OF_TERM",
    });
  });

  test("the earliest one, of several", async () => {
    const receipts = [
      await receiptFor(alpha, STATEMENT.entry, { time: TIME + 9 }),
      await receiptFor(alpha, STATEMENT.entry),
    ];
    const bytes = attachReceipts(STATEMENT, receipts);
    const verified = await verifyTransparentStatement(bytes, termed({ exp: TIME + 1 }));
    expect(verified.judgedAt).toBe(TIME);
  });
});

describe("a revoked key", () => {
  test.each<[string, number, boolean]>([
    ["before the cut-off", 2, true],
    ["at the cut-off", 3, false],
    ["after the cut-off", 4, false],
  ])("T7: %s", async (_name, index, holds) => {
    const bytes = await transparent([alpha], STATEMENT, { index });
    const trust = termed({ revoked: { from: 3, reason: "laptop lost" } });
    const outcome = verifyTransparentStatement(bytes, trust);
    if (holds) {
      expect((await outcome).isIssuerVerified).toBe(true);
      return;
    }
    const error = await rejection(outcome);
    expect(error.code).toBe("VERIFIER_KEY_REVOKED");
    expect(error.message).toBe(
      `key ${thumbprint} is revoked from entry 3 of ${alpha.origin} on (laptop lost), and the statement is entry ${index}`,
    );
    expect(error.steps.at(-1)).toMatchObject({ step: "issuer", code: "VERIFIER_KEY_REVOKED" });
  });

  test("is judged by the log that its revocation names", async () => {
    const receipts = [
      await receiptFor(alpha, STATEMENT.entry, { index: 1 }),
      await receiptFor(beta, STATEMENT.entry, { index: 5 }),
    ];
    const bytes = attachReceipts(STATEMENT, receipts);
    const of = ({ origin }: TestService) => termed({ revoked: { from: 3, origin } }, [alpha, beta]);
    expect((await verifyTransparentStatement(bytes, of(alpha))).isIssuerVerified).toBe(true);
    const error = await rejection(verifyTransparentStatement(bytes, of(beta)));
    expect(error.code).toBe("VERIFIER_KEY_REVOKED");
  });

  test("stays revoked where no receipt is of that log", async () => {
    const trust = termed({ revoked: { from: 100, origin: beta.origin } }, [alpha, beta]);
    const error = await rejection(verifyTransparentStatement(await transparent([alpha]), trust));
    expect(error.code).toBe("VERIFIER_KEY_REVOKED");
    expect(error.message).toContain("no receipt of that log says at which index");
  });

  test("is revoked in a certificate, in a DID and under another iss as well", async () => {
    const window = [TIME - 9, TIME + 9] as const;
    const root = await issue("CN=Root", { window });
    const leaf = await issue("CN=Leaf", { by: root, window, isLeaf: true });
    const iss = "https://other.example";
    const { kty, crv, x, y } = leaf.signer.publicKey.toJwk();
    const text = new TextEncoder().encode(JSON.stringify({ kty, crv, x, y }));
    const did = `did:jwk:${encodeBase64url(text)}`;
    const revoked = { kty, crv, x, y, revoked: { from: 3 } };
    const trust = trustIn([alpha], {
      issuers: [
        { iss: VENDOR_ISS, keys: [revoked] },
        { iss: "https://third.example", keys: [{ kty, crv, x, y }] },
      ],
      anchors: [{ certificate: root.base64, issuers: [iss] }],
      selfContained: ["did:jwk"],
    });
    const chain = { certificates: [leaf.der] };
    for (const signed of [
      await signedAs({ issuer: iss, chain }, leaf.signer),
      await signedAs({ issuer: did }, leaf.signer),
      await signedAs({ issuer: "https://third.example" }, leaf.signer),
    ]) {
      const late = await transparent([alpha], signed, { index: 3 });
      const error = await rejection(verifyTransparentStatement(late, trust));
      expect(error.code).toBe("VERIFIER_KEY_REVOKED");
      const early = await transparent([alpha], signed, { index: 2 });
      expect((await verifyTransparentStatement(early, trust)).isIssuerVerified).toBe(true);
    }
  });
});

describe("a revoked key of an authority", () => {
  const window = [TIME - 9, TIME + 9] as const;
  let root: Issued;
  let middle: Issued;
  let leaf: Issued;
  let signed: SignedStatement;
  beforeAll(async () => {
    root = await issue("CN=Root", { window });
    middle = await issue("CN=Middle", { by: root, window });
    leaf = await issue("CN=Leaf", { by: middle, window, isLeaf: true });
    const chain = { certificates: [leaf.der, middle.der] };
    signed = await signedAs({ issuer: VENDOR_ISS, chain }, leaf.signer);
  });

  test.each<[string, () => Issued]>([
    ["the leaf", () => leaf],
    ["an intermediate", () => middle],
    ["the anchor", () => root],
  ])("vouches for nothing from its index on: %s", async (_name, of) => {
    const { signer, subject } = of();
    const revoked = { ...signer.publicKey.toJwk(), revoked: { from: 3 } };
    const trust = trustIn([alpha], {
      issuers: [{ iss: "https://ca.example", keys: [revoked] }],
      anchors: [{ certificate: root.base64, issuers: [VENDOR_ISS] }],
    });
    const late = await transparent([alpha], signed, { index: 3 });
    const error = await rejection(verifyTransparentStatement(late, trust));
    expect(error.code).toBe("VERIFIER_KEY_REVOKED");
    const name = encodeBase64url(signer.publicKey.thumbprint());
    expect(error.message).toBe(
      `key ${name} of ${subject} is revoked from entry 3 of ${alpha.origin} on, and the statement is entry 3`,
    );
    const early = await transparent([alpha], signed, { index: 2 });
    expect((await verifyTransparentStatement(early, trust)).isIssuerVerified).toBe(true);
  });
});

interface Case {
  readonly origin?: unknown;
  readonly services: readonly TestService[];
  readonly says: string;
}

describe("a revocation names its log", () => {
  const twin = { ...beta, origin: alpha.origin };

  test.each<[string, Case]>([
    [
      "where there are several",
      { services: [alpha, beta], says: "lacks origin, and there are 2 logs" },
    ],
    [
      "which the file knows",
      { origin: "x", services: [alpha], says: "origin is that of 0 services, want one" },
    ],
    [
      "and no other",
      { origin: alpha.origin, services: [alpha, twin], says: "origin is that of 2 services" },
    ],
    ["as a text", { origin: 1, services: [alpha], says: "origin is not a text" }],
    ["which is not empty", { origin: "", services: [alpha], says: "origin has 0 characters" }],
  ])("%s", (_name, { services, says, ...names }) => {
    const error = refusal(() => termed({ revoked: { from: 1, ...names } }, services));
    expect(error.code).toBe("VERIFIER_TRUST_MALFORMED");
    expect(error.message).toContain("issuers[0].keys[0].revoked");
    expect(error.message).toContain(says);
  });
});

async function signedAs(
  named: Pick<Parameters<typeof signStatement>[0], "issuer" | "chain">,
  signer: PrivateKey,
): Promise<SignedStatement> {
  const claims = { subject: "s", payload: new Uint8Array(), contentType: "a/b" };
  return SignedStatement.decode(await signStatement({ ...claims, ...named }, signer));
}
