import { createPublicKey } from "node:crypto";
import { LABEL, PrivateKey, digest, encodeBase64url, type PublicKey } from "@tallystick/cose";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { signHashEnvelope, signStatement, type InlineStatement, type SignerChain } from "./sign.js";
import { SignedStatement } from "./statement.js";
import { VerifiedStatement } from "./verified.js";
import { NOW, NOT_CA, SIGNATURE, issue, utcTime, type Issued } from "./testing/certificate.js";
import { bits, oid, sequence } from "./testing/der.js";
import { rejection } from "./testing/refusal.js";
import { ISSUER, OTHER, PAYLOAD, SUBJECT, VENDOR } from "./testing/sample.js";

const INLINE: InlineStatement = {
  issuer: ISSUER,
  subject: SUBJECT,
  payload: PAYLOAD,
  contentType: "application/json",
  issuedAt: NOW,
};

let root: Issued;
let middle: Issued;
let leaf: Issued;
let did: string;

function spkiOf(publicKey: PublicKey): Uint8Array {
  const { pub, ...jwk } = publicKey.toJwk();
  if (pub === undefined) {
    return createPublicKey({ key: jwk, format: "jwk" }).export({ format: "der", type: "spki" });
  }
  // id-ml-dsa-44
  const key = Uint8Array.from(Buffer.from(pub, "base64url"));
  return sequence(sequence(oid("2.16.840.1.101.3.4.3.17")), bits(key));
}

const leafOf = (by: Issued, publicKey: PublicKey, recipe = {}) =>
  issue("CN=Leaf", {
    by,
    key: { spki: spkiOf(publicKey), algorithm: new Uint8Array(), sign: () => new Uint8Array() },
    extensions: [NOT_CA, SIGNATURE],
    ...recipe,
  });

beforeAll(async () => {
  root = await issue("CN=Root");
  middle = await issue("CN=Middle", { by: root });
  leaf = await leafOf(middle, VENDOR.publicKey);
  did = `did:x509:0:sha256:${encodeBase64url(digest("sha-256", root.der))}::subject:CN:Leaf`;
});

async function signed(
  chain: readonly Issued[],
  changes: Partial<InlineStatement> = {},
  protects?: SignerChain["protects"],
): Promise<SignedStatement> {
  const certificates = chain.map(({ der }) => der);
  const given = protects === undefined ? { certificates } : { certificates, protects };
  return SignedStatement.decode(
    await signStatement({ ...INLINE, chain: given, ...changes }, VENDOR),
  );
}

function verified(statement: SignedStatement): Promise<VerifiedStatement> {
  const anchor = { certificate: root.certificate, issuers: [ISSUER, did], bindings: new Set([]) };
  const authority = { resolve: () => undefined, anchors: [anchor] };
  return VerifiedStatement.verify(statement, authority, { time: NOW });
}

describe("a statement signed with a certificate chain", () => {
  test("T10: has it protected, in the place of a kid", async () => {
    const statement = await signed([leaf, middle]);
    const { protectedHeader, unprotectedHeader } = statement.message;
    expect(protectedHeader.get(LABEL.x5chain)).toStrictEqual([leaf.der, middle.der]);
    expect(protectedHeader.has(LABEL.kid)).toBe(false);
    expect(unprotectedHeader.size).toBe(0);
    expect((await verified(statement)).identity).toMatchObject({ kind: "x509" });
  });

  test("may have its root in it", async () => {
    const statement = await signed([leaf, middle, root]);
    expect((await verified(statement)).identity).toMatchObject({ kind: "x509" });
  });

  test("IS4: has the leaf's SHA-256 protected, and the chain beside it, where that is wanted", async () => {
    const statement = await signed([leaf, middle], {}, "x5t");
    const { protectedHeader, unprotectedHeader } = statement.message;
    expect(protectedHeader.get(LABEL.x5t)).toStrictEqual([-16, digest("sha-256", leaf.der)]);
    expect(protectedHeader.has(LABEL.x5chain)).toBe(false);
    expect(unprotectedHeader).toStrictEqual(new Map([[LABEL.x5chain, [leaf.der, middle.der]]]));
    expect((await verified(statement)).chain).toStrictEqual([leaf.der, middle.der]);
  });

  test.each<["x5chain" | "x5t", "protectedHeader" | "unprotectedHeader"]>([
    ["x5chain", "protectedHeader"],
    ["x5t", "unprotectedHeader"],
  ])("of one certificate has a bare byte string, under %s", async (protects, header) => {
    const direct = await leafOf(root, VENDOR.publicKey);
    const statement = await signed([direct], {}, protects);
    expect(statement.message[header].get(LABEL.x5chain)).toStrictEqual(direct.der);
    expect((await verified(statement)).identity).toMatchObject({ kind: "x509" });
  });

  test("may be a hash envelope, and by a did:x509", async () => {
    const chain = { certificates: [leaf.der, middle.der] };
    const claims = { issuer: did, subject: SUBJECT, issuedAt: NOW, chain };
    const envelope = { ...claims, hash: "sha-256", preimage: PAYLOAD } as const;
    const statement = SignedStatement.decode(await signHashEnvelope(envelope, VENDOR));
    expect((await verified(statement)).identity).toMatchObject({ kind: "x509", isDid: true });
  });

  test("may be signed by an ML-DSA key", async () => {
    const signer = await PrivateKey.generate("ML-DSA-44");
    const own = await leafOf(root, signer.publicKey);
    const chain = { certificates: [own.der] };
    const statement = SignedStatement.decode(await signStatement({ ...INLINE, chain }, signer));
    expect((await verified(statement)).key.thumbprint()).toStrictEqual(
      signer.publicKey.thumbprint(),
    );
  });

  test("says nothing of when, where no time is given", async () => {
    const chain = { certificates: [leaf.der, middle.der] };
    const claims = { issuer: ISSUER, subject: SUBJECT, payload: PAYLOAD, contentType: "a/b" };
    const statement = SignedStatement.decode(await signStatement({ ...claims, chain }, VENDOR));
    expect(statement.claims.issuedAt).toBeUndefined();
  });
});

describe("refused, before it is signed", () => {
  test.each<[string, string, () => readonly Issued[] | Promise<readonly Issued[]>]>([
    ["a chain of no certificate", "STATEMENT_CHAIN_MALFORMED", () => []],
    ["a chain that is too long", "STATEMENT_CHAIN_MALFORMED", () => Array<Issued>(9).fill(leaf)],
    [
      "a leaf of another key",
      "STATEMENT_IDENTIFIER_MISMATCH",
      async () => [await leafOf(middle, OTHER.publicKey), middle],
    ],
    ["the leaf last", "STATEMENT_IDENTIFIER_MISMATCH", () => [middle, leaf]],
    ["the root before the CA", "STATEMENT_CHAIN_INVALID", () => [leaf, root, middle]],
    ["a certificate left out", "STATEMENT_CHAIN_INVALID", () => [leaf, root]],
    ["a certificate twice", "STATEMENT_CHAIN_INVALID", () => [leaf, middle, middle]],
    [
      "a CA of the right name and another key",
      "STATEMENT_CHAIN_INVALID",
      async () => [leaf, await issue("CN=Middle", { by: root })],
    ],
    [
      "a leaf that has expired",
      "STATEMENT_CHAIN_INVALID",
      async () => [
        await leafOf(middle, VENDOR.publicKey, { notAfter: utcTime("260531235959Z") }),
        middle,
      ],
    ],
  ])("%s", async (_name, code, chain) => {
    expect(await rejection(signed(await chain()))).toBe(code);
  });

  test("bytes that are no certificate", async () => {
    const chain = { certificates: [PAYLOAD] };
    const outcome = signStatement({ ...INLINE, chain }, VENDOR);
    expect(await rejection(outcome)).toBe("STATEMENT_CERTIFICATE_MALFORMED");
  });

  test.each<[string, () => Promise<unknown>]>([
    ["without its chain", () => signStatement({ ...INLINE, issuer: did }, VENDOR)],
    [
      "that is none",
      () => signed([leaf, middle], { issuer: "did:x509:0:sha256:AA::subject:CN:a" }),
    ],
  ])("a did:x509 %s", async (_name, sign) => {
    expect(await rejection(sign())).toBe("STATEMENT_DID_INVALID");
  });
});
