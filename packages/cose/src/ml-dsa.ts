import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";

/** The parameter sets of ML-DSA (FIPS 204 §4) by their COSE and JOSE names (RFC 9964). */
export type MlDsaName = "ML-DSA-44" | "ML-DSA-65" | "ML-DSA-87";

/** How one parameter set is named and how long its keys are (FIPS 204 Table 2). */
export interface MlDsaRow {
  readonly publicBytes: number;
  /** Content of the DER object identifier in hex (RFC 9881 §2). */
  readonly oid: string;
}

/** Every parameter set of this library. */
export const ML_DSA: Readonly<Record<MlDsaName, MlDsaRow>> = {
  "ML-DSA-44": { publicBytes: 1312, oid: "608648016503040311" },
  "ML-DSA-65": { publicBytes: 1952, oid: "608648016503040312" },
  "ML-DSA-87": { publicBytes: 2592, oid: "608648016503040313" },
};

/** The names, weakest first. */
export const ML_DSA_NAMES: readonly MlDsaName[] = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];

/** Length of ξ, which is all of a private key here (RFC 9964: priv is the seed). */
export const ML_DSA_SEED_BYTES = 32;

// Pure ML-DSA with the empty context throughout (RFC 9964), which is what the library does
// where nothing is asked of it.
const IMPLEMENTATIONS = { "ML-DSA-44": ml_dsa44, "ML-DSA-65": ml_dsa65, "ML-DSA-87": ml_dsa87 };

/** Yields the public key and the expanded private key of a seed (FIPS 204 §6.1). */
export function expandMlDsa(
  name: MlDsaName,
  seed: Uint8Array,
): { readonly pub: Uint8Array; readonly expanded: Uint8Array } {
  const { publicKey, secretKey } = IMPLEMENTATIONS[name].keygen(seed);
  return { pub: publicKey, expanded: secretKey };
}

/** Yields a new seed from the platform's random source. */
export function generateMlDsa(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(ML_DSA_SEED_BYTES));
}

/** Yields a signature, hedged with fresh randomness (FIPS 204 §3.4): no two are alike. */
export function signMlDsa(name: MlDsaName, message: Uint8Array, seed: Uint8Array): Uint8Array {
  return IMPLEMENTATIONS[name].sign(message, expandMlDsa(name, seed).expanded);
}

/** Yields whether the signature holds (FIPS 204 §5.3). Key and signature have their lengths. */
export function isMlDsaSignature(
  name: MlDsaName,
  pub: Uint8Array,
  { message, signature }: { readonly message: Uint8Array; readonly signature: Uint8Array },
): boolean {
  return IMPLEMENTATIONS[name].verify(signature, message, pub);
}
