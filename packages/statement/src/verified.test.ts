import { LABEL, PrivateKey, PublicKey, encodeSign1, type AlgorithmName } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { IssuerKeys } from "./issuers.js";
import { signStatement } from "./sign.js";
import { SignedStatement } from "./statement.js";
import type { KeyResolver } from "./identity.js";
import { VerifiedStatement } from "./verified.js";
import { flipBit, rejection } from "./testing/refusal.js";
import { ISSUER, OTHER, PAYLOAD, SUBJECT, VENDOR, headerWith, signed } from "./testing/sample.js";

const keys = new IssuerKeys([{ iss: ISSUER, keys: [VENDOR.publicKey] }]);
const inline = {
  issuer: ISSUER,
  subject: SUBJECT,
  payload: PAYLOAD,
  contentType: "application/json",
};

/** Resolves whatever is asked for to one key. */
function always(key: PublicKey): KeyResolver {
  return { resolve: () => key };
}

async function codeOf(bytes: Uint8Array, resolver: KeyResolver = keys): Promise<string> {
  return rejection(VerifiedStatement.verify(SignedStatement.decode(bytes), resolver));
}

describe("a signature that holds", () => {
  test.each<AlgorithmName>([
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "ESP256",
    "Ed25519",
    "PS256",
    "ML-DSA-44",
    "ML-DSA-65",
    "ML-DSA-87",
  ])("%s", async (name) => {
    const key = await PrivateKey.generate(name);
    const statement = SignedStatement.decode(await signStatement(inline, key));
    const resolver = new IssuerKeys([{ iss: ISSUER, keys: [key.publicKey] }]);
    const verified = await VerifiedStatement.verify(statement, resolver);
    expect(verified.statement).toBe(statement);
    expect(verified.key.thumbprint()).toStrictEqual(key.publicKey.thumbprint());
    expect(Object.isFrozen(verified)).toBe(true);
  });

  test("covers critical labels that are understood", async () => {
    const protectedHeader = headerWith([[LABEL.crit, [LABEL.cwtClaims, LABEL.kid]]]);
    const statement = SignedStatement.decode(await signed({ protectedHeader }));
    expect(VerifiedStatement.is(await VerifiedStatement.verify(statement, keys))).toBe(true);
  });

  test("an unprotected x5chain beside a protected kid neither helps nor hurts", async () => {
    const unprotectedHeader = new Map([[LABEL.x5chain, PAYLOAD]]);
    const statement = SignedStatement.decode(await signed({ unprotectedHeader }));
    expect(VerifiedStatement.is(await VerifiedStatement.verify(statement, keys))).toBe(true);
  });
});

describe("verified again", () => {
  async function again(authority: KeyResolver): Promise<VerifiedStatement> {
    const statement = SignedStatement.decode(await signed());
    return (await VerifiedStatement.verify(statement, keys)).verifyAgain(authority);
  }

  test("is the same statement, as the other authority names its issuer", async () => {
    const jwk = { ...VENDOR.publicKey.toJwk(), use: "sig" };
    const named = PublicKey.fromJwk(jwk);
    const verified = await again(always(named));
    expect(VerifiedStatement.is(verified)).toBe(true);
    expect(verified.key).toBe(named);
  });

  test("refuses an issuer that is not known any more", async () => {
    expect(await rejection(again({ resolve: () => undefined }))).toBe("STATEMENT_KEY_UNKNOWN");
  });

  test("refuses another key", async () => {
    const { publicKey } = await PrivateKey.generate("EdDSA");
    expect(await rejection(again(always(publicKey)))).toBe("STATEMENT_SIGNATURE_INVALID");
    expect(await rejection(again(always(OTHER.publicKey)))).toBe("STATEMENT_KEY_MISMATCH");
  });

  test("refuses the same key, once it is for another algorithm", async () => {
    const key = await PrivateKey.generate("PS256");
    const jwk = key.publicKey.toJwk();
    const statement = SignedStatement.decode(await signStatement(inline, key));
    const verified = await VerifiedStatement.verify(statement, always(key.publicKey));
    const restricted = PublicKey.fromJwk({ ...jwk, alg: "PS384" });
    expect(await rejection(verified.verifyAgain(always(restricted)))).toBe(
      "STATEMENT_KEY_MISMATCH",
    );
  });
});

describe("refused", () => {
  test("a detached payload", async () => {
    expect(await codeOf(await signed({ payload: null }))).toBe("STATEMENT_PAYLOAD_MISSING");
  });

  test("an issuer, or a kid, that the resolver does not know", async () => {
    const others = new IssuerKeys([{ iss: "https://other.example", keys: [VENDOR.publicKey] }]);
    expect(await codeOf(await signed(), others)).toBe("STATEMENT_KEY_UNKNOWN");
    const bytes = await signed({ protectedHeader: headerWith([[LABEL.kid, PAYLOAD]]) });
    expect(await codeOf(bytes)).toBe("STATEMENT_KEY_UNKNOWN");
  });

  test.each([
    [
      "x5chain that nobody opens without an anchor",
      LABEL.x5chain,
      PAYLOAD,
      "STATEMENT_CHAIN_UNTRUSTED",
    ],
    ["x5t that is none", LABEL.x5t, [-16, PAYLOAD], "STATEMENT_CHAIN_MALFORMED"],
    ["x5bag", LABEL.x5bag, PAYLOAD, "STATEMENT_KEY_UNKNOWN"],
    ["x5u", LABEL.x5u, "https://vendor.example/chain", "STATEMENT_KEY_UNKNOWN"],
  ] as const)("T6: %s, beside a kid that is known", async (...[, label, value, code]) => {
    const protectedHeader = headerWith([[label, value]]);
    expect(await codeOf(await signed({ protectedHeader }), always(VENDOR.publicKey))).toBe(code);
  });

  test("a key of another type", async () => {
    expect(await codeOf(await signed(), always(OTHER.publicKey))).toBe("STATEMENT_KEY_MISMATCH");
  });

  test("alg -7 under a P-384 key", async () => {
    const { publicKey } = await PrivateKey.generate("ES384");
    const bytes = await signStatement(inline, OTHER);
    expect(await codeOf(bytes, always(publicKey))).toBe("STATEMENT_KEY_MISMATCH");
  });

  test("another key of the same type", async () => {
    const { publicKey } = await PrivateKey.generate("EdDSA");
    expect(await codeOf(await signed(), always(publicKey))).toBe("STATEMENT_SIGNATURE_INVALID");
  });

  test("a signature over other bytes, of the wrong length, or empty", async () => {
    const { message } = SignedStatement.decode(await signed());
    const other = SignedStatement.decode(await signed({ payload: Uint8Array.of(1) }));
    const signatures = [other.message.signature, message.signature.subarray(1), new Uint8Array()];
    for (const signature of signatures) {
      const bytes = encodeSign1({ ...message, signature });
      expect(await codeOf(bytes)).toBe("STATEMENT_SIGNATURE_INVALID");
    }
  });

  test("every flipped bit of the signature", async () => {
    const bytes = await signed();
    const start = bytes.length - 64;
    for (let bit = 0; bit < 64 * 8; bit += 5) {
      expect(await codeOf(flipBit(bytes, start * 8 + bit))).toBe("STATEMENT_SIGNATURE_INVALID");
    }
  });

  test("with the layer below as its cause", async () => {
    const { publicKey } = await PrivateKey.generate("EdDSA");
    const pending = VerifiedStatement.verify(
      SignedStatement.decode(await signed()),
      always(publicKey),
    );
    await expect(pending).rejects.toMatchObject({ cause: { code: "COSE_SIGNATURE_INVALID" } });
  });

  test("what a resolver throws passes unchanged", async () => {
    const broken: KeyResolver = {
      resolve: () => {
        throw new RangeError("resolver is broken");
      },
    };
    const statement = SignedStatement.decode(await signed());
    await expect(VerifiedStatement.verify(statement, broken)).rejects.toThrow(RangeError);
  });
});
