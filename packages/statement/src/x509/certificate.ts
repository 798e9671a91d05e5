import {
  CoseError,
  PublicKey,
  digest,
  encodeHex,
  verifyScheme,
  type HashName,
} from "@tallystick/cose";
import { StatementError } from "../error.js";
import { signatureAlgorithmOf, type SignatureAlgorithm } from "./algorithm.js";
import {
  DER_TAG,
  childrenOf,
  contentOf,
  malformed,
  octetsOf,
  parseDer,
  type DerElement,
} from "./der.js";
import {
  extensionsOf,
  keyIdsOf,
  rawExtensionsOf,
  type Extensions,
  type KeyIds,
  type RawExtension,
} from "./extensions.js";
import { labelOf, nameOf, type DistinguishedName } from "./name.js";
import { timeOf } from "./time.js";

/** Context tags of TBSCertificate: version, extensions. */
const FIELD = { version: 0xa0, extensions: 0xa3 } as const;

const MAX_SERIAL_BYTES = 20;

interface Signed {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * A decoded X.509 certificate (RFC 5280 §4.1): strict DER, with a key that is fit to verify with,
 * and **not verified**. {@link Certificate.decode} and {@link Certificate.decodeOutline} are the only
 * ways to get one. Immutable.
 */
export class Certificate {
  readonly #signed: Signed;
  // Owned by verifySignature: those whose key the signature was seen to hold under.
  readonly #signers = new WeakSet<Certificate>();
  readonly #raw: ReadonlyMap<string, RawExtension>;
  // Owned by the getter.
  #extensions: Extensions | undefined;
  /** Exactly as received. */
  readonly der: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** Hexadecimal, without leading zero bytes. */
  readonly serial: string;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  /** Seconds since the epoch; both ends are inside. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: PublicKey;
  /** Which key this is and which one signed, by its own word. */
  readonly keyIds: KeyIds;
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** A short, printable text for messages, such as `CN=Leaf`. */
  readonly label: string;

  private constructor(der: Uint8Array) {
    this.der = new Uint8Array(der);
    const { fields, outer, signed } = openCertificate(this.der);
    this.#signed = signed;
    this.version = fields.version;
    this.serial = encodeHex(fields.serial);
    this.signatureAlgorithm = signatureAlgorithmOf(outer);
    this.issuer = nameOf(fields.issuer);
    this.subject = nameOf(fields.subject);
    // RFC 5280 §4.1.2.4
    if (this.issuer.canonical.length === 0) throw malformed("issuer is empty");
    const [notBefore, notAfter, ...rest] = childrenOf(fields.validity, DER_TAG.sequence);
    if (rest.length > 0) throw malformed("validity is not two times");
    this.notBefore = timeOf(notBefore);
    this.notAfter = timeOf(notAfter);
    this.publicKey = publicKeyOf(fields.publicKey);
    this.#raw = rawExtensionsOf(fields.extensions);
    this.keyIds = keyIdsOf(this.#raw);
    this.label = labelOf(this.subject);
    Object.freeze(this);
  }

  /**
   * Decodes one certificate. The input is copied. Time and memory are bounded whatever the bytes
   * are: 64 KiB, 4096 elements, 64 extensions, 256 names in one extension.
   *
   * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`, also for a key that is weak or
   * of a kind that is not supported, with the refusal as `cause`
   */
  static decode(der: Uint8Array): Certificate {
    return new Certificate(der).open();
  }

  /**
   * Decodes one certificate as {@link Certificate.decode} does, but for what its extensions say: to
   * read that takes longer than everything else, and of a stranger's certificate nobody needs it.
   *
   * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
   */
  static decodeOutline(der: Uint8Array): Certificate {
    return new Certificate(der);
  }

  static is(value: object): value is Certificate {
    return #signed in value;
  }

  /**
   * What the extensions say; those of an outline are read when they are first asked for.
   *
   * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`, of an outline alone
   */
  get extensions(): Extensions {
    this.#extensions ??= extensionsOf(this.#raw);
    return this.#extensions;
  }

  /**
   * Yields the certificate once its extensions are read.
   *
   * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
   */
  open(): this {
    this.#extensions ??= extensionsOf(this.#raw);
    return this;
  }

  /** Yields the digest of all of the certificate. */
  fingerprint(hash: HashName): Uint8Array {
    return digest(hash, this.der);
  }

  /**
   * Verifies that the key of `issuer` signed this certificate; resolves when it did. Names, validity
   * and constraints are not looked at: {@link CertificatePath.verify} does that. What has held once is
   * not computed again for the same two objects.
   *
   * @throws {@link StatementError} `STATEMENT_CHAIN_INVALID`
   */
  async verifySignature(issuer: Certificate): Promise<void> {
    const { oid, scheme } = this.signatureAlgorithm;
    if (scheme === undefined) {
      throw new StatementError(
        "STATEMENT_CHAIN_INVALID",
        `signature algorithm ${oid} is not supported`,
      );
    }
    if (this.#signers.has(issuer)) return;
    try {
      await verifyScheme(scheme, issuer.publicKey, this.#signed);
      this.#signers.add(issuer);
    } catch (cause) {
      if (!(cause instanceof CoseError)) throw cause;
      throw new StatementError(
        "STATEMENT_CHAIN_INVALID",
        `signature does not hold under the key of ${issuer.label}`,
        { cause },
      );
    }
  }
}

interface Fields {
  readonly version: 1 | 2 | 3;
  readonly serial: Uint8Array;
  readonly issuer: DerElement;
  readonly validity: DerElement;
  readonly subject: DerElement;
  readonly publicKey: DerElement;
  readonly extensions: DerElement | undefined;
}

/**
 * ```asn1
 * Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }
 * ```
 */
function openCertificate(der: Uint8Array): {
  readonly fields: Fields;
  readonly outer: DerElement;
  readonly signed: Signed;
} {
  const [tbs, outer, signature, ...rest] = childrenOf(parseDer(der), DER_TAG.sequence);
  if (tbs === undefined || outer === undefined || rest.length > 0) {
    throw malformed("not a certificate of three parts");
  }
  const { inner, fields } = openTbs(tbs);
  // RFC 5280 §4.1.1.2
  if (encodeHex(inner.bytes) !== encodeHex(outer.bytes)) {
    throw malformed("signature algorithm differs inside and outside of what is signed");
  }
  // The slice that was received is what gets verified.
  return { fields, outer, signed: { message: tbs.bytes, signature: octetsOf(signature) } };
}

/**
 * ```asn1
 * TBSCertificate ::= SEQUENCE { version [0] INTEGER DEFAULT v1, serialNumber INTEGER,
 *   signature AlgorithmIdentifier, issuer Name, validity Validity, subject Name,
 *   subjectPublicKeyInfo, issuerUniqueID [1], subjectUniqueID [2], extensions [3] }
 * ```
 */
function openTbs(tbs: DerElement): { readonly inner: DerElement; readonly fields: Fields } {
  const parts = childrenOf(tbs, DER_TAG.sequence);
  const version = versionOf(parts[0]);
  const [number, inner, issuer, validity, subject, publicKey, ...rest] =
    version === 1 ? parts : parts.slice(1);
  if (
    inner === undefined ||
    issuer === undefined ||
    validity === undefined ||
    subject === undefined ||
    publicKey === undefined
  ) {
    throw malformed("a field is missing");
  }
  const [last, ...others] = rest;
  // RFC 5280 §4.1.2.8: unique identifiers are not to be generated, and are not taken.
  if (others.length > 0 || (last !== undefined && last.tag !== FIELD.extensions)) {
    throw malformed("a field that is not taken");
  }
  const extensions = last === undefined ? undefined : onlyChild(last);
  // RFC 5280 §4.1.2.1
  if (extensions !== undefined && version !== 3) throw malformed("extensions below version 3");
  const serial = serialOf(number);
  const fields = { version, serial, issuer, validity, subject, publicKey, extensions };
  return { inner, fields };
}

function versionOf(element: DerElement | undefined): 1 | 2 | 3 {
  if (element?.tag !== FIELD.version) return 1;
  const [value, ...rest] = contentOf(onlyChild(element), DER_TAG.integer);
  // X.690 §11.5: version 1 is the default and not written.
  if (rest.length > 0 || (value !== 1 && value !== 2)) throw malformed("version is not 2 or 3");
  return value === 1 ? 2 : 3;
}

// RFC 5280 §4.1.2.2: positive, of 20 octets at most, without the one for the sign.
function serialOf(element: DerElement | undefined): Uint8Array {
  const content = contentOf(element, DER_TAG.integer);
  const first = content[0] ?? 0;
  const magnitude = first === 0 ? content.subarray(1) : content;
  if (first >= 0x80 || magnitude.length === 0 || magnitude.length > MAX_SERIAL_BYTES) {
    throw malformed(`serial number is not positive or longer than ${MAX_SERIAL_BYTES} octets`);
  }
  return magnitude;
}

function onlyChild({ children }: DerElement): DerElement {
  const [child, ...rest] = children;
  if (child === undefined || rest.length > 0) throw malformed("tagged field of the wrong shape");
  return child;
}

function publicKeyOf(element: DerElement): PublicKey {
  try {
    return PublicKey.fromSpki(element.bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`public key: ${cause.message}`, { cause });
  }
}
