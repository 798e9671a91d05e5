import { PrivateKey, encodeBase64url } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { StatementError } from "../error.js";
import { decodeBase58 } from "./base58.js";
import { selfContainedIssuer } from "./self-contained.js";

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Written with big integers, unlike what it tests. */
function encodeBase58(bytes: Uint8Array): string {
  let number = BigInt(`0x0${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (; number > 0n; number /= 58n) text = ALPHABET.charAt(Number(number % 58n)) + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros === -1 ? bytes.length : zeros) + text;
}

function didKey(...bytes: readonly number[]): string {
  return `did:key:z${encodeBase58(Uint8Array.from(bytes))}`;
}

function didJwk(jwk: unknown): string {
  return `did:jwk:${encodeBase64url(new TextEncoder().encode(JSON.stringify(jwk)))}`;
}

function codeOf(iss: string): string {
  try {
    selfContainedIssuer(iss);
    return "ok";
  } catch (error) {
    if (error instanceof StatementError) return error.code;
    throw error;
  }
}

test("base58 of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(decodeBase58(encodeBase58(bytes))).toStrictEqual(bytes);
    }),
  );
});

test.each([
  ["0, O, I and l", "0OIl"],
  ["more than 4,096 characters", "z".repeat(4097)],
])("base58 refuses %s", (_name, text) => {
  expect(() => decodeBase58(text)).toThrow(StatementError);
});

// Examples of the did:key specification (W3C CCG).
test.each([
  ["Ed25519", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "OKP"],
  ["P-256", "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", "EC2"],
  [
    "P-384",
    "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
    "EC2",
  ],
])("an example of the specification, %s", (_name, iss, kty) => {
  expect(selfContainedIssuer(iss)).toMatchObject({ method: "did:key", key: { kty } });
});

describe("a generated key", () => {
  test.each([
    ["EdDSA", "ed01"],
    ["ES256", "8024"],
    ["ES384", "8124"],
    ["ES512", "8224"],
  ] as const)("%s, both ways", async (name, prefix) => {
    const { publicKey } = await PrivateKey.generate(name);
    const jwk = publicKey.toJwk();
    const { x = "", y } = jwk;
    const sign = y === undefined ? [] : [2 + ((Buffer.from(y, "base64url").at(-1) ?? 0) % 2)];
    const iss = didKey(...Buffer.from(prefix, "hex"), ...sign, ...Buffer.from(x, "base64url"));
    const byKey = selfContainedIssuer(iss);
    expect(byKey?.key.thumbprint()).toStrictEqual(publicKey.thumbprint());
    expect(byKey?.names).toContain(`${iss}#${iss.slice("did:key:".length)}`);
    const byJwk = selfContainedIssuer(didJwk(jwk));
    expect(byJwk?.key.thumbprint()).toStrictEqual(publicKey.thumbprint());
    expect(byJwk?.names).toContain("#0");
  });

  test("RSA", async () => {
    const { publicKey } = await PrivateKey.generate("PS256");
    const { n = "" } = publicKey.toJwk();
    const modulus = [0, ...Buffer.from(n, "base64url")];
    const integer = [0x02, 0x82, modulus.length >> 8, modulus.length & 0xff, ...modulus];
    const content = [...integer, 0x02, 0x03, 0x01, 0x00, 0x01];
    const pkcs1 = [0x30, 0x82, content.length >> 8, content.length & 0xff, ...content];
    const issuer = selfContainedIssuer(didKey(0x85, 0x24, ...pkcs1));
    expect(issuer?.key.thumbprint()).toStrictEqual(publicKey.thumbprint());
  });
});

test("every other iss is none", () => {
  expect(selfContainedIssuer("https://vendor.example")).toBeUndefined();
  expect(selfContainedIssuer("did:web:vendor.example")).toBeUndefined();
});

const ED25519 = Array.from(
  Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex"),
);

test.each([
  ["a fragment", `${didKey(0xed, 1, ...ED25519)}#key`],
  ["a query", "did:jwk:e30?a=b"],
  ["another base than base58btc", "did:key:uAAA"],
  ["an unknown kind of key", didKey(0xe7, 1, ...ED25519)],
  ["a codec in more bytes than it needs", didKey(0x6d, 0x00, ...ED25519)],
  ["a key that is too short", didKey(0xed, 1, ...ED25519.slice(1))],
  ["a point that is not compressed", didKey(0x80, 0x24, 4, ...ED25519)],
  ["a point that is not on the curve", didKey(0x80, 0x24, 2, ...new Array<number>(32).fill(255))],
  ["a small-order key", didKey(0xed, 1, 1, ...new Array<number>(31).fill(0))],
  ["an RSA key that is not PKCS #1", didKey(0x85, 0x24, 0x30, 0)],
  ["nothing after the codec", didKey(0xed, 1)],
  ["nothing at all", "did:key:z"],
  ["base64 with padding", "did:jwk:e30="],
  ["no JSON", "did:jwk:AAAA"],
  ["JSON that is no key", didJwk({})],
  ["a private key", didJwk({ kty: "OKP", crv: "Ed25519", x: "AA", d: "AA" })],
  ["a member twice", `did:jwk:${encodeBase64url(Buffer.from('{"kty":"OKP","kty":"EC"}'))}`],
])("refused: %s", (_name, iss) => {
  expect(codeOf(iss)).toBe("STATEMENT_DID_INVALID");
});

test("any text is a key, none, or refused", () => {
  const text = fc.oneof(
    fc.string(),
    fc.uint8Array({ maxLength: 70 }).map((bytes) => didKey(...bytes)),
    fc.json().map((json) => `did:jwk:${encodeBase64url(Buffer.from(json))}`),
    fc.string().map((id) => `did:key:z${id}`),
  );
  fc.assert(
    fc.property(text, (iss) => {
      expect(["ok", "STATEMENT_DID_INVALID"]).toContain(codeOf(iss));
    }),
  );
});
