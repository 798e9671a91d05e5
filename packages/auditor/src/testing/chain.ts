import "reflect-metadata";
import { webcrypto } from "node:crypto";

import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";
import { CLAIM, LABEL, PrivateKey, digest, signSign1 } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { TIME, VENDOR } from "./forge.js";

cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };

/** A key with its certificate. */
export interface Certified {
  readonly name: string;
  readonly key: PrivateKey;
  readonly der: Uint8Array;
}

/** Seconds since the epoch in which a certificate is valid, both ends inside. */
export interface Validity {
  readonly from?: number;
  readonly to?: number;
}

/** Makes an authority, certified by itself or by another one. */
export async function authority(name: string, by?: Certified): Promise<Certified> {
  return certify(name, { by, isCa: true });
}

/** Makes a leaf that may sign. */
export async function leafOf(by: Certified, validity: Validity = {}): Promise<Certified> {
  return certify("CN=Leaf", { by, isCa: false, validity });
}

interface Recipe {
  readonly by: Certified | undefined;
  readonly isCa: boolean;
  readonly validity?: Validity;
}

async function certify(name: string, { by, isCa, validity = {} }: Recipe): Promise<Certified> {
  const key = await PrivateKey.generate("ES256");
  const { from = TIME - 1000, to = TIME + 100_000 } = validity;
  const usage = isCa ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature;
  const made = await X509CertificateGenerator.create({
    subject: name,
    issuer: by?.name ?? name,
    serialNumber: "01",
    notBefore: new Date(from * 1000),
    notAfter: new Date(to * 1000),
    signingAlgorithm: SIGNING,
    publicKey: await imported(key.publicKey.toJwk(), "verify"),
    signingKey: await imported((by?.key ?? key).toJwk(), "sign"),
    extensions: [
      new BasicConstraintsExtension(isCa, undefined, true),
      new KeyUsagesExtension(usage, true),
    ],
  });
  return { name, key, der: new Uint8Array(made.rawData) };
}

async function imported(
  { kty = "", crv, x, y, d }: Partial<ReturnType<PrivateKey["toJwk"]>>,
  use: "sign" | "verify",
): Promise<CryptoKey> {
  const jwk = Object.fromEntries(
    Object.entries({ kty, crv, x, y, d }).filter(([, value]) => value !== undefined),
  );
  return await webcrypto.subtle.importKey("jwk", jwk, ALGORITHM, true, [use]);
}

/** Where the chain of a statement stands. */
export type ChainPlace = "protected" | "unprotected";

/** Signs a statement that a chain identifies, and that names its leaf under the signature. */
export function certified(
  [leaf, ...others]: readonly [Certified, ...Certified[]],
  place: ChainPlace,
): Promise<Uint8Array> {
  const chain = [LABEL.x5chain, [leaf, ...others].map(({ der }) => der)] as const;
  const claims = new Map<number, CborValue>([
    [CLAIM.iss, VENDOR],
    [CLAIM.sub, "a/b"],
  ]);
  return signSign1(
    {
      protectedHeader: new Map<number, CborValue>([
        [LABEL.contentType, "text/plain"],
        [LABEL.cwtClaims, claims],
        [LABEL.x5t, [-16, digest("sha-256", leaf.der)]],
        ...(place === "protected" ? [chain] : []),
      ]),
      unprotectedHeader: new Map(place === "unprotected" ? [chain] : []),
      payload: new TextEncoder().encode("certified"),
    },
    leaf.key,
  );
}
