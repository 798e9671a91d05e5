import {
  CLAIM,
  LABEL,
  decodeBase64url,
  digest,
  encodeBase64url,
  signSign1,
} from "@tallystick/cose";
import type { AlgorithmName, CborValue, Label, PrivateKey, PublicKey } from "@tallystick/cose";

import { integer, sequence } from "./der.js";
import { issueCa, issueLeaf, type Issued } from "./pki.js";

export const VENDOR = "https://vendor.example";

/** Algorithms that statements and certificates are signed with. */
export const VENDOR_ALGORITHMS = [
  ...["PS256", "ES256", "ES384", "ES512", "EdDSA", "ML-DSA-65"],
] as readonly AlgorithmName[];

/** A vendor with a chain of three, whose leaf has the key that signs statements. */
export interface Vendor {
  readonly alg: AlgorithmName;
  readonly root: Issued;
  readonly middle: Issued;
  readonly leaf: Issued;
}

/** Makes a vendor all of whose keys are for one algorithm. */
export async function makeVendor(alg: AlgorithmName): Promise<Vendor> {
  const root = await issueCa(`CN=Root ${alg}`, { alg });
  const middle = await issueCa(`CN=Middle ${alg}`, { alg, by: root });
  const leaf = await issueLeaf(`CN=Leaf ${alg}, O=Vendor`, { alg, by: middle });
  return { alg, root, middle, leaf };
}

type Entry = readonly [Label, CborValue];

/** What stands in the headers of a statement, beside its content type. */
export interface Headers {
  readonly iss?: string;
  readonly iat?: number;
  readonly set?: readonly Entry[];
  readonly unprotected?: readonly Entry[];
  readonly payload?: string;
  readonly contentType?: string;
}

/** Signs a statement whose identifiers are what the headers say, and no others. */
export function signed(key: PrivateKey, headers: Headers): Promise<Uint8Array> {
  const { iss = VENDOR, iat, set = [], unprotected = [], payload = "artifact" } = headers;
  const { contentType = "text/plain" } = headers;
  const claims = new Map<number, CborValue>([
    [CLAIM.iss, iss],
    [CLAIM.sub, "a/b"],
    ...(iat === undefined ? [] : ([[CLAIM.iat, iat]] as const)),
  ]);
  return signSign1(
    {
      protectedHeader: new Map<Label, CborValue>([
        [LABEL.contentType, contentType],
        [LABEL.cwtClaims, claims],
        ...set,
      ]),
      unprotectedHeader: new Map(unprotected),
      payload: new TextEncoder().encode(payload),
    },
    key,
  );
}

/** Yields x5chain of certificates, leaf first: one is a bare byte string (RFC 9360 §2). */
export function x5chain(...chain: readonly Issued[]): Entry {
  const [only, ...others] = chain.map(({ der }) => der);
  return [
    LABEL.x5chain,
    only !== undefined && others.length === 0 ? only : chain.map(({ der }) => der),
  ];
}

/** Yields x5t of a certificate, by SHA-256. */
export function x5t({ der }: Issued): Entry {
  return [LABEL.x5t, [-16, digest("sha-256", der)]];
}

/** Yields the did:x509 that stands for the leaf under the root, by its common name. */
export function didX509({ root, alg }: Vendor): string {
  const fingerprint = encodeBase64url(digest("sha-256", root.der));
  return `did:x509:0:sha256:${fingerprint}::subject:CN:Leaf%20${alg}:O:Vendor`;
}

export function didJwk(key: PublicKey): string {
  return `did:jwk:${encodeBase64url(new TextEncoder().encode(JSON.stringify(key.toJwk())))}`;
}

/** Numbers of the registry of multicodecs, as unsigned varints. */
const CODECS: Readonly<Record<string, readonly number[]>> = {
  "P-256": [0x80, 0x24],
  "P-384": [0x81, 0x24],
  "P-521": [0x82, 0x24],
  Ed25519: [0xed, 0x01],
  RSA: [0x85, 0x24],
  "ML-DSA-44": [0x90, 0x24],
  "ML-DSA-65": [0x91, 0x24],
  "ML-DSA-87": [0x92, 0x24],
};

export function didKey(key: PublicKey): string {
  const jwk = key.toJwk();
  const codec = CODECS[jwk.crv ?? (jwk.kty === "RSA" ? "RSA" : (jwk.alg ?? ""))];
  if (codec === undefined) throw new Error("no such multicodec");
  return `did:key:z${base58(Uint8Array.from([...codec, ...rawKey(jwk)]))}`;
}

function rawKey({
  kty,
  x = "",
  y = "",
  pub = "",
  n = "",
  e = "",
}: ReturnType<PublicKey["toJwk"]>): Uint8Array {
  if (kty === "AKP") return decodeBase64url(pub);
  if (kty === "OKP") return decodeBase64url(x);
  if (kty === "RSA")
    return sequence(integer(...decodeBase64url(n)), integer(...decodeBase64url(e)));
  const sign = (decodeBase64url(y).at(-1) ?? 0) % 2;
  return Uint8Array.from([2 + sign, ...decodeBase64url(x)]);
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

// No multicodec above begins with a zero byte, so none becomes a leading "1".
function base58(bytes: Uint8Array): string {
  let number = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let digits = "";
  for (; number > 0n; number /= 58n) digits = `${BASE58.charAt(Number(number % 58n))}${digits}`;
  return digits;
}
