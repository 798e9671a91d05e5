import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";

import "reflect-metadata";
import { Certificate } from "@tallystick/statement";
import * as x509 from "@peculiar/x509";

const MORE = "http://www.w3.org/2001/04/xmldsig-more#";
const DSIG = "http://www.w3.org/2000/09/xmldsig#";
const C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";

/** In canonical form, so that its bytes are what is signed. */
const HEAD =
  '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" name="GPU" tagId="tag-1" version="1.0">' +
  '<Payload><Resource xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384" active="True" index="1" type="Measurement" ' +
  `h:Hash0="${"ab".repeat(48)}"></Resource></Payload>`;
const TAIL = "</SoftwareIdentity>";

type Kind = "RSA" | "P-256" | "P-521";

const ALGORITHMS = {
  RSA: {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    ...{ method: "rsa-sha256", digest: "sha256" },
  },
  "P-256": { name: "ECDSA", hash: "SHA-256", ...{ method: "ecdsa-sha256", digest: "sha256" } },
  "P-521": { name: "ECDSA", hash: "SHA-512", ...{ method: "ecdsa-sha512", digest: "sha512" } },
} as const;

/** A signed tag, the certificate above its signer, and when both are valid. */
export interface SignedSwid {
  readonly payload: Uint8Array;
  readonly anchor: Certificate;
  readonly time: number;
}

/** Yields a tag that is signed here, without the library that verifies it. */
export async function signedSwid(kind: Kind = "P-256"): Promise<SignedSwid> {
  const { method, digest } = ALGORITHMS[kind];
  const { publicKey, privateKey } = keysOf(kind);
  const { leaf, anchor } = await chainOf(kind, publicKey);
  const digested = createHash("sha256")
    .update(HEAD + TAIL)
    .digest("base64");
  const info =
    `<ds:SignedInfo xmlns:ds="${DSIG}"><ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="${MORE}${method}"></ds:SignatureMethod><ds:Reference URI=""><ds:Transforms>` +
    `<ds:Transform Algorithm="${DSIG}enveloped-signature"></ds:Transform><ds:Transform Algorithm="${C14N}"></ds:Transform>` +
    `</ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>` +
    `<ds:DigestValue>${digested}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
  const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  const value = sign(digest, Buffer.from(info), key).toString("base64");
  const signature =
    `<ds:Signature xmlns:ds="${DSIG}">${info}<ds:SignatureValue>${value}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:KeyName>ours</ds:KeyName><ds:X509Data><ds:X509Certificate>${leaf}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`;
  const payload = new TextEncoder().encode(HEAD + signature + TAIL);
  return { payload, anchor, time: 1_780_272_000 };
}

function keysOf(kind: Kind): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return kind === "RSA"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: kind });
}

async function chainOf(
  kind: Kind,
  publicKey: KeyObject,
): Promise<{ readonly leaf: string; readonly anchor: Certificate }> {
  const { subtle } = globalThis.crypto;
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
  const rootKeys = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const dates = { notBefore: new Date("2026-01-01"), notAfter: new Date("2036-01-01") };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates,
    ...{ serialNumber: "01", name: "CN=Root", keys: rootKeys, signingAlgorithm: algorithm },
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const { name, hash } = ALGORITHMS[kind];
  const imported = kind === "RSA" ? { name, hash } : { name, namedCurve: kind };
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  const leaf = await x509.X509CertificateGenerator.create({
    ...dates,
    ...{ serialNumber: "02", subject: "CN=Signer", issuer: root.subject },
    publicKey: await subtle.importKey("spki", spki, imported, true, ["verify"]),
    ...{ signingKey: rootKeys.privateKey, signingAlgorithm: algorithm },
    extensions: [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
  });
  return {
    leaf: Buffer.from(leaf.rawData).toString("base64"),
    anchor: Certificate.decode(new Uint8Array(root.rawData)),
  };
}
