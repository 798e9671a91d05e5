import type { EcCurve } from "./curve.js";
import type { MlDsaName } from "./ml-dsa.js";

/** The public numbers of an Ed25519 key: the encoded point (RFC 8032 §5.1.2). */
export interface OkpMaterial {
  readonly kty: "OKP";
  readonly curve: "Ed25519";
  readonly x: Uint8Array;
}

/** The public numbers of an ECDSA key: both coordinates, as long as the field. */
export interface Ec2Material {
  readonly kty: "EC2";
  readonly curve: EcCurve;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

/** The public numbers of an RSA key, big-endian without leading zeros. */
export interface RsaMaterial {
  readonly kty: "RSA";
  readonly n: Uint8Array;
  readonly e: Uint8Array;
}

/** An ML-DSA public key (FIPS 204 §7.2). Its algorithm is part of it (RFC 9964). */
export interface AkpMaterial {
  readonly kty: "AKP";
  readonly alg: MlDsaName;
  readonly pub: Uint8Array;
}

/** The bare numbers of a public key. Owned by the key that holds them; never handed out. */
export type PublicMaterial = OkpMaterial | Ec2Material | RsaMaterial | AkpMaterial;

/** The seed of an Ed25519 key (RFC 8032 §5.1.5). */
export interface OkpSecret {
  readonly kty: "OKP";
  readonly public: OkpMaterial;
  readonly d: Uint8Array;
}

/** The scalar of an ECDSA key, as long as the field. */
export interface Ec2Secret {
  readonly kty: "EC2";
  readonly public: Ec2Material;
  readonly d: Uint8Array;
}

/** The secret numbers of a two-prime RSA key (RFC 8017 §3.2), big-endian without leading zeros. */
export interface RsaSecret {
  readonly kty: "RSA";
  readonly public: RsaMaterial;
  readonly d: Uint8Array;
  readonly p: Uint8Array;
  readonly q: Uint8Array;
  readonly dp: Uint8Array;
  readonly dq: Uint8Array;
  readonly qi: Uint8Array;
}

/** The seed of an ML-DSA key, from which all else follows (RFC 9964). */
export interface AkpSecret {
  readonly kty: "AKP";
  readonly public: AkpMaterial;
  readonly priv: Uint8Array;
}

/** The bare numbers of a private key. Owned by the key that holds them; never handed out. */
export type PrivateMaterial = OkpSecret | Ec2Secret | RsaSecret | AkpSecret;

/** Yields the unsigned big-endian number. */
export function toInteger(bytes: Uint8Array): bigint {
  let hex = "0x0";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return BigInt(hex);
}

/** Yields whether two byte strings are equal; not for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
