/**
 * What the payloads of statements say, for the kinds of content that a supply chain of hardware and
 * firmware exchanges.
 *
 * {@link recogniseContent} tells by content type and structure what a payload is, reads it into one
 * form whatever was published, and lists what it put right on the way as {@link ContentWarning}s.
 * What it does not know is `opaque`, which is no error. {@link factsOfContent} gives the same as
 * plain JSON, for rules. {@link mentionsIn} gives what a statement can be found by: digests, package
 * URLs, classes of devices, vendors, products and versions.
 *
 * {@link readConciseEvidence} reads what devices say in the shape that manifests have, for
 * `@tallystick/evidence`.
 *
 * A review report carries a signature of its own, by the provider who reviewed the firmware.
 * {@link VerifiedReport.verify} is the only way to a report that somebody vouches for.
 *
 * Refused input is a {@link ContentError}; misuse by the caller is a `TypeError`. Nothing here reads
 * a clock, a file or the network.
 *
 * @packageDocumentation
 */
export type {
  Content,
  ContentKind,
  ContentType,
  CoSwidContent,
  EvidenceRecordContent,
  FirmwareReleaseContent,
  NoticeContent,
  OpaqueContent,
  RimContent,
  SfrContent,
  SfrCorimContent,
  SwidContent,
} from "./content.js";
export { CONTENT_KINDS } from "./content.js";
export { ContentError, type ContentErrorCode } from "./error.js";
export type { Fact, FactMap } from "./fact.js";
export { factsOfContent } from "./facts.js";
export type { ContentDigest } from "./hash.js";
export { DEFAULT_CONTENT_LIMITS, type ContentLimits } from "./limits.js";
export { mayBeOfKind, namesManifest } from "./media-type.js";
export { MENTION_KINDS, mentionForm, type MentionKind } from "./mention/form.js";
export {
  MAX_MENTIONS,
  MENTION_ROLES,
  MENTIONS_EDITION,
  isUnread,
  mentionsIn,
  mentionsOf,
  type Mention,
  type MentionRole,
  type Mentions,
} from "./mention/mention.js";
export { MAX_TAKEN_OVER_BYTES, MENTION_LIMITS, isTakenOver } from "./mention/reading.js";
export { mayBeBom, recogniseContent, type RecogniseOptions } from "./recognise.js";
export type { Bom, BomComponent, BomVulnerability } from "./sbom/bom.js";
export type { CvssVector, CvssVersion } from "./sfr/cvss.js";
export { ReviewKeys, termRefusal, type ReviewKey } from "./sfr/keys.js";
export type { SfrDate, SfrDevice, SfrIssue, SfrManifestEntry, SfrReport } from "./sfr/report.js";
export { signReport, type SignedReportFile, type SignReportOptions } from "./sfr/sign.js";
export { BANDS, bandOf, worstBand, type Severity, type SeverityBand } from "./sfr/severity.js";
export type { ReviewTrust } from "./sfr/signature.js";
export {
  readConciseEvidence,
  type ConciseEvidence,
  type SoftwareEvidence,
} from "./corim/concise-evidence.js";
export type { Comid, ConditionalEndorsement, EndorsementSeries, Triple } from "./corim/comid.js";
export type { CoSwid, CoSwidFile } from "./corim/coswid.js";
export type { NamedDigest } from "./corim/digest.js";
export type { Environment } from "./corim/environment.js";
export type { DependentRim, RimManifest, RimSigner, Validity } from "./corim/manifest.js";
export type { IntRange, Measurement, RawValue, Svn } from "./corim/measurement.js";
export type { CoseForm } from "./corim/message.js";
export { findRimKey, VerifiedRim, type VerifyRimOptions } from "./corim/verified-rim.js";
export {
  referencesOfRim,
  referencesOfSwid,
  type IndexedReference,
  type ReferenceValues,
  type SwidReferences,
} from "./reference-values.js";
export {
  NOTICE_FORMATS,
  NOTICE_MEDIA_TYPES,
  type Notice,
  type NoticeKind,
} from "./release/notice.js";
export {
  RECORD_FORMAT,
  RECORD_MEDIA_TYPE,
  RECORD_TYPES,
  type EvidenceRecord,
  type RecordFile,
  type RecordType,
  type Revision,
  type SecurityException,
} from "./release/evidence-record.js";
export {
  RELEASE_FORMAT,
  RELEASE_MEDIA_TYPE,
  type FirmwareRelease,
  type ReleaseFile,
  type ReleaseMeasurement,
  type ReleaseReference,
} from "./release/release.js";
export type { CorimForm, JoseForm, SfrForm } from "./sfr/signed.js";
export { findReportKey, VerifiedReport, type VerifyReportOptions } from "./sfr/verified.js";
export {
  readSwidRim,
  type SwidDigest,
  type SwidFile,
  type SwidMeasurement,
  type SwidRim,
} from "./swid.js";
export { isWarningCode } from "./warning.js";
export type { ContentWarning, ContentWarningCode, WarningLevel } from "./warning.js";
