import "reflect-metadata";

import { webcrypto } from "node:crypto";

import { PrivateKey, parseJson } from "@tallystick/cose";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Extension, X509Certificate } from "@peculiar/x509";

/** An issuer whom certificates vouch for. */
export interface Certified {
  readonly key: PrivateKey;
  /** In DER, leaf first, without the anchor. */
  readonly chain: readonly Uint8Array[];
  /** The root, in base64, as policies have it. */
  readonly anchor: string;
}

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const RSA = {
  name: "RSA-PSS",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
} as const;

const VALIDITY = { notBefore: new Date("2020-01-01"), notAfter: new Date("2045-01-01") };

/** Makes an RSA key for PS256 with a leaf and an intermediate certificate under a root on P-256. */
export async function makeCertified(): Promise<Certified> {
  const [root, middle, leaf] = await Promise.all([pair(EC), pair(EC), pair(RSA)]);
  const authority = [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ];
  const leafMay = [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)];
  const chain = await Promise.all([
    issue({ names: ["CN=Leaf", "CN=Middle"], keys: [leaf, middle], extensions: leafMay }),
    issue({ names: ["CN=Middle", "CN=Root"], keys: [middle, root], extensions: authority }),
  ]);
  const anchor = await issue({
    names: ["CN=Root", "CN=Root"],
    keys: [root, root],
    extensions: authority,
  });
  return {
    key: await importKey(leaf),
    chain: chain.map(({ rawData }) => new Uint8Array(rawData)),
    anchor: Buffer.from(anchor.rawData).toString("base64"),
  };
}

type Algorithm = typeof EC | typeof RSA;

async function pair(algorithm: Algorithm): Promise<webcrypto.CryptoKeyPair> {
  const made = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if ("privateKey" in made) return made;
  throw new TypeError("not a pair of keys");
}

interface Recipe {
  /** Subject and issuer. */
  readonly names: readonly [string, string];
  /** Theirs. */
  readonly keys: readonly [webcrypto.CryptoKeyPair, webcrypto.CryptoKeyPair];
  readonly extensions: Extension[];
}

function issue({ names, keys, extensions }: Recipe): Promise<X509Certificate> {
  const [subject, issuer] = names;
  const [{ publicKey }, { privateKey: signingKey }] = keys;
  const params = { ...VALIDITY, subject, issuer, publicKey, signingKey, extensions };
  return X509CertificateGenerator.create({ ...params, signingAlgorithm: EC, serialNumber: "01" });
}

async function importKey({ privateKey }: webcrypto.CryptoKeyPair): Promise<PrivateKey> {
  const jwk = await webcrypto.subtle.exportKey("jwk", privateKey);
  const members = { ...jwk, key_ops: undefined, ext: undefined };
  return PrivateKey.fromJwk(parseJson(new TextEncoder().encode(JSON.stringify(members))));
}
