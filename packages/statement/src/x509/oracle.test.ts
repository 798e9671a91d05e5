import "reflect-metadata";
import { spawnSync } from "node:child_process";
import { X509Certificate, webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from "@peculiar/x509";
import { NOW } from "../testing/certificate.js";
import { flipBit, rejection } from "../testing/refusal.js";
import { Certificate } from "./certificate.js";
import { CertificatePath } from "./path.js";

cryptoProvider.set(webcrypto as unknown as Crypto);

type Scheme = RsaHashedKeyGenParams | EcKeyGenParams | Algorithm;

const rsa = (name: string, hash: string): RsaHashedKeyGenParams => ({
  name,
  hash,
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
});
const ec = (namedCurve: string): EcKeyGenParams => ({ name: "ECDSA", namedCurve });

/** What signs, with what, and how. */
const SCHEMES: readonly (readonly [string, Scheme, Record<string, unknown>])[] = [
  ["PKCS #1 with SHA-256", rsa("RSASSA-PKCS1-v1_5", "SHA-256"), {}],
  ["PKCS #1 with SHA-384", rsa("RSASSA-PKCS1-v1_5", "SHA-384"), {}],
  ["PKCS #1 with SHA-512", rsa("RSASSA-PKCS1-v1_5", "SHA-512"), {}],
  ["PSS with SHA-256", rsa("RSA-PSS", "SHA-256"), { saltLength: 32 }],
  ["PSS with SHA-384 and a long salt", rsa("RSA-PSS", "SHA-384"), { saltLength: 64 }],
  ["PSS with SHA-512", rsa("RSA-PSS", "SHA-512"), { saltLength: 64 }],
  ["P-256 with SHA-256", ec("P-256"), { hash: "SHA-256" }],
  ["P-256 with SHA-384", ec("P-256"), { hash: "SHA-384" }],
  ["P-384 with SHA-384", ec("P-384"), { hash: "SHA-384" }],
  ["P-521 with SHA-512", ec("P-521"), { hash: "SHA-512" }],
  ["Ed25519", { name: "Ed25519" }, {}],
];

interface Made {
  readonly leaf: Uint8Array;
  readonly middle: Uint8Array;
  readonly root: Uint8Array;
}

async function make(scheme: Scheme, signing: Record<string, unknown>): Promise<Made> {
  const pairs = await Promise.all(
    [1, 2, 3].map(
      () =>
        webcrypto.subtle.generateKey(scheme, true, ["sign", "verify"]) as Promise<CryptoKeyPair>,
    ),
  );
  const [root, middle, leaf] = pairs;
  if (root === undefined || middle === undefined || leaf === undefined) throw new Error("no keys");
  const create = async (subject: string, issuer: string, keys: [CryptoKeyPair, CryptoKeyPair]) => {
    const isCa = subject !== "CN=Leaf, O=Vendor";
    const usage = isCa ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature;
    const certificate = await X509CertificateGenerator.create({
      serialNumber: "0a",
      subject,
      issuer,
      notBefore: new Date((NOW - 86_400) * 1000),
      notAfter: new Date((NOW + 86_400) * 1000),
      publicKey: keys[0].publicKey,
      signingKey: keys[1].privateKey,
      signingAlgorithm: { name: scheme.name, ...signing } as unknown as EcdsaParams,
      extensions: [
        new BasicConstraintsExtension(isCa, undefined, true),
        new KeyUsagesExtension(usage, true),
        await SubjectKeyIdentifierExtension.create(keys[0].publicKey),
        await AuthorityKeyIdentifierExtension.create(keys[1].publicKey),
      ],
    });
    return new Uint8Array(certificate.rawData);
  };
  return {
    root: await create("CN=Root", "CN=Root", [root, root]),
    middle: await create("CN=Middle", "CN=Root", [middle, root]),
    leaf: await create("CN=Leaf, O=Vendor", "CN=Middle", [leaf, middle]),
  };
}

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) {
  process.stderr.write("SKIPPED: openssl is not installed, its verdicts are not compared\n");
}

describe.each(SCHEMES)("%s", (_name, scheme, signing) => {
  let made: Made;
  beforeAll(async () => {
    made = await make(scheme, signing);
  });

  const verify = (leaf: Uint8Array): Promise<CertificatePath> =>
    CertificatePath.verify(
      [leaf, made.middle].map((der) => Certificate.decode(der)),
      [Certificate.decode(made.root)],
      {
        time: NOW,
      },
    );

  test("a chain of another maker is accepted, as node:crypto does", async () => {
    const path = await verify(made.leaf);
    const [leaf, middle, root] = path.certificates.map(({ der }) => new X509Certificate(der));
    if (leaf === undefined || middle === undefined || root === undefined) throw new Error("short");
    for (const [subject, issuer] of [
      [leaf, middle],
      [middle, root],
    ] as const) {
      expect(subject.checkIssued(issuer)).toBe(true);
      expect(subject.verify(issuer.publicKey)).toBe(true);
    }
    expect(leaf.verify(root.publicKey)).toBe(false);
  });

  test("a changed signature is refused", async () => {
    const changed = flipBit(made.leaf, made.leaf.length * 8 - 5);
    expect(await rejection(verify(changed))).toBe("STATEMENT_CHAIN_INVALID");
  });

  (hasOpenssl ? test : test.skip)("openssl accepts it, and not a changed one", () => {
    const folder = mkdtempSync(join(tmpdir(), "chain-"));
    const write = (file: string, der: Uint8Array): string => {
      const path = join(folder, file);
      writeFileSync(path, new X509Certificate(der).toString());
      return path;
    };
    const run = (leaf: Uint8Array): number | null => {
      const files = [
        "-CAfile",
        write("root", made.root),
        "-untrusted",
        write("middle", made.middle),
      ];
      const time = ["-attime", String(NOW), "-x509_strict", "-no-CApath", "-no-CAstore"];
      return spawnSync("openssl", ["verify", ...time, ...files, write("leaf", leaf)]).status;
    };
    try {
      expect(run(made.leaf)).toBe(0);
      expect(run(flipBit(made.leaf, made.leaf.length * 8 - 5))).not.toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
