import { CoseError } from "./error.js";
import type { HashName } from "./digest.js";
import type { Curve } from "./curve.js";
import { ML_DSA_NAMES, type MlDsaName } from "./ml-dsa.js";
import type { CborValue } from "./value.js";

/** The algorithms this library signs and verifies with, by their COSE names. */
export type AlgorithmName =
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"
  | "ESP256"
  | "ESP384"
  | "ESP512"
  | "Ed25519"
  | "PS256"
  | "PS384"
  | "PS512"
  | MlDsaName;

/** Key types by their COSE names (RFC 9053 §7, RFC 8230 §4, RFC 9964). */
export type KeyType = "OKP" | "EC2" | "RSA" | "AKP";

/** One row of the IANA registry "COSE Algorithms", bound to one key type and, if any, one curve. */
export interface Algorithm {
  readonly id: number;
  readonly name: AlgorithmName;
  readonly kty: KeyType;
  readonly curve?: Curve;
  /** What the message is hashed with before the signature operation; null for Ed25519 and ML-DSA. */
  readonly hash: HashName | null;
  /** Length of a signature; null for RSA, where it is that of the modulus. */
  readonly signatureBytes: number | null;
}

const P256 = { kty: "EC2", curve: "P-256", hash: "sha-256", signatureBytes: 64 } as const;
const P384 = { kty: "EC2", curve: "P-384", hash: "sha-384", signatureBytes: 96 } as const;
const P521 = { kty: "EC2", curve: "P-521", hash: "sha-512", signatureBytes: 132 } as const;
const ED25519 = { kty: "OKP", curve: "Ed25519", hash: null, signatureBytes: 64 } as const;
const RSA = { kty: "RSA", signatureBytes: null } as const;
const AKP = { kty: "AKP", hash: null } as const;

/**
 * Every algorithm of this library: RFC 9053 §2, RFC 8230 §2, RFC 9864 §2 and RFC 9964. Nothing else
 * enumerates algorithms.
 *
 * RFC 9053 leaves the curve of -7, -35, -36 and -8 open. Here each means the one curve that
 * RFC 9864 gives its fully specified twin, so that a number alone fixes the operation.
 */
export const ALGORITHMS: readonly Algorithm[] = [
  { id: -7, name: "ES256", ...P256 },
  { id: -35, name: "ES384", ...P384 },
  { id: -36, name: "ES512", ...P521 },
  { id: -8, name: "EdDSA", ...ED25519 },
  { id: -9, name: "ESP256", ...P256 },
  { id: -51, name: "ESP384", ...P384 },
  { id: -52, name: "ESP512", ...P521 },
  { id: -19, name: "Ed25519", ...ED25519 },
  { id: -37, name: "PS256", ...RSA, hash: "sha-256" },
  { id: -38, name: "PS384", ...RSA, hash: "sha-384" },
  { id: -39, name: "PS512", ...RSA, hash: "sha-512" },
  { id: -48, name: "ML-DSA-44", ...AKP, signatureBytes: 2420 },
  { id: -49, name: "ML-DSA-65", ...AKP, signatureBytes: 3309 },
  { id: -50, name: "ML-DSA-87", ...AKP, signatureBytes: 4627 },
];

/**
 * Yields the algorithm with this COSE number (RFC 9052 §3.1, label 1).
 *
 * @throws {@link CoseError} `COSE_ALG_UNSUPPORTED`, also for text and other types
 */
export function algorithmById(id: CborValue): Algorithm {
  const found = ALGORITHMS.find((algorithm) => algorithm.id === id);
  if (found === undefined) {
    const got = typeof id === "number" || typeof id === "bigint" ? id.toString() : typeof id;
    throw new CoseError("COSE_ALG_UNSUPPORTED", `unsupported algorithm ${got}`);
  }
  return found;
}

/**
 * Yields the algorithm with this name, as COSE and JOSE write it. Names are case-sensitive.
 *
 * @throws {@link CoseError} `COSE_ALG_UNSUPPORTED`
 */
export function algorithmByName(name: string): Algorithm {
  const found = ALGORITHMS.find((algorithm) => algorithm.name === name);
  if (found === undefined) {
    throw new CoseError(
      "COSE_ALG_UNSUPPORTED",
      `unsupported algorithm name, want one of ${ALGORITHMS.map(({ name }) => name).join(", ")}`,
    );
  }
  return found;
}

/**
 * Yields whether two algorithms are the same operation under two numbers, as ES256 (-7) and
 * ESP256 (-9) are (RFC 9864 §2).
 */
export function isSameOperation(a: Algorithm, b: Algorithm): boolean {
  // The length of a signature tells the parameter sets of ML-DSA apart, and nothing else does.
  const isOneLength = a.signatureBytes === b.signatureBytes;
  return a.kty === b.kty && a.curve === b.curve && a.hash === b.hash && isOneLength;
}

/**
 * Yields the parameter set that an AKP key names as its algorithm.
 *
 * @throws {@link CoseError} `COSE_ALG_KEY_MISMATCH`
 */
export function requireMlDsa({ name }: Algorithm): MlDsaName {
  const found = ML_DSA_NAMES.find((set) => set === name);
  if (found === undefined) {
    throw new CoseError("COSE_ALG_KEY_MISMATCH", `AKP key names ${name}`);
  }
  return found;
}
