import { webcrypto } from "node:crypto";

import "reflect-metadata";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
  type X509Certificate,
} from "@peculiar/x509";
import { Certificate } from "@tallystick/statement";

cryptoProvider.set(webcrypto as unknown as Crypto);

const ALGORITHM = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } as const;
const DAY = { notBefore: new Date("2026-01-01"), notAfter: new Date("2040-01-01") };

/** A device with a root above it, made up for tests. */
export interface Device {
  readonly root: Certificate;
  readonly leaf: Certificate;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

/** Yields a device whose certificate has the extensions, by object identifier. */
export async function makeDevice(
  extensions: Readonly<Record<string, Uint8Array>> = {},
): Promise<Device> {
  const [above, below] = await Promise.all([newKeys(), newKeys()]);
  const root = await X509CertificateGenerator.createSelfSigned({
    ...{ name: "CN=Root", keys: above, signingAlgorithm: ALGORITHM, serialNumber: "01", ...DAY },
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const leaf = await X509CertificateGenerator.create({
    ...{ subject: "CN=Device", issuer: root.subject, serialNumber: "02", ...DAY },
    ...{ publicKey: below.publicKey, signingKey: above.privateKey, signingAlgorithm: ALGORITHM },
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...Object.entries(extensions).map(
        ([oid, value]) => new Extension(oid, false, Uint8Array.from(value).buffer),
      ),
    ],
  });
  return {
    root: certificateOf(root),
    leaf: certificateOf(leaf),
    sign: async (message) =>
      new Uint8Array(
        await webcrypto.subtle.sign(ALGORITHM, below.privateKey, Uint8Array.from(message)),
      ),
  };
}

function certificateOf({ rawData }: X509Certificate): Certificate {
  return Certificate.decode(new Uint8Array(rawData));
}

function newKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
