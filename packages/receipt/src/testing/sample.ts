import {
  CLAIM,
  LABEL,
  PrivateKey,
  encodeCbor,
  encodeSigStructure,
  encodeSign1,
  type CborMap,
  type CborValue,
  type Label,
  type Signer,
} from "@tallystick/cose";
import type { ConsistencyProof, InclusionProof } from "@tallystick/merkle";
import { SignedCheckpoint } from "../checkpoint.js";
import { PROFILE_LABEL } from "../profile.js";
import { rootOf } from "./tree.js";

/** The P-256 key of RFC 7515 A.3. */
export const SERVICE: PrivateKey = PrivateKey.fromJwk({
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
});

/** The P-256 key of RFC 7517 A.2. */
export const STRANGER: PrivateKey = PrivateKey.fromJwk({
  kty: "EC",
  crv: "P-256",
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
  d: "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
});

export const ISSUER = "https://log.example";
export const ORIGIN = "log.example/1";
export const TIME = 1_800_000_000;

/** Signs the checkpoint of a tree of this size. */
export function checkpointOf(size: number, signer: Signer = SERVICE): Promise<SignedCheckpoint> {
  const root = rootOf(size);
  return SignedCheckpoint.sign({ issuer: ISSUER, origin: ORIGIN, size, root, time: TIME }, signer);
}

export type Entry = readonly [Label, CborValue];

export const CLAIMS: CborMap = new Map<number, string | number>([
  [CLAIM.iss, ISSUER],
  [CLAIM.sub, ORIGIN],
  [CLAIM.iat, TIME],
]);

/** Yields the protected header of a plain RFC 9942 receipt, without a signed size. */
export function headerWith(set: readonly Entry[] = [], leftOut: readonly Label[] = []): CborMap {
  const header = new Map<number | string, CborValue>([
    [LABEL.alg, SERVICE.algorithm.id],
    [LABEL.kid, SERVICE.publicKey.thumbprint()],
    [LABEL.cwtClaims, CLAIMS],
    [LABEL.vds, 1],
    ...set,
  ]);
  for (const label of leftOut) header.delete(label);
  return header;
}

/** The label and value that sign a size. */
export function sizeEntry(size: CborValue): Entry {
  return [PROFILE_LABEL, new Map([["size", size]])];
}

/** What makes a receipt, in whatever combination a test wants. */
export interface Parts {
  readonly protectedHeader?: CborMap;
  readonly unprotectedHeader: CborMap;
  readonly payload?: Uint8Array | null;
  /** What the signature covers. */
  readonly root?: Uint8Array;
}

/** Yields a receipt whose signature over `root` holds, however odd the rest of it is. */
export async function signed(parts: Parts, signer: Signer = SERVICE): Promise<Uint8Array> {
  const { unprotectedHeader, payload = null, root = new Uint8Array(32) } = parts;
  const protectedBytes = encodeCbor(parts.protectedHeader ?? headerWith());
  const signature = await signer.sign(encodeSigStructure(protectedBytes, new Uint8Array(), root));
  return encodeSign1({ protectedBytes, unprotectedHeader, payload, signature });
}

/** Yields a receipt whose signature is 64 zeros: enough to decode. */
export function unsigned({ protectedHeader = headerWith(), ...parts }: Parts): Uint8Array {
  const { unprotectedHeader, payload = null } = parts;
  const protectedBytes = encodeCbor(protectedHeader);
  return encodeSign1({ protectedBytes, unprotectedHeader, payload, signature: new Uint8Array(64) });
}

/** Yields an unprotected header with proofs of inclusion, encoded. */
export function inclusions(...proofs: readonly (InclusionProof | Uint8Array)[]): CborMap {
  return vdp([[-1, proofs.map((proof) => (proof instanceof Uint8Array ? proof : triple(proof)))]]);
}

/** Yields an unprotected header with proofs of consistency, encoded. */
export function consistencies(...proofs: readonly ConsistencyProof[]): CborMap {
  return vdp([
    [-2, proofs.map(({ oldSize, newSize, path }) => encodeCbor([oldSize, newSize, path]))],
  ]);
}

/** Yields an unprotected header with this proofs map. */
export function vdp(entries: readonly Entry[]): CborMap {
  return new Map([[LABEL.vdp, new Map(entries)]]);
}

function triple({ size, index, path }: InclusionProof): Uint8Array {
  return encodeCbor([size, index, path]);
}
