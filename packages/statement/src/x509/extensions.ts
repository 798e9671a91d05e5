import {
  AuthorityKeyIdentifier,
  BasicConstraints as LibraryBasicConstraints,
  ExtendedKeyUsage,
  KeyUsage as LibraryKeyUsage,
  NameConstraints as LibraryNameConstraints,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  type GeneralSubtrees,
} from "@peculiar/asn1-x509";
import { requireConstraintNames, type NameConstraints } from "./constraints.js";
import {
  DER_TAG,
  childrenOf,
  contentOf,
  malformed,
  oidOf,
  parseDer,
  type DerElement,
} from "./der.js";
import { sortNames, type GeneralNames } from "./general-name.js";
import { decodeWhole } from "./library.js";

/** One use of a key (RFC 5280 §4.2.1.3), as the bits are named there. */
export type KeyUsage = (typeof KEY_USAGES)[number];

const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** Whether a certificate may certify, and how many may follow (RFC 5280 §4.2.1.9). */
export interface BasicConstraints {
  readonly isCa: boolean;
  readonly pathLength: number | undefined;
}

/** The names of a subject beside its distinguished name (RFC 5280 §4.2.1.6). */
export type SubjectAltName = GeneralNames;

/** An extension as it stands in a certificate. */
export interface RawExtension {
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

/** What the extensions of a certificate say (RFC 5280 §4.2); absent ones are undefined. */
export interface Extensions {
  readonly basicConstraints: BasicConstraints | undefined;
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined;
  /** Dotted object identifiers. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly subjectAltName: SubjectAltName | undefined;
  readonly nameConstraints: NameConstraints | undefined;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  /** Object identifiers of critical extensions that nothing here acts on. */
  readonly unknownCritical: readonly string[];
  /** Every extension, by object identifier. */
  readonly raw: ReadonlyMap<string, RawExtension>;
}

const OID = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;

const KNOWN: ReadonlySet<string> = new Set(Object.values(OID));

const MAX_EXTENSIONS = 64;
const MAX_KEY_ID_BYTES = 64;

/** Key identifiers (RFC 5280 §4.2.1.1, §4.2.1.2), with which issuers are told apart. */
export interface KeyIds {
  readonly subject: Uint8Array | undefined;
  readonly authority: Uint8Array | undefined;
}

/** Tag of `keyIdentifier` in an AuthorityKeyIdentifier. */
const KEY_IDENTIFIER = 0x80;

/**
 * Yields the key identifiers alone, which say where a chain may lead before anything else is read.
 * Whether the extensions are well-formed is for {@link extensionsOf} to say.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function keyIdsOf(raw: ReadonlyMap<string, RawExtension>): KeyIds {
  const subject = raw.get(OID.subjectKeyId)?.value;
  const authority = raw.get(OID.authorityKeyId)?.value;
  return Object.freeze({
    subject: subject && contentOf(parseDer(subject), DER_TAG.octetString),
    authority:
      authority &&
      childrenOf(parseDer(authority), DER_TAG.sequence).find(({ tag }) => tag === KEY_IDENTIFIER)
        ?.content,
  });
}

/**
 * Yields what the extensions say.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function extensionsOf(raw: ReadonlyMap<string, RawExtension>): Extensions {
  const read = <Value>(oid: string, decode: (value: Uint8Array) => Value): Value | undefined => {
    const value = raw.get(oid)?.value;
    return value === undefined ? undefined : decode(value);
  };
  return Object.freeze({
    basicConstraints: read(OID.basicConstraints, decodeBasicConstraints),
    keyUsage: read(OID.keyUsage, decodeKeyUsage),
    extendedKeyUsage: read(OID.extendedKeyUsage, decodeExtendedKeyUsage),
    subjectAltName: read(OID.subjectAltName, (value) =>
      sortNames(decodeWhole(value, SubjectAlternativeName), { isConstraint: false }),
    ),
    nameConstraints: read(OID.nameConstraints, decodeNameConstraints),
    subjectKeyId: read(OID.subjectKeyId, (value) =>
      requireKeyId(decodeWhole(value, SubjectKeyIdentifier).buffer),
    ),
    authorityKeyId: read(OID.authorityKeyId, decodeAuthorityKeyId),
    unknownCritical: Object.freeze(
      [...raw].filter(([oid, { isCritical }]) => isCritical && !KNOWN.has(oid)).map(([oid]) => oid),
    ),
    raw,
  });
}

/**
 * Yields the extensions as they stand; `element` is the SEQUENCE of them, undefined where there is
 * none.
 *
 * `Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }`
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function rawExtensionsOf(
  element: DerElement | undefined,
): ReadonlyMap<string, RawExtension> {
  const raw = new Map<string, RawExtension>();
  if (element === undefined) return raw;
  const all = childrenOf(element, DER_TAG.sequence);
  if (all.length === 0 || all.length > MAX_EXTENSIONS) {
    throw malformed(`${all.length} extensions, want 1 to ${MAX_EXTENSIONS}`);
  }
  for (const extension of all) {
    const parts = childrenOf(extension, DER_TAG.sequence);
    const isCritical = parts[1]?.tag === DER_TAG.boolean;
    // X.690 §11.5: a default is not written.
    if (isCritical && parts[1]?.content[0] === 0)
      throw malformed("extension says it is critical: no");
    if (parts.length !== (isCritical ? 3 : 2)) throw malformed("extension of the wrong shape");
    const oid = oidOf(parts[0]);
    // RFC 5280 §4.2: one of each.
    if (raw.has(oid)) throw malformed(`extension ${oid} is there twice`);
    raw.set(oid, { isCritical, value: contentOf(parts.at(-1), DER_TAG.octetString) });
  }
  return raw;
}

function decodeBasicConstraints(value: Uint8Array): BasicConstraints {
  const { cA, pathLenConstraint } = decodeWhole(value, LibraryBasicConstraints);
  if (pathLenConstraint !== undefined) {
    if (!Number.isSafeInteger(pathLenConstraint) || pathLenConstraint < 0) {
      throw malformed("path length is negative or out of range");
    }
    if (!cA) throw malformed("path length of what is no CA");
  }
  return Object.freeze({ isCa: cA, pathLength: pathLenConstraint });
}

function decodeKeyUsage(value: Uint8Array): ReadonlySet<KeyUsage> {
  const usage = decodeWhole(value, LibraryKeyUsage);
  const bits = usage.value.byteLength > 2 ? 0 : usage.toNumber();
  // X.690 §11.2.2, RFC 5280 §4.2.1.3: no trailing zeros, at least one bit, none but the nine.
  const width = usage.value.byteLength * 8 - usage.unusedBits;
  if (!(bits > 0) || width > KEY_USAGES.length || bits < 2 ** (width - 1)) {
    throw malformed("key usage has no bit, unknown bits or trailing zeros");
  }
  return new Set(KEY_USAGES.filter((_name, index) => (bits & (1 << index)) !== 0));
}

function decodeExtendedKeyUsage(value: Uint8Array): readonly string[] {
  const uses = [...decodeWhole(value, ExtendedKeyUsage)];
  if (uses.length === 0) throw malformed("extended key usage is empty");
  return Object.freeze(uses);
}

function decodeAuthorityKeyId(value: Uint8Array): Uint8Array | undefined {
  const { keyIdentifier } = decodeWhole(value, AuthorityKeyIdentifier);
  return keyIdentifier === undefined ? undefined : requireKeyId(keyIdentifier.buffer);
}

function requireKeyId(buffer: ArrayBuffer): Uint8Array {
  if (buffer.byteLength === 0 || buffer.byteLength > MAX_KEY_ID_BYTES) {
    throw malformed(`key identifier of ${buffer.byteLength} bytes`);
  }
  return new Uint8Array(buffer);
}

function decodeNameConstraints(value: Uint8Array): NameConstraints {
  const { permittedSubtrees, excludedSubtrees } = decodeWhole(value, LibraryNameConstraints);
  if (permittedSubtrees === undefined && excludedSubtrees === undefined) {
    throw malformed("name constraints are empty");
  }
  return Object.freeze({
    permitted: permittedSubtrees && subtreesOf(permittedSubtrees),
    excluded: excludedSubtrees && subtreesOf(excludedSubtrees),
  });
}

function subtreesOf(subtrees: GeneralSubtrees): GeneralNames {
  for (const { minimum, maximum } of subtrees) {
    // RFC 5280 §4.2.1.10: minimum zero, maximum absent.
    if (minimum !== 0 || maximum !== undefined) throw malformed("name constraint with distances");
  }
  const names = sortNames(
    subtrees.map(({ base }) => base),
    { isConstraint: true },
  );
  requireConstraintNames(names);
  return names;
}
