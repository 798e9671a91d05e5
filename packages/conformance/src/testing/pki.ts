import { createPublicKey } from "node:crypto";
import type { JsonWebKey } from "node:crypto";

import { PrivateKey, decodeBase64url } from "@tallystick/cose";
import type { AlgorithmName, PublicKey } from "@tallystick/cose";

import { bits, der, integer, oid, sequence, text } from "./der.js";

/** A certificate authority, or a leaf: its name, its key and its certificate. */
export interface Issued {
  readonly name: Uint8Array;
  readonly key: PrivateKey;
  readonly der: Uint8Array;
}

/** What a test says of a certificate; all else is that of a good one of its kind. */
export interface Recipe {
  /** Certifies it; itself by default. */
  readonly by?: Issued;
  readonly key?: PrivateKey;
  /** Algorithm of a new key, where none is given; ES256 by default. */
  readonly alg?: AlgorithmName;
  readonly extensions?: readonly Uint8Array[];
  /** Seconds since the epoch. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly serial?: number;
}

/** First second of every certificate unless its recipe says otherwise: 2020-01-01. */
export const NOT_BEFORE = 1_577_836_800;
/** Last second of every certificate unless its recipe says otherwise: 2045-01-01. */
export const NOT_AFTER = 2_366_841_600;

const ATTRIBUTES: Readonly<Record<string, string>> = { CN: "2.5.4.3", O: "2.5.4.10" };

/** Encodes a name such as `CN=Leaf, O=Vendor`. */
export function nameOf(pairs: string): Uint8Array {
  const relatives = pairs.split(", ").map((pair) => {
    const [type = "", value = ""] = pair.split("=");
    return der(0x31, sequence(oid(ATTRIBUTES[type] ?? ""), text(0x0c, value)));
  });
  return sequence(...relatives);
}

function extension(id: string, value: Uint8Array, isCritical = false): Uint8Array {
  const critical = isCritical ? [Uint8Array.of(1, 1, 0xff)] : [];
  return sequence(oid(id), ...critical, der(0x04, value));
}

function keyUsage(byte: number, spare: number): Uint8Array {
  return extension("2.5.29.15", bits(Uint8Array.of(byte), spare), true);
}

export const KEY_CERT_SIGN: Uint8Array = keyUsage(0x04, 2);
export const DIGITAL_SIGNATURE: Uint8Array = keyUsage(0x80, 7);
export const KEY_ENCIPHERMENT: Uint8Array = keyUsage(0x20, 5);

/** Says that it is a CA, with a limit to the CAs below it where one is given. */
export function ca(pathLength?: number): Uint8Array {
  const limit = pathLength === undefined ? [] : [integer(pathLength)];
  return extension("2.5.29.19", sequence(Uint8Array.of(1, 1, 0xff), ...limit), true);
}

export function extendedKeyUsage(...ids: readonly string[]): Uint8Array {
  return extension("2.5.29.37", sequence(...ids.map(oid)));
}

/** A critical extension that nobody knows. */
export function unknownCritical(id: string): Uint8Array {
  return extension(id, der(0x05), true);
}

const NAME_FORMS = { email: 0x81, dns: 0x82, uri: 0x86 } as const;

/** Encodes alternative names, in the order given. */
export function alternativeNames(
  ...names: readonly (readonly [keyof typeof NAME_FORMS, string])[]
): Uint8Array {
  const encoded = names.map(([form, value]) => text(NAME_FORMS[form], value));
  return extension("2.5.29.17", sequence(...encoded));
}

/** Lets a CA certify hosts below one name alone (RFC 5280 §4.2.1.10). */
export function permittedHost(host: string): Uint8Array {
  const base = sequence(text(NAME_FORMS.dns, host));
  return extension("2.5.29.30", sequence(der(0xa0, base)), true);
}

/** Makes a certificate authority. */
export function issueCa(subject: string, recipe: Recipe = {}): Promise<Issued> {
  return issue(subject, { extensions: [ca(), KEY_CERT_SIGN], ...recipe });
}

/** Makes a leaf that may sign. */
export function issueLeaf(subject: string, recipe: Recipe & { by: Issued }): Promise<Issued> {
  return issue(subject, { extensions: [DIGITAL_SIGNATURE], ...recipe });
}

/** Makes and signs a certificate (RFC 5280 §4.1). */
export async function issue(subject: string, recipe: Recipe = {}): Promise<Issued> {
  const { by, extensions = [], serial = 1 } = recipe;
  const { notBefore = NOT_BEFORE, notAfter = NOT_AFTER } = recipe;
  const key = recipe.key ?? (await PrivateKey.generate(recipe.alg ?? "ES256"));
  const name = nameOf(subject);
  const signer = by?.key ?? key;
  const algorithm = signatureAlgorithm(signer);
  const signed = sequence(
    der(0xa0, integer(2)),
    integer(serial),
    algorithm,
    by?.name ?? name,
    sequence(timeOf(notBefore), timeOf(notAfter)),
    name,
    spkiOf(key.publicKey),
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const signature = await signer.sign(signed);
  const encoded = signer.publicKey.toJwk().kty === "EC" ? derSignature(signature) : signature;
  return { name, key, der: sequence(signed, algorithm, bits(encoded)) };
}

/** Encodes a certificate as policies have it. */
export function base64Of({ der: bytes }: Issued): string {
  return Buffer.from(bytes).toString("base64");
}

function timeOf(seconds: number): Uint8Array {
  const [date = "", time = ""] = new Date(seconds * 1000).toISOString().split(/[T.]/);
  return text(0x17, `${date.slice(2)}${time}Z`.replaceAll(/[-:]/g, ""));
}

const SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"), der(0x05));

// RFC 4055 §3.1, with the salt as long as the hash.
const PSS = sequence(
  oid("1.2.840.113549.1.1.10"),
  sequence(
    der(0xa0, SHA256),
    der(0xa1, sequence(oid("1.2.840.113549.1.1.8"), SHA256)),
    der(0xa2, integer(32)),
  ),
);

const ML_DSA: Readonly<Record<string, string>> = {
  "ML-DSA-44": "2.16.840.1.101.3.4.3.17",
  "ML-DSA-65": "2.16.840.1.101.3.4.3.18",
  "ML-DSA-87": "2.16.840.1.101.3.4.3.19",
};

const SIGNATURES: Readonly<Record<string, Uint8Array>> = {
  ES256: sequence(oid("1.2.840.10045.4.3.2")),
  ES384: sequence(oid("1.2.840.10045.4.3.3")),
  ES512: sequence(oid("1.2.840.10045.4.3.4")),
  EdDSA: sequence(oid("1.3.101.112")),
  PS256: PSS,
  ...Object.fromEntries(Object.entries(ML_DSA).map(([alg, id]) => [alg, sequence(oid(id))])),
};

function signatureAlgorithm({ algorithm }: PrivateKey): Uint8Array {
  const encoded = SIGNATURES[algorithm.name];
  if (encoded === undefined) throw new Error(`no certificates with ${algorithm.name}`);
  return encoded;
}

function spkiOf(key: PublicKey): Uint8Array {
  const jwk = key.toJwk();
  const id = ML_DSA[jwk.alg ?? ""];
  // RFC 9881 §4; Node reads these JSON Web Keys only in its newer versions.
  if (id !== undefined) return sequence(sequence(oid(id)), bits(decodeBase64url(jwk.pub ?? "")));
  const native = createPublicKey({ key: { ...jwk } as JsonWebKey, format: "jwk" });
  return new Uint8Array(native.export({ format: "der", type: "spki" }));
}

// ECDSA-Sig-Value of RFC 3279 §2.2.3, out of COSE's r and s.
function derSignature(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return sequence(integer(...signature.subarray(0, half)), integer(...signature.subarray(half)));
}
