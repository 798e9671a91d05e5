/**
 * Signatures inside manifests in XML. Apart from the rest of the package, since the library that
 * brings XML into its canonical form needs Node.
 *
 * @packageDocumentation
 */
import { CoseError, digest, verifyScheme, type HashName } from "@tallystick/cose";
import { Certificate, CertificatePath, StatementError } from "@tallystick/statement";
import { DOMParser } from "@xmldom/xmldom";
import { C14nCanonicalization, SignedXml, type HashAlgorithm } from "xml-crypto";

import { ContentError } from "./error.js";
import { completeLimits, type ContentLimits } from "./limits.js";
import { swidOf, type SwidRim } from "./swid.js";
import { elementsBelow, type XmlElement } from "./xml/element.js";
import { parseXml, textOf } from "./xml/parse.js";
import {
  C14N_11,
  DSIG,
  envelopedSignatureOf,
  XML_HASHES,
  XML_SCHEMES,
  type EnvelopedSignature,
} from "./xml/signature.js";

/** Largest manifest whose signature is verified, in bytes; published ones have less than 32 KiB. */
export const MAX_SIGNED_XML_BYTES = 262_144;

/** Elements of such a manifest. The cost of canonicalising grows with their square. */
const MAX_SIGNED_XML_ELEMENTS = 1024;

/** How a manifest in XML is verified. */
export interface VerifySwidOptions {
  /** Certificates that are trusted to vouch for signers of manifests. */
  readonly anchors: readonly Certificate[];
  /** As of when the chain is judged, in seconds since the epoch: of a registered one, its receipt's. */
  readonly time: number;
  readonly limits?: Partial<ContentLimits>;
}

/** A manifest under a signature that holds, whose chain ends in a trusted certificate. */
export interface VerifiedSwidRim {
  readonly rim: SwidRim;
  /** Signer first, up to and with the anchor. */
  readonly certificates: readonly Certificate[];
}

/**
 * Verifies a SWID tag with a signature over all of it (XML Signature 1.1 §3.2), and reads what was
 * signed and nothing else: its canonical form, without the signature. The chain is the certificates
 * in `KeyInfo`, signer first, judged at `time`.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`,
 * `CONTENT_HEADER_REFUSED`, `CONTENT_ALG_UNSUPPORTED`, `CONTENT_KEY_UNKNOWN`,
 * `CONTENT_KEY_OUT_OF_TERM`, `CONTENT_SIGNATURE_INVALID`
 */
export async function verifySwidRim(
  bytes: Uint8Array,
  { anchors, time, limits }: VerifySwidOptions,
): Promise<VerifiedSwidRim> {
  const bounds = boundsOf(limits);
  const signed = signatureOf(bytes, bounds);
  const path = await pathOf(signed.certificates, { anchors, time });
  const content = await contentUnder(path.leaf, signed, bytes);
  const rim = swidOf(parseXml(utf8(content), bounds));
  return { rim: { ...rim, isSigned: true }, certificates: path.certificates };
}

/** A trusted certificate that the chain of a signature ends in, and when all of the chain is valid. */
export interface SwidAuthority {
  readonly anchor: Certificate;
  /** Seconds since the epoch, both within the term. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Verifies a SWID tag as {@link verifySwidRim} does, whenever that is, and yields the anchors that its
 * chain ends in, each with the time in which it does: what is found is so of the bytes alone.
 *
 * @throws {@link ContentError} as {@link verifySwidRim}; `CONTENT_KEY_OUT_OF_TERM` where there is no
 * time at which all of a chain is valid
 */
export async function findSwidAuthorities(
  bytes: Uint8Array,
  { anchors, limits }: Omit<VerifySwidOptions, "time">,
): Promise<readonly SwidAuthority[]> {
  const signed = signatureOf(bytes, boundsOf(limits));
  const found: SwidAuthority[] = [];
  let refusal: unknown = new ContentError("CONTENT_KEY_UNKNOWN", "no authority is trusted");
  for (const anchor of anchors) {
    try {
      found.push(await authorityOf(signed.certificates, anchor));
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      refusal = error;
    }
  }
  const [leaf] = signed.certificates;
  if (found.length === 0 || leaf === undefined) throw refusal;
  await contentUnder(Certificate.decodeOutline(leaf), signed, bytes);
  return found;
}

async function authorityOf(
  certificates: readonly Uint8Array[],
  anchor: Certificate,
): Promise<SwidAuthority> {
  const chain = [...outlinesOf(certificates), anchor];
  const notBefore = Math.max(...chain.map((one) => one.notBefore));
  const notAfter = Math.min(...chain.map((one) => one.notAfter));
  await pathOf(certificates, { anchors: [anchor], time: notBefore });
  return { anchor, notBefore, notAfter };
}

function boundsOf(limits: Partial<ContentLimits> | undefined): ContentLimits {
  const complete = completeLimits(limits);
  return { ...complete, maxBytes: Math.min(complete.maxBytes, MAX_SIGNED_XML_BYTES) };
}

function signatureOf(bytes: Uint8Array, bounds: ContentLimits): EnvelopedSignature {
  const root = parseXml(bytes, bounds);
  requireFew(root);
  // What is no manifest costs no signature.
  swidOf(root);
  return envelopedSignatureOf(root);
}

/** Yields what is signed once the signature over it holds under the key of a certificate. */
async function contentUnder(
  leaf: Certificate,
  { scheme, value }: EnvelopedSignature,
  bytes: Uint8Array,
): Promise<string> {
  const { signedInfo, content } = canonicalOf(textOf(bytes));
  const signature = scheme.kty === "EC2" ? derOf(value) : value;
  try {
    await verifyScheme(scheme, leaf.publicKey, { message: utf8(signedInfo), signature });
    return content;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ContentError("CONTENT_SIGNATURE_INVALID", "the signature does not verify", { cause });
  }
}

function requireFew(root: XmlElement): void {
  let left = MAX_SIGNED_XML_ELEMENTS;
  for (const { hasComment } of elementsBelow(root)) {
    if (hasComment) throw new ContentError("CONTENT_HEADER_REFUSED", "a signed comment");
    left--;
    if (left < 0) {
      const why = `more than ${MAX_SIGNED_XML_ELEMENTS} elements under a signature`;
      throw new ContentError("CONTENT_TOO_LARGE", why);
    }
  }
}

function outlinesOf(certificates: readonly Uint8Array[]): readonly Certificate[] {
  try {
    return certificates.map((der) => Certificate.decodeOutline(der));
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    const why = `chain of the signature: ${cause.message}`;
    throw new ContentError("CONTENT_MALFORMED", why, { cause });
  }
}

async function pathOf(
  certificates: readonly Uint8Array[],
  { anchors, time }: Pick<VerifySwidOptions, "anchors" | "time">,
): Promise<CertificatePath> {
  try {
    const chain = outlinesOf(certificates);
    const late = chain.find(({ notBefore, notAfter }) => time < notBefore || time > notAfter);
    if (late !== undefined) {
      throw new ContentError("CONTENT_KEY_OUT_OF_TERM", `${late.label} is not valid at that time`);
    }
    return await CertificatePath.verify(chain, anchors, { time });
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    const isBroken = cause.code === "STATEMENT_CERTIFICATE_MALFORMED";
    const code = isBroken ? "CONTENT_MALFORMED" : "CONTENT_KEY_UNKNOWN";
    throw new ContentError(code, `chain of the signature: ${cause.message}`, { cause });
  }
}

/** What a signature is over, in canonical form. */
interface Canonical {
  readonly signedInfo: string;
  /** The document without its signature, whose digest is that in the signed information. */
  readonly content: string;
}

/**
 * Yields what is signed by a document whose structure was found sound: the digest in it holds, the
 * signature is not looked at.
 */
function canonicalOf(text: string): Canonical {
  let signedInfo: string | undefined;
  /** Takes what the signature is over, for it to be verified by a key whose chain is known. */
  class Taking {
    verifySignature(material: string): boolean {
      signedInfo = material;
      return true;
    }

    getSignature(): never {
      throw new TypeError("nothing is signed here");
    }

    getAlgorithmName(): string {
      return "";
    }
  }
  const xml = new SignedXml({ getCertFromKeyInfo: () => "the key is not looked at here" });
  xml.SignatureAlgorithms = Object.fromEntries([...XML_SCHEMES.keys()].map((id) => [id, Taking]));
  xml.HashAlgorithms = Object.fromEntries(
    [...XML_HASHES].map(([id, name]) => [id, hashing(id, name)]),
  );
  xml.CanonicalizationAlgorithms[C14N_11] = C14nCanonicalization;
  let isSound: boolean;
  try {
    const document = new DOMParser().parseFromString(text, "text/xml");
    const signature = document.getElementsByTagNameNS(DSIG, "Signature").item(0);
    if (signature === null) throw new ContentError("CONTENT_KEY_UNKNOWN", "it is not signed");
    xml.loadSignature(signature);
    isSound = xml.checkSignature(text);
  } catch (cause) {
    if (cause instanceof ContentError) throw cause;
    throw new ContentError("CONTENT_SIGNATURE_INVALID", "what is signed is not to be found", {
      cause,
    });
  }
  const [content, ...more] = xml.getSignedReferences();
  if (!isSound || signedInfo === undefined || content === undefined || more.length > 0) {
    throw new ContentError("CONTENT_SIGNATURE_INVALID", "the digest is not that of the document");
  }
  return { signedInfo, content };
}

function hashing(id: string, name: HashName): new () => HashAlgorithm {
  return class {
    getHash(text: string): string {
      return btoa(String.fromCharCode(...digest(name, utf8(text))));
    }

    getAlgorithmName(): string {
      return id;
    }
  };
}

/** Yields the DER of two numbers of the same length behind each other (RFC 9231 §2.3.6, RFC 3279 §2.2.3). */
function derOf(pair: Uint8Array): Uint8Array {
  const half = pair.length / 2;
  if (!Number.isInteger(half) || half > 66) {
    throw new ContentError("CONTENT_SIGNATURE_INVALID", "the signature is of no such length");
  }
  const integers = [pair.subarray(0, half), pair.subarray(half)].map(integerOf).flat();
  const length = integers.length < 128 ? [integers.length] : [0x81, integers.length];
  return Uint8Array.of(0x30, ...length, ...integers);
}

function integerOf(number: Uint8Array): readonly number[] {
  const first = number.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? [0] : [...number.subarray(first)];
  const [top = 0] = digits;
  const positive = top >= 0x80 ? [0, ...digits] : digits;
  return [0x02, positive.length, ...positive];
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
