import {
  CLAIM,
  LABEL,
  encodeBase64url,
  encodeSign1,
  signSign1,
  type PrivateKey,
} from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import {
  SignedStatement,
  attachReceipts,
  signStatement,
  type SignerChain,
} from "@tallystick/statement";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { verifyTransparentStatement } from "./transparent.js";
import { issue, type Issued } from "./testing/certificate.js";
import { rejection } from "./testing/refusal.js";
import { VENDOR, VENDOR_ISS } from "./testing/sample.js";
import { TIME, makeService, receiptFor, trustIn, type Place } from "./testing/service.js";

const YEAR = 31_536_000;
const alpha = await makeService("alpha");
const beta = await makeService("beta");

let root: Issued;
let middle: Issued;
let leaf: Issued;
let did: string;

beforeAll(async () => {
  const window = [TIME - YEAR, TIME + YEAR] as const;
  root = await issue("CN=Root", { window });
  middle = await issue("CN=Middle", { by: root, window });
  const narrow = [TIME - 1000, TIME + 1000] as const;
  leaf = await issue("CN=Signer", {
    by: middle,
    window: narrow,
    isLeaf: true,
    dns: "vendor.example",
  });
  did = `did:x509:0:sha256:${encodeBase64url(sha256(root.der))}::subject:CN:Signer`;
});

interface Given {
  readonly iss?: string;
  readonly protects?: SignerChain["protects"];
  readonly signer?: PrivateKey;
  readonly isPlain?: boolean;
}

async function statement(given: Given = {}): Promise<SignedStatement> {
  const { iss = VENDOR_ISS, protects = "x5chain", signer = leaf.signer, isPlain = false } = given;
  const chain = { certificates: [leaf.der, middle.der], protects };
  const payload = new TextEncoder().encode("{}");
  const claims = { issuer: iss, subject: "board 7", payload, contentType: "application/json" };
  return SignedStatement.decode(
    await signStatement(isPlain ? claims : { ...claims, chain }, signer),
  );
}

async function registered(given: Given = {}, place: Place = {}): Promise<Uint8Array> {
  const decoded = await statement(given);
  return attachReceipts(decoded, [await receiptFor(alpha, decoded.entry, place)]);
}

function anchored(changes: object = {}): Readonly<Record<string, unknown>> {
  return { anchors: [{ certificate: root.base64, issuers: [VENDOR_ISS], ...changes }] };
}

describe("an issuer that an anchor of the trust file vouches for", () => {
  test.each<[string, "x5chain" | "x5t"]>([
    ["by a protected chain", "x5chain"],
    ["by an unprotected chain under a protected x5t", "x5t"],
  ])("T10, V1: %s", async (_name, protects) => {
    const trust = trustIn([alpha], anchored());
    const verified = await verifyTransparentStatement(await registered({ protects }), trust);
    expect(verified.isIssuerVerified).toBe(true);
    expect(verified.judgedAt).toBe(TIME);
    expect(verified.identity).toMatchObject({ kind: "x509", isDid: false });
    expect(verified.steps.at(-1)?.detail).toBe(
      `signature of ${VENDOR_ISS} holds, by certificate CN=Signer under CN=Root as of 2027-01-15T08:00:00.000Z`,
    );
  });

  test("IS4: by an unprotected chain under a kid that no key of the file has", async () => {
    const bytes = await registered({ isPlain: true });
    const { message, receipts } = SignedStatement.decode(bytes);
    const unprotectedHeader = new Map<number, Uint8Array[]>([
      [LABEL.x5chain, [leaf.der, middle.der]],
      [LABEL.receipts, [...receipts]],
    ]);
    const { protectedBytes, payload, signature } = message;
    const whole = encodeSign1({ protectedBytes, unprotectedHeader, payload, signature });
    const verified = await verifyTransparentStatement(whole, trustIn([alpha], anchored()));
    expect(verified.identity).toMatchObject({ kind: "x509" });
  });

  test("by the leaf's alternative name, and by did:x509", async () => {
    const bySan = trustIn([alpha], anchored({ issuers: [], bindings: ["san"] }));
    const verified = await verifyTransparentStatement(await registered(), bySan);
    expect(verified.identity).toMatchObject({ kind: "x509", isDid: false });
    const byDid = trustIn([alpha], anchored({ issuers: [], bindings: ["did:x509"] }));
    const bytes = await registered({ iss: did });
    expect((await verifyTransparentStatement(bytes, byDid)).identity).toMatchObject({
      kind: "x509",
      isDid: true,
    });
    expect((await rejection(verifyTransparentStatement(bytes, bySan))).cause).toMatchObject({
      code: "STATEMENT_IDENTIFIER_MISMATCH",
    });
  });

  test("E15: an array of one certificate counts where the file says so", async () => {
    const window = [TIME - YEAR, TIME + YEAR] as const;
    const direct = await issue("CN=Direct", { by: root, window, isLeaf: true });
    const signed = SignedStatement.decode(
      await signStatement(
        {
          issuer: VENDOR_ISS,
          subject: "s",
          payload: new Uint8Array(),
          contentType: "a/b",
          chain: { certificates: [direct.der], protects: "x5t" },
        },
        direct.signer,
      ),
    );
    const receipt = await receiptFor(alpha, signed.entry);
    const bare = attachReceipts(signed, [receipt]);
    const { protectedBytes, payload, signature } = signed.message;
    const unprotectedHeader = new Map<number, Uint8Array[]>([
      [LABEL.x5chain, [direct.der]],
      [LABEL.receipts, [receipt]],
    ]);
    const array = encodeSign1({ protectedBytes, unprotectedHeader, payload, signature });
    const strict = trustIn([alpha], anchored());
    const lax = trustIn([alpha], { ...anchored(), acceptsSingleCertificateArray: true });
    expect((await verifyTransparentStatement(bare, strict)).isIssuerVerified).toBe(true);
    expect((await verifyTransparentStatement(array, lax)).isIssuerVerified).toBe(true);
    expect((await rejection(verifyTransparentStatement(array, strict))).cause).toMatchObject({
      code: "STATEMENT_CHAIN_MALFORMED",
    });
  });
});

describe("certificates are judged at the earliest receipt that holds, of as many services as have to vouch", () => {
  const late = TIME + 5000;

  async function withReceipts(
    ...places: readonly (readonly [typeof alpha, Place])[]
  ): Promise<Uint8Array> {
    const decoded = await statement();
    const receipts = places.map(([service, place]) => receiptFor(service, decoded.entry, place));
    return attachReceipts(decoded, await Promise.all(receipts));
  }

  test.each<[string, number, boolean]>([
    ["a second before the leaf is valid", TIME - 1001, false],
    ["in the leaf's first second", TIME - 1000, true],
    ["in the leaf's last second", TIME + 1000, true],
    ["a second after the leaf's last", TIME + 1001, false],
  ])("%s", async (_name, time, holds) => {
    const bytes = await withReceipts([alpha, { time }]);
    const outcome = verifyTransparentStatement(bytes, trustIn([alpha], anchored()));
    if (holds) {
      expect((await outcome).judgedAt).toBe(time);
      return;
    }
    const error = await rejection(outcome);
    expect(error.code).toBe("VERIFIER_ISSUER_UNVERIFIED");
    expect(error.cause).toMatchObject({ code: "STATEMENT_CHAIN_INVALID" });
    expect(error.message).toContain("CN=Signer");
  });

  test("and not at a later one, whichever comes first in the statement", async () => {
    const both = await withReceipts([beta, { time: late }], [alpha, {}]);
    const trust = trustIn([alpha, beta], anchored());
    expect((await verifyTransparentStatement(both, trust)).judgedAt).toBe(TIME);
    const same = await withReceipts([alpha, { time: late }], [alpha, {}]);
    expect((await verifyTransparentStatement(same, trust)).judgedAt).toBe(TIME);
  });

  test("fewer services than have to vouch cannot put it back, or keep it back", async () => {
    const trust = trustIn([alpha, beta], { ...anchored(), requireReceipts: 2 });
    const judged = async (
      ...places: readonly (readonly [typeof alpha, Place])[]
    ): Promise<unknown> =>
      (await verifyTransparentStatement(await withReceipts(...places), trust)).judgedAt;
    const [early, now] = [{ time: TIME - 500 }, {}];
    expect(await judged([beta, early], [alpha, now])).toBe(TIME);
    expect(await judged([beta, early], [beta, {}], [alpha, now])).toBe(TIME);
    expect(await judged([alpha, { time: late }], [alpha, now], [beta, now])).toBe(TIME);
    await expect(judged([beta, now], [alpha, { time: late }])).rejects.toMatchObject({
      code: "VERIFIER_ISSUER_UNVERIFIED",
      message: expect.stringContaining("has expired"),
    });
  });

  test("a receipt of a service that is not pinned gives no time", async () => {
    const bytes = await withReceipts([beta, {}], [alpha, { time: late }]);
    const error = await rejection(verifyTransparentStatement(bytes, trustIn([alpha], anchored())));
    expect(error.cause).toMatchObject({ code: "STATEMENT_CHAIN_INVALID" });
  });

  test("an anchor that had expired then refuses, whatever the leaf says", async () => {
    const old = await issue("CN=Root", { window: [TIME - YEAR, TIME - 1] });
    const window = [TIME - YEAR, TIME + YEAR] as const;
    const signer = await issue("CN=Late", { by: old, window, isLeaf: true });
    const claims = { issuer: VENDOR_ISS, subject: "s", contentType: "a/b" };
    const chain = { certificates: [signer.der] };
    const payload = new Uint8Array();
    const signed = SignedStatement.decode(
      await signStatement({ ...claims, payload, chain }, signer.signer),
    );
    const trust = trustIn([alpha], anchored({ certificate: old.base64 }));
    const receipts = [await receiptFor(alpha, signed.entry)];
    const error = await rejection(
      verifyTransparentStatement(attachReceipts(signed, receipts), trust),
    );
    expect(error.cause).toMatchObject({ code: "STATEMENT_CHAIN_INVALID" });
    expect(error.message).toContain("CN=Root");
    const before = [await receiptFor(alpha, signed.entry, { time: TIME - 1 })];
    const verified = await verifyTransparentStatement(attachReceipts(signed, before), trust);
    expect(verified.judgedAt).toBe(TIME - 1);
  });

  test("without any such time a chain is refused, and the message says why", async () => {
    const decoded = await statement();
    const receipt = await receiptFor(alpha, decoded.entry);
    const bytes = attachReceipts(decoded, [await timeless(receipt, decoded.entry)]);
    const error = await rejection(verifyTransparentStatement(bytes, trustIn([alpha], anchored())));
    expect(error.code).toBe("VERIFIER_ISSUER_UNVERIFIED");
    expect(error.cause).toMatchObject({ code: "STATEMENT_CHAIN_UNTRUSTED" });
    expect(error.message).toBe(
      "there is no time to judge the certificates at: no receipt or record states one",
    );
  });
});

describe("an issuer that is its own key", () => {
  const jwk = VENDOR.publicKey.toJwk();
  const text = JSON.stringify({ kty: jwk.kty, crv: jwk.crv, x: jwk.x });
  const iss = `did:jwk:${encodeBase64url(new TextEncoder().encode(text))}`;

  test("counts where the file takes its method, and nowhere else", async () => {
    const bytes = await registered({ iss, signer: VENDOR, isPlain: true });
    const taking = trustIn([alpha], { selfContained: ["did:jwk"] });
    const verified = await verifyTransparentStatement(bytes, taking);
    expect(verified.identity).toMatchObject({ kind: "did", method: "did:jwk" });
    expect(verified.steps.at(-1)?.detail).toMatch(/ holds, by the key in its did:jwk$/);
    for (const rest of [{ selfContained: ["did:key"] }, { selfContained: [] }, anchored()]) {
      const error = await rejection(verifyTransparentStatement(bytes, trustIn([alpha], rest)));
      expect(error.cause).toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
    }
  });

  test("may be a did:key", async () => {
    const x = Buffer.from(jwk.x ?? "", "base64url");
    const key = `did:key:z${base58(Uint8Array.of(0xed, 0x01, ...x))}`;
    const bytes = await registered({ iss: key, signer: VENDOR, isPlain: true });
    const trust = trustIn([alpha], { selfContained: ["did:key"] });
    expect((await verifyTransparentStatement(bytes, trust)).identity).toMatchObject({
      kind: "did",
      method: "did:key",
    });
  });
});

function base58(bytes: Uint8Array): string {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (; value > 0n; value /= 58n) text = alphabet.charAt(Number(value % 58n)) + text;
  return text;
}

/** Yields the receipt for the entry without iat, signed again. */
async function timeless(receipt: Uint8Array, entry: Uint8Array): Promise<Uint8Array> {
  const decoded = Receipt.decode(receipt);
  const { root: payload } = await VerifiedInclusion.verify(decoded, {
    entry,
    key: alpha.key.publicKey,
  });
  const protectedHeader = new Map(decoded.message.protectedHeader);
  const claims = new Map([
    [CLAIM.iss, alpha.issuer],
    [CLAIM.sub, alpha.origin],
  ]);
  protectedHeader.set(LABEL.cwtClaims, claims);
  const { unprotectedHeader } = decoded.message;
  return signSign1({ protectedHeader, unprotectedHeader, payload, detached: true }, alpha.key);
}
