import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { encodeAkpPkcs8, encodeAkpSpki } from "./akp-der.js";
import { algorithmByName } from "./algorithm.js";
import { encodeBase64url } from "./base64url.js";
import { decodeCborMap } from "./decode.js";
import { encodeCbor } from "./encode.js";
import { decodeHex, encodeHex } from "./hex.js";
import type { Jwk } from "./jwk.js";
import { KEY_LABEL } from "./labels.js";
import type { AkpSecret } from "./material.js";
import { expandMlDsa, ML_DSA, ML_DSA_NAMES, type MlDsaName } from "./ml-dsa.js";
import { PrivateKey } from "./private-key.js";
import { PublicKey } from "./public-key.js";
import { verifySignature } from "./signature.js";
import { refusal, rejection } from "./testing/refusal.js";
import { deriveAkp } from "./vetting.js";

const MESSAGE = new TextEncoder().encode("the split stick");

function secretOf(alg: MlDsaName): AkpSecret {
  const priv = new Uint8Array(32).fill(7);
  return { kty: "AKP", public: deriveAkp(alg, priv), priv };
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const at = Math.floor(bit / 8) % bytes.length;
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (bit % 8)));
}

describe.each(ML_DSA_NAMES)("%s public key", (alg) => {
  const { public: material } = secretOf(alg);
  const pub = encodeBase64url(material.pub);
  const jwk: Jwk = { kty: "AKP", alg, pub };
  const key = PublicKey.fromJwk(jwk);
  const other = alg === "ML-DSA-44" ? "ML-DSA-65" : "ML-DSA-44";
  const codeOfJwk = (change: object): string =>
    refusal(() => PublicKey.fromJwk({ ...jwk, ...change }));
  const codeOfCose = (...change: [number, unknown][]): string =>
    refusal(() => PublicKey.fromCoseKey(new Map([...key.toCoseKey(), ...change] as [])));

  test("JWK, COSE_Key, SPKI and PEM give the same key", () => {
    const der = encodeAkpSpki(material);
    const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(der).toString("base64")}\n-----END PUBLIC KEY-----\n`;
    for (const twin of [
      PublicKey.fromSpki(der),
      PublicKey.fromPem(pem),
      PublicKey.fromCoseKey(decodeCborMap(encodeCbor(key.toCoseKey()))),
      PublicKey.fromJwk(JSON.parse(JSON.stringify(key.toJwk()))),
    ]) {
      expect(twin.toJwk()).toEqual({ ...jwk, kid: encodeBase64url(key.thumbprint()) });
      expect(twin.kty).toBe("AKP");
      expect(twin.curve).toBeUndefined();
      expect(twin.algorithm?.name).toBe(alg);
      expect(twin.kid).toEqual(key.thumbprint());
    }
    expect(key.toCoseKey().get(KEY_LABEL.alg)).toBe(algorithmByName(alg).id);
  });

  test("alg is needed and has to be one of ML-DSA", () => {
    expect(codeOfJwk({ alg: undefined })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ alg: 7 })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ alg: "ML-DSA-66" })).toBe("COSE_ALG_UNSUPPORTED");
    expect(codeOfJwk({ alg: "ES256" })).toBe("COSE_ALG_KEY_MISMATCH");
    const map = new Map(key.toCoseKey());
    map.delete(KEY_LABEL.alg);
    expect(refusal(() => PublicKey.fromCoseKey(map))).toBe("COSE_KEY_MALFORMED");
    expect(codeOfCose([3, "ML-DSA-44"])).toBe("COSE_ALG_UNSUPPORTED");
    expect(codeOfCose([3, -7])).toBe("COSE_ALG_KEY_MISMATCH");
  });

  test("the length has to be that of its algorithm", () => {
    for (const bytes of [
      new Uint8Array(0),
      material.pub.subarray(1),
      Uint8Array.of(0, ...material.pub),
    ]) {
      expect(codeOfJwk({ pub: encodeBase64url(bytes) })).toBe("COSE_KEY_MALFORMED");
      expect(codeOfCose([-1, bytes])).toBe("COSE_KEY_MALFORMED");
      expect(refusal(() => PublicKey.fromSpki(encodeAkpSpki({ ...material, pub: bytes })))).toBe(
        "COSE_KEY_MALFORMED",
      );
    }
    expect(codeOfJwk({ alg: other })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ pub: undefined })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfCose([-1, "text"])).toBe("COSE_KEY_MALFORMED");
  });

  test("private members and AlgorithmIdentifier parameters are refused", () => {
    expect(codeOfJwk({ priv: "AA" })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfCose([-2, new Uint8Array(32)])).toBe("COSE_KEY_MALFORMED");
    const der = encodeHex(encodeAkpSpki(material));
    const oid = ML_DSA[alg].oid;
    const withNull = der
      .replace(`300b0609${oid}`, `300d0609${oid}0500`)
      .replace(/^3082(\w{4})/, (_all, length: string) => {
        return `3082${(Number.parseInt(length, 16) + 2).toString(16).padStart(4, "0")}`;
      });
    expect(refusal(() => PublicKey.fromSpki(decodeHex(withNull)))).toBe("COSE_KEY_MALFORMED");
  });

  test("fits its own algorithm alone", async () => {
    expect(key.fits(algorithmByName(alg))).toBe(true);
    for (const name of [other, "ES256", "EdDSA", "PS256"]) {
      expect(key.fits(algorithmByName(name))).toBe(false);
    }
    const input = { key, message: MESSAGE, signature: new Uint8Array(2420) };
    expect(await rejection(verifySignature({ ...input, algorithm: algorithmByName(other) }))).toBe(
      "COSE_ALG_KEY_MISMATCH",
    );
  });
});

describe.each(ML_DSA_NAMES)("%s private key", (alg) => {
  const secret = secretOf(alg);
  const { pub, expanded } = expandMlDsa(alg, secret.priv);
  const jwk: Jwk = {
    ...{ kty: "AKP", alg, pub: encodeBase64url(pub) },
    priv: encodeBase64url(secret.priv),
  };
  const codeOfJwk = (change: object): string =>
    refusal(() => PrivateKey.fromJwk({ ...jwk, ...change }));

  const der = (tag: number, ...content: Uint8Array[]): Uint8Array => {
    const bytes = Buffer.concat(content);
    const length =
      bytes.length < 128 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 255];
    return Uint8Array.of(tag, ...length, ...bytes);
  };
  /** PKCS #8 around the key, as PEM. */
  const pem = (key: Uint8Array, ...rest: Uint8Array[]): string => {
    const oid = der(0x30, der(0x06, decodeHex(ML_DSA[alg].oid)));
    const version = Uint8Array.of(2, 1, rest.length);
    const info = der(0x30, version, oid, der(0x04, key), ...rest);
    return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(info).toString("base64")}\n-----END PRIVATE KEY-----\n`;
  };
  const codeOfPem = (text: string): string => refusal(() => PrivateKey.fromPem(text));
  const seedOnly = der(0x80, secret.priv);
  const both = der(0x30, der(0x04, secret.priv), der(0x04, expanded));

  test("JWK and PEM give the same key", async () => {
    const key = PrivateKey.fromJwk(jwk);
    const kid = encodeBase64url(key.publicKey.thumbprint());
    expect(key.toJwk()).toEqual({ ...jwk, kid });
    for (const text of [
      pem(seedOnly),
      pem(both),
      pem(seedOnly, der(0x81, Uint8Array.of(0), pub)),
    ]) {
      expect(PrivateKey.fromPem(text).toJwk()).toEqual(key.toJwk());
    }
    const own = Buffer.from(encodeAkpPkcs8(secret)).toString("base64");
    expect(pem(seedOnly)).toContain(own);
    const signature = await key.sign(MESSAGE);
    const { algorithm, publicKey } = PrivateKey.fromPem(pem(both));
    await verifySignature({ algorithm, key: publicKey, message: MESSAGE, signature });
    expect(publicKey.toJwk()).not.toHaveProperty("priv");
  });

  test("must be a seed that belongs to its public key", () => {
    expect(codeOfJwk({ priv: encodeBase64url(new Uint8Array(32)) })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ priv: encodeBase64url(expanded) })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ priv: encodeBase64url(new Uint8Array(31)) })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ pub: encodeBase64url(flip(pub, 9)) })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfJwk({ priv: undefined })).toBe("COSE_KEY_NOT_PRIVATE");
    expect(codeOfJwk({ priv: undefined, d: jwk.priv })).toBe("COSE_KEY_NOT_PRIVATE");
  });

  test.each<[string, Uint8Array, string]>([
    ["the expanded key alone", der(0x04, expanded), "COSE_KEY_UNSUPPORTED"],
    [
      "an expanded key of another seed",
      der(0x30, der(0x04, secret.priv.with(0, 1)), der(0x04, expanded)),
      "COSE_KEY_MALFORMED",
    ],
    [
      "a damaged expanded key",
      both.with(both.length - 1, (both.at(-1) ?? 0) ^ 1),
      "COSE_KEY_MALFORMED",
    ],
    ["a short seed", der(0x80, secret.priv.subarray(1)), "COSE_KEY_MALFORMED"],
    [
      "a short seed in both",
      der(0x30, der(4, new Uint8Array(31)), der(4, expanded)),
      "COSE_KEY_MALFORMED",
    ],
    ["both without the expanded key", der(0x30, der(4, secret.priv)), "COSE_KEY_MALFORMED"],
    ["a byte behind", Uint8Array.of(...seedOnly, 0), "COSE_KEY_MALFORMED"],
    ["a seed under another tag", seedOnly.with(0, 0x81), "COSE_KEY_MALFORMED"],
    ["nothing", new Uint8Array(0), "COSE_KEY_MALFORMED"],
  ])("PKCS #8 with %s is refused", (_name, key, code) => {
    expect(codeOfPem(pem(key))).toBe(code);
  });

  test("a public key beside it has to be its own", () => {
    const wrong = der(0x81, Uint8Array.of(0), flip(pub, 9));
    expect(codeOfPem(pem(seedOnly, wrong))).toBe("COSE_KEY_MALFORMED");
  });

  test("printing it reveals nothing, and errors about it neither", () => {
    const key = PrivateKey.fromJwk(jwk);
    let error: unknown;
    try {
      PrivateKey.fromJwk({ ...jwk, pub: encodeBase64url(flip(pub, 9)) });
    } catch (thrown) {
      error = thrown;
    }
    const options = { depth: 20, showHidden: true, getters: true };
    const shown = [JSON.stringify(key), inspect(key, options), inspect(error, options)].join();
    expect(error).toBeInstanceOf(Error);
    for (const form of [jwk.priv ?? "", encodeHex(secret.priv), secret.priv.join(", ")]) {
      expect(shown).not.toContain(form);
    }
  });
});
