import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { PrivateKey } from "@tallystick/cose";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";

cryptoProvider.set(webcrypto as unknown as Crypto);

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A certificate and the key in it. */
export interface Issued {
  readonly subject: string;
  readonly der: Uint8Array;
  readonly base64: string;
  readonly keys: CryptoKeyPair;
  /** The same key, to sign statements with. */
  readonly signer: PrivateKey;
}

/** What a test says about a certificate. */
export interface Recipe {
  readonly by?: Issued;
  /** In seconds since the epoch. */
  readonly window: readonly [notBefore: number, notAfter: number];
  readonly isLeaf?: boolean;
  /** DNS name in the alternative names of a leaf. */
  readonly dns?: string;
}

/** Makes a certificate with a new P-256 key, of a CA unless it is to be a leaf. */
export async function issue(subject: string, recipe: Recipe): Promise<Issued> {
  const { by, window, isLeaf = false, dns } = recipe;
  const usages: KeyUsage[] = ["sign", "verify"];
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, usages);
  const usage = isLeaf ? KeyUsageFlags.digitalSignature : KeyUsageFlags.keyCertSign;
  const names = dns === undefined ? [] : [{ type: "dns", value: dns } as const];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: "0a",
    subject,
    issuer: by?.subject ?? subject,
    notBefore: new Date(window[0] * 1000),
    notAfter: new Date(window[1] * 1000),
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: ECDSA,
    extensions: [
      new BasicConstraintsExtension(!isLeaf, undefined, true),
      new KeyUsagesExtension(usage, true),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
    ],
  });
  const der = new Uint8Array(certificate.rawData);
  const jwk = await webcrypto.subtle.exportKey("jwk", keys.privateKey);
  const { kty, crv, x, y, d } = jwk;
  return {
    subject,
    der,
    base64: Buffer.from(der).toString("base64"),
    keys,
    signer: PrivateKey.fromJwk({ kty, crv, x, y, d }),
  };
}
