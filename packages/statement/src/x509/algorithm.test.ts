import { describe, expect, test } from "@jest/globals";
import { der, integer, oid, sequence } from "../testing/der.js";
import { signatureAlgorithmOf } from "./algorithm.js";
import { parseDer } from "./der.js";

const NULL = Uint8Array.of(5, 0);
const SHA256 = "2.16.840.1.101.3.4.2.1";
const SHA512 = "2.16.840.1.101.3.4.2.3";

const schemeOf = (...parts: readonly Uint8Array[]): unknown =>
  signatureAlgorithmOf(parseDer(sequence(...parts))).scheme;

interface Pss {
  readonly hash?: Uint8Array;
  readonly mask?: Uint8Array;
  readonly salt?: readonly Uint8Array[];
}

function pss({ hash, mask, salt = [der(0xa2, integer(32))] }: Pss = {}): readonly Uint8Array[] {
  const digest = sequence(oid(SHA256), NULL);
  const fields = [
    hash ?? der(0xa0, digest),
    mask ?? der(0xa1, sequence(oid("1.2.840.113549.1.1.8"), digest)),
    ...salt,
  ];
  return [oid("1.2.840.113549.1.1.10"), sequence(...fields)];
}

const generator = (digest: string, id = "1.2.840.113549.1.1.8"): Uint8Array =>
  der(0xa1, sequence(oid(id), sequence(oid(digest))));

describe("supported", () => {
  test.each<[string, readonly Uint8Array[], unknown]>([
    [
      "RSA with NULL",
      [oid("1.2.840.113549.1.1.11"), NULL],
      { kty: "RSA", padding: "pkcs1", hash: "sha-256" },
    ],
    [
      "RSA with nothing",
      [oid("1.2.840.113549.1.1.13")],
      { kty: "RSA", padding: "pkcs1", hash: "sha-512" },
    ],
    ["PSS", pss(), { kty: "RSA", padding: "pss", hash: "sha-256", saltBytes: 32 }],
    [
      "PSS with the default salt",
      pss({ salt: [] }),
      { kty: "RSA", padding: "pss", hash: "sha-256", saltBytes: 20 },
    ],
    [
      "PSS with a long salt",
      pss({ salt: [der(0xa2, integer(1, 0))] }),
      { kty: "RSA", padding: "pss", hash: "sha-256", saltBytes: 256 },
    ],
    ["ECDSA", [oid("1.2.840.10045.4.3.3")], { kty: "EC2", hash: "sha-384" }],
    ["Ed25519", [oid("1.3.101.112")], { kty: "OKP" }],
    ["ML-DSA", [oid("2.16.840.1.101.3.4.3.18")], { kty: "AKP", alg: "ML-DSA-65" }],
  ])("%s", (_name, parts, scheme) => {
    expect(schemeOf(...parts)).toStrictEqual(scheme);
  });
});

describe("not supported", () => {
  test.each<[string, readonly Uint8Array[]]>([
    ["RSA with MD5", [oid("1.2.840.113549.1.1.4"), NULL]],
    ["RSA with SHA-1", [oid("1.2.840.113549.1.1.5"), NULL]],
    ["RSA with parameters", [oid("1.2.840.113549.1.1.11"), sequence()]],
    ["RSA with two parameters", [oid("1.2.840.113549.1.1.11"), NULL, NULL]],
    ["ECDSA with SHA-1", [oid("1.2.840.10045.4.1")]],
    ["ECDSA with NULL", [oid("1.2.840.10045.4.3.2"), NULL]],
    ["Ed25519 with NULL", [oid("1.3.101.112"), NULL]],
    ["Ed448", [oid("1.3.101.113")]],
    ["ML-DSA with NULL", [oid("2.16.840.1.101.3.4.3.18"), NULL]],
    ["PSS without parameters", [oid("1.2.840.113549.1.1.10")]],
    ["PSS with NULL", [oid("1.2.840.113549.1.1.10"), NULL]],
    ["PSS of defaults", [oid("1.2.840.113549.1.1.10"), sequence()]],
    ["PSS with SHA-1", pss({ hash: der(0xa0, sequence(oid("1.3.14.3.2.26"))) })],
    ["PSS with two hashes", pss({ mask: generator(SHA512) })],
    ["PSS with another mask", pss({ mask: generator(SHA256, "1.2.3") })],
    ["PSS with an empty mask", pss({ mask: der(0xa1, sequence()) })],
    ["PSS with a negative salt", pss({ salt: [der(0xa2, integer(0xff))] })],
    ["PSS with a huge salt", pss({ salt: [der(0xa2, integer(1, 0, 0))] })],
    ["PSS with a trailer", pss({ salt: [der(0xa2, integer(32)), der(0xa3, integer(2))] })],
    ["PSS with two parameters", [...pss(), NULL]],
  ])("%s", (_name, parts) => {
    expect(schemeOf(...parts)).toBeUndefined();
  });
});
