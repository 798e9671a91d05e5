import { HASH_ALGORITHMS, type HashName, type SignatureScheme } from "@tallystick/cose";

import { ContentError } from "../error.js";
import { attributeOf, elementsBelow, XML_NAMESPACE, type XmlElement } from "./element.js";

/** Namespace of XML signatures (XML Signature 1.1). */
export const DSIG = "http://www.w3.org/2000/09/xmldsig#";

const ENVELOPED = `${DSIG}enveloped-signature`;

/** Canonical XML 1.1, which is 1.0 for a document without attributes of XML's own. */
export const C14N_11 = "http://www.w3.org/2006/12/xml-c14n11";

const CANONICAL: ReadonlySet<string> = new Set([
  "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
  "http://www.w3.org/2001/10/xml-exc-c14n#",
  C14N_11,
]);

/** Hash functions of references, those of SHA-1 not among them (XML Signature 1.1 §6.2, RFC 9231). */
export const XML_HASHES: ReadonlyMap<string, HashName> = new Map([
  ["http://www.w3.org/2001/04/xmlenc#sha256", "sha-256"],
  ["http://www.w3.org/2001/04/xmldsig-more#sha384", "sha-384"],
  ["http://www.w3.org/2001/04/xmlenc#sha512", "sha-512"],
]);

/** Schemes of signatures (RFC 9231 §2.3). */
export const XML_SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map(
  HASH_ALGORITHMS.flatMap(({ name }): (readonly [string, SignatureScheme])[] => {
    const hash = name.replace("-", "");
    const more = "http://www.w3.org/2001/04/xmldsig-more#";
    return [
      [`${more}ecdsa-${hash}`, { kty: "EC2", hash: name }],
      [`${more}rsa-${hash}`, { kty: "RSA", padding: "pkcs1", hash: name }],
    ];
  }),
);

/** Certificates of one signature. */
const MAX_CERTIFICATES = 8;

/** A signature over the document that it stands in, of which nothing is verified. */
export interface EnvelopedSignature {
  readonly scheme: SignatureScheme;
  readonly value: Uint8Array;
  /** DER, in the order in which they stand. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * Yields the signature of a document: one, the child of the root, over all of the document but
 * itself. Anything else that XML Signature allows is refused, for what is signed then is a question:
 * references to parts, several of them, transforms that choose, objects, several signatures.
 *
 * @throws {@link ContentError} `CONTENT_KEY_UNKNOWN` where there is none, `CONTENT_HEADER_REFUSED`,
 * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_MALFORMED`
 */
export function envelopedSignatureOf(root: XmlElement): EnvelopedSignature {
  requireOneMeaning(root);
  const signatures = [...elementsBelow(root)].filter(isNamed("Signature"));
  const [signature] = signatures;
  if (signature === undefined) throw new ContentError("CONTENT_KEY_UNKNOWN", "it is not signed");
  if (signatures.length > 1) throw refused("there are several signatures");
  if (!root.children.includes(signature)) throw refused("the signature is not below the root");
  for (const { hasComment } of elementsBelow(signature)) {
    if (hasComment) throw refused("a comment stands in the signature");
  }
  const [info, value, keys] = only(signature, ["SignedInfo", "SignatureValue", "KeyInfo"]);
  const [method, algorithm, reference] = only(info, [
    "CanonicalizationMethod",
    "SignatureMethod",
    "Reference",
  ]);
  requireCanonical(method);
  requireReference(reference);
  const scheme = XML_SCHEMES.get(algorithmOf(algorithm));
  if (scheme === undefined) throw unsupported("signature");
  return { scheme, value: base64Of(value, "the signature"), certificates: certificatesOf(keys) };
}

/** Refuses what readers of one document disagree about: identifiers, and XML's own attributes. */
function requireOneMeaning(root: XmlElement): void {
  const ids = new Set<string>();
  for (const { attributes } of elementsBelow(root)) {
    for (const { namespace, local, value } of attributes) {
      if (namespace === XML_NAMESPACE && (local === "base" || local === "id")) {
        throw refused(`the attribute xml:${local} is there`);
      }
      if (local.toLowerCase() !== "id") continue;
      if (ids.has(value)) throw refused("one identifier is there twice");
      ids.add(value);
    }
  }
}

function requireReference(reference: XmlElement): void {
  if (attributeOf(reference, "URI") !== "") throw refused("not the whole document is signed");
  const [transforms, digestMethod, digestValue] = only(reference, [
    "Transforms",
    "DigestMethod",
    "DigestValue",
  ]);
  const [enveloped, canonical, ...more] = transforms.children;
  for (const one of transforms.children) {
    if (!isNamed("Transform")(one)) throw refused("the transforms have something else");
  }
  if (enveloped === undefined || algorithmOf(enveloped) !== ENVELOPED || more.length > 0) {
    throw refused("the transforms are not that of an enveloped signature");
  }
  if (canonical !== undefined) requireCanonical(canonical);
  if (!XML_HASHES.has(algorithmOf(digestMethod))) throw unsupported("hash");
  base64Of(digestValue, "the digest");
}

function requireCanonical(method: XmlElement): void {
  if (!CANONICAL.has(algorithmOf(method))) throw unsupported("canonical form");
}

function certificatesOf(keys: XmlElement): readonly Uint8Array[] {
  const found = keys.children
    .filter(isNamed("X509Data"))
    .flatMap(({ children }) => children.filter(isNamed("X509Certificate")));
  if (found.length === 0) throw new ContentError("CONTENT_KEY_UNKNOWN", "there is no certificate");
  if (found.length > MAX_CERTIFICATES) {
    throw refused(`there are more than ${MAX_CERTIFICATES} certificates`);
  }
  return found.map((one) => base64Of(one, "a certificate"));
}

/** Yields the children, which are these and no others. */
function only<const Names extends readonly string[]>(
  parent: XmlElement,
  names: Names,
): { readonly [Place in keyof Names]: XmlElement } {
  const isAsNamed = names.every((name, i) => {
    const child = parent.children[i];
    return child !== undefined && isNamed(name)(child);
  });
  if (!isAsNamed || parent.children.length !== names.length || /\S/.test(parent.text)) {
    throw refused(`${parent.local} has something else than ${names.join(", ")}`);
  }
  return parent.children as unknown as { readonly [Place in keyof Names]: XmlElement };
}

function isNamed(name: string): (element: XmlElement) => boolean {
  return ({ namespace, local }) => namespace === DSIG && local === name;
}

function algorithmOf(element: XmlElement): string {
  if (element.children.length > 0) throw refused(`${element.local} has parameters`);
  return attributeOf(element, "Algorithm") ?? "";
}

/** Yields the bytes of base64 with its line breaks (XML Schema 1.1 §3.3.16). */
function base64Of({ text, children, local }: XmlElement, what: string): Uint8Array {
  const digits = text.replaceAll(/[ \t\r\n]/g, "");
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(digits) && digits.length % 4 === 0;
  if (!isBase64 || children.length > 0) {
    throw new ContentError("CONTENT_MALFORMED", `${what} is not base64, in ${local}`);
  }
  return Uint8Array.from(atob(digits), (digit) => digit.charCodeAt(0));
}

function refused(why: string): ContentError {
  return new ContentError("CONTENT_HEADER_REFUSED", `signature in XML: ${why}`);
}

function unsupported(what: string): ContentError {
  return new ContentError("CONTENT_ALG_UNSUPPORTED", `a ${what} that is not for manifests in XML`);
}
