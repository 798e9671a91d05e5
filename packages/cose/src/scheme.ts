import { verifyRaw } from "#crypto";
import { algorithmByName } from "./algorithm.js";
import { CURVES, type EcCurve } from "./curve.js";
import { DerReader } from "./der.js";
import type { HashName } from "./digest.js";
import { CoseError } from "./error.js";
import { toInteger, type PublicMaterial } from "./material.js";
import type { MlDsaName } from "./ml-dsa.js";
import { materialOf, type PublicKey } from "./public-key.js";
import { saltLengthOf, type Operation, type Signed } from "./signed.js";
import { WEIERSTRASS } from "./weierstrass.js";

/**
 * A signature scheme that is not COSE's, as certificates carry them (RFC 5280 §4.1.1.2): PKCS #1
 * v1.5 and PSS with any salt, ECDSA on any curve with any hash, its signature in DER. There is none
 * with MD5 or SHA-1.
 */
export type SignatureScheme =
  | {
      readonly kty: "RSA";
      readonly padding: "pkcs1" | "pss";
      readonly hash: HashName;
      /** Of PSS alone; as long as the digest by default. MGF1 has the hash of the scheme. */
      readonly saltBytes?: number;
    }
  | { readonly kty: "EC2"; readonly hash: HashName }
  | { readonly kty: "OKP" }
  | { readonly kty: "AKP"; readonly alg: MlDsaName };

/**
 * Verifies a signature of such a scheme; resolves when it holds. The verdict is the same on every
 * platform. Keys that name an algorithm verify only what that algorithm is, too.
 *
 * @throws {@link CoseError} `COSE_SIGNATURE_INVALID`, `COSE_ALG_KEY_MISMATCH`
 */
export async function verifyScheme(
  scheme: SignatureScheme,
  key: PublicKey,
  signed: Signed,
): Promise<void> {
  const material = materialOf(key);
  const operation = operationOf(scheme, material);
  if (operation === undefined || !isAllowed(operation, key)) {
    throw new CoseError(
      "COSE_ALG_KEY_MISMATCH",
      `${key.algorithm?.name ?? key.kty} key is not for this ${scheme.kty} scheme`,
    );
  }
  if (!(await isValid(operation, material, unwrapSignature(material, signed)))) throw invalid();
}

/** Yields what the scheme is with this key; `undefined` when it is nothing. */
export function operationOf(scheme: SignatureScheme, key: PublicMaterial): Operation | undefined {
  switch (scheme.kty) {
    case "RSA":
      if (key.kty !== "RSA") return undefined;
      return { ...scheme, signatureBytes: null };
    case "EC2":
      if (key.kty !== "EC2") return undefined;
      return { ...scheme, signatureBytes: 2 * CURVES[key.curve].bytes };
    case "OKP":
      return key.kty === "OKP" ? algorithmByName("Ed25519") : undefined;
    case "AKP":
      return key.kty === "AKP" && key.alg === scheme.alg ? algorithmByName(key.alg) : undefined;
  }
}

/**
 * Yields what is signed with the signature in the form that "#crypto" takes.
 *
 * @throws {@link CoseError} `COSE_SIGNATURE_INVALID`
 */
export function unwrapSignature(key: PublicMaterial, { message, signature }: Signed): Signed {
  if (key.kty !== "EC2") return { message, signature };
  return { message, signature: compactOf(key.curve, signature) };
}

function isAllowed(operation: Operation, { algorithm }: PublicKey): boolean {
  if (algorithm === undefined) return true;
  if (operation.hash !== algorithm.hash) return false;
  if (operation.kty !== "RSA") return true;
  return operation.padding !== "pkcs1" && saltLengthOf(operation) === saltLengthOf(algorithm);
}

async function isValid(
  operation: Operation,
  key: PublicMaterial,
  signed: Signed,
): Promise<boolean> {
  const { saltBytes } = operation;
  // Longer salts fit into no signature; Node takes numbers below zero for something else.
  const isSalt = saltBytes === undefined || (Number.isInteger(saltBytes) && saltBytes >= 0);
  if (!isSalt || (key.kty === "RSA" && (saltBytes ?? 0) > key.n.length)) return false;
  try {
    return await verifyRaw(operation, key, signed);
  } catch (cause) {
    throw invalid({ cause });
  }
}

/**
 * Yields r and s side by side, each as long as the field.
 *
 * ```asn1
 * Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }
 * ```
 */
function compactOf(curve: EcCurve, der: Uint8Array): Uint8Array {
  const { bytes } = CURVES[curve];
  const order = WEIERSTRASS[curve].Point.Fn.ORDER;
  const compact = new Uint8Array(2 * bytes);
  readPair(der).forEach((number, i) => {
    if (number.length > bytes || toInteger(number) >= order || number.length === 0) throw invalid();
    compact.set(number, (i + 1) * bytes - number.length);
  });
  return compact;
}

function readPair(der: Uint8Array): readonly Uint8Array[] {
  try {
    const outer = new DerReader(der);
    const sequence = outer.readSequence();
    outer.end();
    const pair = [sequence.readInteger(), sequence.readInteger()];
    sequence.end();
    return pair;
  } catch (cause) {
    throw invalid({ cause });
  }
}

function invalid(options?: ErrorOptions): CoseError {
  return new CoseError("COSE_SIGNATURE_INVALID", "signature does not verify", options);
}
