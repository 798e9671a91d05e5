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

/** The Ed25519 key of RFC 8037 A.1. */
export const VENDOR: PrivateKey = PrivateKey.fromJwk({
  kty: "OKP",
  crv: "Ed25519",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
});

/** The P-256 key of RFC 7515 A.3. */
export const OTHER: PrivateKey = PrivateKey.fromJwk({
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
});

export const ISSUER = "https://vendor.example";
export const SUBJECT = "board 7, firmware 1.0";
export const PAYLOAD: Uint8Array = new TextEncoder().encode('{"sbom":1}');

export type Entry = readonly [Label, CborValue];

export const CLAIMS: CborMap = new Map([
  [CLAIM.iss, ISSUER],
  [CLAIM.sub, SUBJECT],
]);

/** Yields the header of a good statement with some labels set to something else, or left out. */
export function headerWith(set: readonly Entry[] = [], leftOut: readonly Label[] = []): CborMap {
  const header = new Map<number | string, CborValue>([
    [LABEL.alg, VENDOR.algorithm.id],
    [LABEL.contentType, "application/json"],
    [LABEL.kid, VENDOR.publicKey.kid],
    [LABEL.cwtClaims, CLAIMS],
    ...set,
  ]);
  for (const label of leftOut) header.delete(label);
  return header;
}

/** What a test changes about a good statement. */
export interface Parts {
  readonly protectedHeader?: CborMap;
  readonly protectedBytes?: Uint8Array;
  readonly unprotectedHeader?: CborMap;
  readonly payload?: Uint8Array | null;
}

/** Yields the bytes of a statement whose signature is 64 zeros: enough to decode. */
export function unsigned(parts: Parts = {}): Uint8Array {
  const { protectedHeader = headerWith(), payload = PAYLOAD } = parts;
  const { protectedBytes = encodeCbor(protectedHeader), unprotectedHeader = new Map() } = parts;
  return encodeSign1({ protectedBytes, unprotectedHeader, payload, signature: new Uint8Array(64) });
}

/** Yields the bytes of a statement whose signature holds, however odd its headers are. */
export async function signed(parts: Parts = {}, signer: Signer = VENDOR): Promise<Uint8Array> {
  const { protectedHeader = headerWith(), payload = PAYLOAD } = parts;
  const { protectedBytes = encodeCbor(protectedHeader), unprotectedHeader = new Map() } = parts;
  const covered = encodeSigStructure(protectedBytes, new Uint8Array(), payload ?? PAYLOAD);
  const signature = await signer.sign(covered);
  return encodeSign1({ protectedBytes, unprotectedHeader, payload, signature });
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

/** A byte string of up to 255 bytes, head and all. */
export function byteString(bytes: Uint8Array): Uint8Array {
  const head = bytes.length < 24 ? [0x40 + bytes.length] : [0x58, bytes.length];
  return Uint8Array.of(...head, ...bytes);
}

/** Puts a statement together from raw CBOR, so that each part can be what no encoder writes. */
export function assembled(raw: {
  readonly tag?: string;
  readonly head?: string;
  readonly protectedHeader?: string;
  readonly unprotectedHeader?: string;
  readonly payload?: string;
  readonly signature?: string;
}): Uint8Array {
  const { tag = "d2", head = "84", protectedHeader = GOOD_HEADER, unprotectedHeader = "a0" } = raw;
  const { payload = "4170", signature = "4173" } = raw;
  return Uint8Array.of(
    ...fromHex(tag + head),
    ...byteString(fromHex(protectedHeader)),
    ...fromHex(unprotectedHeader + payload + signature),
  );
}

/** `{1: -8, 4: 'k', 15: {1: "i", 2: "s"}}` */
export const GOOD_HEADER = "a3 01 27 04 416b 0f a2 01 6169 02 6173";
