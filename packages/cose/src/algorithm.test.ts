import { describe, expect, test } from "@jest/globals";
import { ALGORITHMS, algorithmById, algorithmByName, isSameOperation } from "./algorithm.js";
import { refusal } from "./testing/refusal.js";

describe("algorithm table", () => {
  // IANA "COSE Algorithms"; RFC 9053 Table 1, RFC 8230 Table 1, RFC 9864 Table 1, RFC 9964.
  test.each([
    [-7, "ES256", "EC2", "P-256", "sha-256", 64],
    [-35, "ES384", "EC2", "P-384", "sha-384", 96],
    [-36, "ES512", "EC2", "P-521", "sha-512", 132],
    [-8, "EdDSA", "OKP", "Ed25519", null, 64],
    [-9, "ESP256", "EC2", "P-256", "sha-256", 64],
    [-51, "ESP384", "EC2", "P-384", "sha-384", 96],
    [-52, "ESP512", "EC2", "P-521", "sha-512", 132],
    [-19, "Ed25519", "OKP", "Ed25519", null, 64],
    [-37, "PS256", "RSA", undefined, "sha-256", null],
    [-38, "PS384", "RSA", undefined, "sha-384", null],
    [-39, "PS512", "RSA", undefined, "sha-512", null],
    [-48, "ML-DSA-44", "AKP", undefined, null, 2420],
    [-49, "ML-DSA-65", "AKP", undefined, null, 3309],
    [-50, "ML-DSA-87", "AKP", undefined, null, 4627],
  ])("%d is %s", (...row) => {
    const [id, name, kty, curve, hash, signatureBytes] = row;
    const algorithm = algorithmById(id);
    expect(algorithm).toBe(algorithmByName(name));
    expect(algorithm).toMatchObject({ id, name, kty, hash, signatureBytes });
    expect(algorithm.curve).toBe(curve);
  });

  test("numbers and names are unique, and the list above is whole", () => {
    expect(new Set(ALGORITHMS.map(({ id }) => id)).size).toBe(14);
    expect(new Set(ALGORITHMS.map(({ name }) => name)).size).toBe(14);
    expect(ALGORITHMS).toHaveLength(14);
  });

  test.each([
    ["RS256", -257],
    ["Ed448", -53],
    ["ES256K", -47],
    ["HashML-DSA-44", "HashML-DSA-44"],
    ["HMAC", 5],
    ["a hash", -16],
    ["zero", 0],
    ["text", "ES256"],
    ["bytes", Uint8Array.of(0x26)],
    ["nothing", undefined],
    ["an integer beyond the safe range", -(2n ** 60n)],
  ])("refuses %s", (_name, id) => {
    expect(refusal(() => algorithmById(id))).toBe("COSE_ALG_UNSUPPORTED");
  });

  test.each(["es256", "RS256", "none", "", "toString", "__proto__"])(
    "refuses the name %j",
    (name) => {
      expect(refusal(() => algorithmByName(name))).toBe("COSE_ALG_UNSUPPORTED");
    },
  );

  test.each([
    ["ES256", "ESP256", true],
    ["ES384", "ESP384", true],
    ["ES512", "ESP512", true],
    ["EdDSA", "Ed25519", true],
    ["PS256", "PS384", false],
    ["ES256", "ES384", false],
    ["ES256", "PS256", false],
    ["ML-DSA-44", "ML-DSA-65", false],
    ["ML-DSA-65", "ML-DSA-87", false],
    ["ML-DSA-87", "ML-DSA-87", true],
    ["EdDSA", "ML-DSA-44", false],
  ])("%s and %s are the same operation: %p", (a, b, isSame) => {
    expect(isSameOperation(algorithmByName(a), algorithmByName(b))).toBe(isSame);
  });
});
