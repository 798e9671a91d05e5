import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";
import { CLAIM, LABEL, PrivateKey, signSign1 } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const VALID = { notBefore: new Date("2026-01-01"), notAfter: new Date("2030-01-01") };

/** Within the time in which the certificates are valid, in seconds since the epoch. */
export const WITHIN: number = Date.UTC(2027, 0, 1) / 1000;

/** A certificate authority, and a key that it has certified for vendor.example. */
export interface Certified {
  /** In DER. */
  readonly anchor: Uint8Array;
  readonly leaf: Uint8Array;
  readonly key: PrivateKey;
}

export async function makeCertified(): Promise<Certified> {
  const [rootKeys, leafKeys] = await Promise.all([generateKeys(), generateKeys()]);
  const root = await X509CertificateGenerator.createSelfSigned({
    ...VALID,
    serialNumber: "01",
    name: "CN=Root",
    keys: rootKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  const leaf = await X509CertificateGenerator.create({
    ...VALID,
    serialNumber: "02",
    subject: "CN=Leaf",
    issuer: root.subject,
    publicKey: leafKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new SubjectAlternativeNameExtension([{ type: "dns", value: "vendor.example" }]),
      await AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const { kty, crv, x, y, d } = await webcrypto.subtle.exportKey("jwk", leafKeys.privateKey);
  return {
    anchor: new Uint8Array(root.rawData),
    leaf: new Uint8Array(leaf.rawData),
    key: PrivateKey.fromJwk({ kty, crv, x, y, d, alg: "ES256" }),
  };
}

/** Signs a text by the certified key, with its certificate in the protected header. */
export function signCertified({ leaf, key }: Certified, issuer: string): Promise<Uint8Array> {
  const claims = new Map<number, string>([
    [CLAIM.iss, issuer],
    [CLAIM.sub, "a/b"],
  ]);
  const protectedHeader = new Map<number, CborValue>([
    [LABEL.contentType, "text/plain"],
    [LABEL.cwtClaims, claims],
    [LABEL.x5chain, leaf],
  ]);
  return signSign1({ protectedHeader, payload: new TextEncoder().encode("text") }, key);
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
