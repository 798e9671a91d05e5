/**
 * SCITT statements (RFC 9943): what an issuer says about an artifact, signed.
 *
 * Bytes become a {@link SignedStatement} by {@link SignedStatement.decode}, which refuses whatever
 * lacks the protected headers that a statement must have, and a {@link VerifiedStatement} by
 * {@link VerifiedStatement.verify}, once the issuer's signature holds. Neither class can be made in
 * another way, so code that takes a `VerifiedStatement` cannot be given anything less.
 *
 * The *normalised* statement, with its unprotected header emptied, is what a log keeps; its SHA-256
 * is the *entry*, in hexadecimal the *EntryID*. All three are known before registration.
 *
 * {@link signStatement} puts the payload inside; {@link signHashEnvelope} (RFC 9995) puts its digest
 * there, for what is large or private. {@link attachReceipts} makes the transparent statement.
 *
 * @packageDocumentation
 */
export { anchorsOf, selfContainedOf } from "./authority/anchor.js";
export type { AnchorDocument, ParsedAnchor } from "./authority/anchor.js";
export {
  KeyList,
  formatInstant,
  issuerDocument,
  issuerOf,
  issuersOf,
  publicKeyOf,
} from "./authority/issuer.js";
export type {
  IssuerDocument,
  IssuersOptions,
  KeyDocument,
  RevocationDocument,
  TermedIssuer,
  TermedKey,
} from "./authority/issuer.js";
export { DocumentReader, isObject, memberProblems } from "./authority/reader.js";
export type {
  Bounds,
  DocumentRefusal,
  Malformed,
  MemberNames,
  Members,
} from "./authority/reader.js";
export { parseIssuer } from "./claims.js";
export type { Claims } from "./claims.js";
export type { HashEnvelope } from "./envelope.js";
export { StatementError } from "./error.js";
export type { StatementErrorCode } from "./error.js";
export { SELF_CONTAINED } from "./did/self-contained.js";
export type { SelfContainedMethod } from "./did/self-contained.js";
export { DidX509 } from "./did/x509.js";
export { keysBehind, requireBinding } from "./identity.js";
export type {
  Authority,
  Identity,
  IdentityOptions,
  IssuerBinding,
  KeyBehind,
  KeyResolver,
  TrustAnchor,
} from "./identity.js";
export { IssuerKeys } from "./issuers.js";
export type { Issuer } from "./issuers.js";
export { encodeNormalised, entryOf, formatEntryId, parseEntryId } from "./normalised.js";
export { signHashEnvelope, signStatement } from "./sign.js";
export type { EnvelopeStatement, InlineStatement, SignerChain, StatementClaims } from "./sign.js";
export { MAX_STATEMENT_BYTES, SignedStatement } from "./statement.js";
export type { DecodeOptions } from "./statement.js";
export { attachReceipts, verifyArtifact } from "./transparent.js";
export type { AttachOptions } from "./transparent.js";
export { VerifiedStatement } from "./verified.js";

export { Certificate } from "./x509/certificate.js";
export { DER_TAG, oidOf, parseDer } from "./x509/der.js";
export type { DerElement } from "./x509/der.js";
export type { SignatureAlgorithm } from "./x509/algorithm.js";
export type { NameConstraints } from "./x509/constraints.js";
export type {
  BasicConstraints,
  Extensions,
  KeyUsage,
  RawExtension,
  SubjectAltName,
} from "./x509/extensions.js";
export type { GeneralNames, OpaqueForm } from "./x509/general-name.js";
export { certificateHeadersOf, decodeChain, isThumbprintOf } from "./x509/headers.js";
export type {
  CertificateHeaderOptions,
  CertificateHeaders,
  CertificateThumbprint,
} from "./x509/headers.js";
export { isSameName } from "./x509/name.js";
export type { DistinguishedName, NameAttribute } from "./x509/name.js";
export { parseCertificates } from "./x509/pem.js";
export { CertificatePath, MAX_PATH_LENGTH } from "./x509/path.js";
