// ML-DSA keys and signatures (FIPS 204, RFC 9964) for vectors. Production signs with fresh randomness;
// here it is left out (§3.4, the deterministic variant), so that vectors can be made again byte for
// byte. Verifiers see no difference.
import { createHash } from "node:crypto";
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";

const DETERMINISTIC = { extraEntropy: false };
const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);

/** What HashML-DSA signs with SHA-512 and the empty context (FIPS 204 §5.4.1). */
function prehashed(bytes) {
  const oid = Buffer.from("0609608648016503040203", "hex");
  return Buffer.concat([Buffer.of(1, 0), oid, createHash("sha512").update(bytes).digest()]);
}

function makeSet(alg, { id, implementation }) {
  const { publicKey, secretKey } = implementation.keygen(SEED);
  const key = { kty: "AKP", alg, pub: Buffer.from(publicKey).toString("base64url") };
  const sign = (bytes, options = {}) =>
    Buffer.from(implementation.sign(bytes, secretKey, { ...DETERMINISTIC, ...options }));
  const signPrehashed = (bytes) =>
    Buffer.from(implementation.internal.sign(prehashed(bytes), secretKey, DETERMINISTIC));
  return { id, key, sign, signPrehashed };
}

/** Of each parameter set: its COSE number, a public key, and how to sign with it. */
export const ML_DSA = {
  "ML-DSA-44": makeSet("ML-DSA-44", { id: -48, implementation: ml_dsa44 }),
  "ML-DSA-65": makeSet("ML-DSA-65", { id: -49, implementation: ml_dsa65 }),
  "ML-DSA-87": makeSet("ML-DSA-87", { id: -50, implementation: ml_dsa87 }),
};
