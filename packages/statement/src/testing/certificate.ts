import { generateKeyPairSync, sign } from "node:crypto";
import { Certificate } from "../x509/certificate.js";
import { bits, der, integer, octets, oid, sequence, text } from "./der.js";

/** 2026-06-01T00:00:00Z, when all certificates here are valid unless they say otherwise. */
export const NOW = 1_780_272_000;

/** What signs certificates: a key, and how it signs. */
export interface CertificateKey {
  readonly spki: Uint8Array;
  /** The AlgorithmIdentifier of its signatures. */
  readonly algorithm: Uint8Array;
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A certificate with the key in it, ready to issue others. */
export interface Issued {
  readonly name: Uint8Array;
  readonly key: CertificateKey;
  readonly der: Uint8Array;
  readonly certificate: Certificate;
}

/** What a test says about a certificate; all else is that of a good one. */
export interface Recipe {
  readonly by?: Issued;
  readonly key?: CertificateKey;
  /** Defaults to a CA with keyCertSign. */
  readonly extensions?: readonly Uint8Array[];
  /** Defaults to the name of `by`, or its own. */
  readonly issuer?: Uint8Array;
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  readonly version?: Uint8Array | null;
  readonly serial?: Uint8Array;
  /** The algorithm inside what is signed; defaults to the one outside. */
  readonly inner?: Uint8Array;
  /** Changes the bytes once they are signed. */
  readonly edit?: (der: Uint8Array) => Uint8Array;
}

export const ED25519: Uint8Array = sequence(oid("1.3.101.112"));

export function ed25519(): CertificateKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    spki: publicKey.export({ format: "der", type: "spki" }),
    algorithm: ED25519,
    sign: (message) => sign(null, message, privateKey),
  };
}

/** Encodes a name such as `CN=Leaf, O=Vendor`, each pair a relative name, in UTF-8. */
export function name(pairs: string, tag = 0x0c): Uint8Array {
  const relatives = pairs.split(", ").filter((pair) => pair !== "");
  return sequence(...relatives.map((pair) => der(0x31, attribute(pair, tag))));
}

export function attribute(pair: string, tag = 0x0c): Uint8Array {
  const types = { CN: "2.5.4.3", O: "2.5.4.10", E: "1.2.840.113549.1.9.1" };
  const [type = "", ...value] = pair.split("=");
  return sequence(oid(types[type as keyof typeof types]), text(tag, value.join("=")));
}

export function extension(id: string, value: Uint8Array, isCritical = false): Uint8Array {
  const critical = isCritical ? [Uint8Array.of(1, 1, 0xff)] : [];
  return sequence(oid(id), ...critical, octets(value));
}

export function ca(pathLength?: number): Uint8Array {
  const limit = pathLength === undefined ? [] : [integer(pathLength)];
  return extension("2.5.29.19", sequence(Uint8Array.of(1, 1, 0xff), ...limit), true);
}

export const NOT_CA: Uint8Array = extension("2.5.29.19", sequence(), true);
export const CERT_SIGN: Uint8Array = extension("2.5.29.15", bits(Uint8Array.of(0x04), 2), true);
export const SIGNATURE: Uint8Array = extension("2.5.29.15", bits(Uint8Array.of(0x80), 7), true);
export const ENCIPHERMENT: Uint8Array = extension("2.5.29.15", bits(Uint8Array.of(0x20), 5), true);

export function subjectKeyId(...id: readonly number[]): Uint8Array {
  return extension("2.5.29.14", octets(Uint8Array.from(id)));
}

export function authorityKeyId(...id: readonly number[]): Uint8Array {
  return extension("2.5.29.35", sequence(der(0x80, Uint8Array.from(id))));
}

export function san(...names: readonly Uint8Array[]): Uint8Array {
  return extension("2.5.29.17", sequence(...names));
}

export const general = {
  email: (value: string): Uint8Array => text(0x81, value),
  dns: (value: string): Uint8Array => text(0x82, value),
  uri: (value: string): Uint8Array => text(0x86, value),
  ip: (...bytes: readonly number[]): Uint8Array => der(0x87, Uint8Array.from(bytes)),
  directory: (pairs: string): Uint8Array => der(0xa4, name(pairs)),
  registered: (id: string): Uint8Array => der(0x88, oid(id).subarray(2)),
  other: (id: string, value: Uint8Array): Uint8Array => der(0xa0, oid(id), der(0xa0, value)),
} as const;

/** A critical nameConstraints of bases as {@link general} encodes them. */
export function constraints(
  permitted: readonly Uint8Array[],
  excluded: readonly Uint8Array[] = [],
): Uint8Array {
  const side = (tag: number, bases: readonly Uint8Array[]): Uint8Array[] =>
    bases.length === 0 ? [] : [der(tag, ...bases.map((base) => sequence(base)))];
  const value = sequence(...side(0xa0, permitted), ...side(0xa1, excluded));
  return extension("2.5.29.30", value, true);
}

export function utcTime(value: string): Uint8Array {
  return text(0x17, value);
}

/** Makes and signs a certificate for `subject`, in the notation of {@link name} or encoded. */
export async function issue(subject: string | Uint8Array, recipe: Recipe = {}): Promise<Issued> {
  const own = typeof subject === "string" ? name(subject) : subject;
  const { key = ed25519(), by } = recipe;
  const signer = by?.key ?? key;
  const { issuer = by?.name ?? own, extensions = [ca(), CERT_SIGN], serial = integer(1) } = recipe;
  const { notBefore = utcTime("260101000000Z"), notAfter = utcTime("270101000000Z") } = recipe;
  const { version = der(0xa0, integer(2)), inner = signer.algorithm } = recipe;
  const tbs = sequence(
    ...(version === null ? [] : [version]),
    serial,
    inner,
    issuer,
    sequence(notBefore, notAfter),
    own,
    key.spki,
    ...(extensions.length === 0 ? [] : [der(0xa3, sequence(...extensions))]),
  );
  const signed = sequence(tbs, signer.algorithm, bits(await signer.sign(tbs)));
  const bytes = recipe.edit?.(signed) ?? signed;
  return {
    name: own,
    key,
    der: bytes,
    get certificate() {
      return Certificate.decode(bytes);
    },
  };
}

/** Makes a leaf that may sign, unless the recipe says otherwise. */
export function issueLeaf(by: Issued, recipe: Recipe = {}): Promise<Issued> {
  return issue("CN=Leaf", { by, extensions: [NOT_CA, SIGNATURE], ...recipe });
}

export const certificatesOf = (...issued: readonly Issued[]): readonly Certificate[] =>
  issued.map(({ certificate }) => certificate);
