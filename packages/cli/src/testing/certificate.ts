import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";

cryptoProvider.set(webcrypto as unknown as Crypto);

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY = 86_400_000;

/** A certificate authority. */
export interface Authority {
  readonly subject: string;
  readonly privateKey: CryptoKey;
  readonly pem: string;
  readonly der: Uint8Array;
}

/** Makes a certificate authority that is valid today. */
export async function makeAuthority(subject: string, by?: Authority): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const made = await certificate(subject, keys.publicKey, {
    subject: by?.subject ?? subject,
    privateKey: by?.privateKey ?? keys.privateKey,
    usage: KeyUsageFlags.keyCertSign,
  });
  return { subject, privateKey: keys.privateKey, ...made };
}

/** Makes a certificate for a P-256 key of `tally keygen`, valid today. */
export async function certify(
  subject: string,
  jwk: Readonly<Record<string, unknown>>,
  by: Authority,
): Promise<{ readonly pem: string; readonly der: Uint8Array }> {
  const { kty, crv, x, y } = jwk;
  const key = { kty, crv, x, y } as JsonWebKey;
  const publicKey = await webcrypto.subtle.importKey("jwk", key, ECDSA, true, ["verify"]);
  const usage = KeyUsageFlags.digitalSignature;
  return certificate(subject, publicKey, { ...by, usage });
}

interface Signing {
  readonly subject: string;
  readonly privateKey: CryptoKey;
  readonly usage: KeyUsageFlags;
}

async function certificate(
  subject: string,
  publicKey: CryptoKey,
  { subject: issuer, privateKey: signingKey, usage }: Signing,
): Promise<{ readonly pem: string; readonly der: Uint8Array }> {
  const now = Date.now();
  const isCa = usage === KeyUsageFlags.keyCertSign;
  const made = await X509CertificateGenerator.create({
    ...{ serialNumber: "0a", subject, issuer, publicKey, signingKey, signingAlgorithm: ECDSA },
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + DAY),
    extensions: [
      new BasicConstraintsExtension(isCa, undefined, true),
      new KeyUsagesExtension(usage, true),
    ],
  });
  return { pem: `${made.toString("pem")}\n`, der: new Uint8Array(made.rawData) };
}
