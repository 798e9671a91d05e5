import type { CoSwid } from "./corim/coswid.js";
import type { RimManifest, RimSigner } from "./corim/manifest.js";
import type { EvidenceRecord } from "./release/evidence-record.js";
import type { Notice, NoticeKind } from "./release/notice.js";
import type { FirmwareRelease } from "./release/release.js";
import type { Bom } from "./sbom/bom.js";
import type { SfrReport } from "./sfr/report.js";
import type { CorimForm, JoseForm } from "./sfr/signed.js";
import type { SwidRim } from "./swid.js";
import type { ContentWarning } from "./warning.js";

/** A media type or the number of a CoAP content format. */
export type ContentType = string | number;

/** A short-form report. Nobody has verified its signature; see {@link VerifiedReport}. */
export interface SfrContent {
  readonly kind: "sfr";
  readonly form: JoseForm;
  /** What the header says of the key; `undefined` where there is none. */
  readonly kid: string | undefined;
  readonly reports: readonly SfrReport[];
  readonly warnings: readonly ContentWarning[];
}

/**
 * A CoRIM that endorses short-form reports. Nobody has verified its signature; see
 * {@link VerifiedReport}.
 */
export interface SfrCorimContent {
  readonly kind: "sfr-corim";
  readonly form: CorimForm;
  readonly kid: string | undefined;
  readonly reports: readonly SfrReport[];
  readonly warnings: readonly ContentWarning[];
}

/** A bill of materials. */
export interface BomContent {
  readonly kind: "cyclonedx" | "spdx";
  readonly bom: Bom;
  readonly warnings: readonly ContentWarning[];
}

/** A reference integrity manifest. Nobody has verified its signature; see {@link VerifiedRim}. */
export interface RimContent {
  readonly kind: "rim";
  readonly form: CorimForm;
  readonly kid: string | undefined;
  readonly rim: RimManifest;
  /** Who signed, by what the message says; `undefined` where nothing is signed. */
  readonly signer: RimSigner | undefined;
  readonly warnings: readonly ContentWarning[];
}

/** A SWID tag in XML. Nobody has verified its signature. */
export interface SwidContent {
  readonly kind: "swid";
  readonly swid: SwidRim;
  readonly warnings: readonly ContentWarning[];
}

/** Concise SWID tags: one by itself, or those in a uSWID container. */
export interface CoSwidContent {
  readonly kind: "coswid";
  readonly form: "coswid" | "uswid";
  readonly tags: readonly CoSwid[];
  readonly warnings: readonly ContentWarning[];
}

/** A firmware release. */
export interface FirmwareReleaseContent {
  readonly kind: "release";
  readonly release: FirmwareRelease;
  readonly warnings: readonly ContentWarning[];
}

/** Evidence of how a firmware came about. */
export interface EvidenceRecordContent {
  readonly kind: "record";
  readonly record: EvidenceRecord;
  readonly warnings: readonly ContentWarning[];
}

/** A statement about another statement. */
export interface NoticeContent {
  readonly kind: NoticeKind;
  readonly notice: Notice;
  readonly warnings: readonly ContentWarning[];
}

/** A payload that this package does not understand, which is no fault of the payload. */
export interface OpaqueContent {
  readonly kind: "opaque";
  /** Why a payload of a type that could be understood was not. */
  readonly problem: string | undefined;
  /**
   * What the payload may be to a reader with other limits, or a more lenient one; nothing where it is
   * known to be none of the kinds.
   */
  readonly mayBe: readonly ContentKind[];
  readonly warnings: readonly ContentWarning[];
}

/** What a payload turned out to be. */
export type Content =
  | SfrContent
  | SfrCorimContent
  | RimContent
  | SwidContent
  | CoSwidContent
  | BomContent
  | FirmwareReleaseContent
  | EvidenceRecordContent
  | NoticeContent
  | OpaqueContent;

/** Every kind of content, `opaque` for all others. */
export type ContentKind = Content["kind"];

const KINDS: Readonly<Record<ContentKind, true>> = {
  sfr: true,
  "sfr-corim": true,
  rim: true,
  swid: true,
  coswid: true,
  cyclonedx: true,
  spdx: true,
  release: true,
  record: true,
  revoke: true,
  supersede: true,
  opaque: true,
};

/** Every kind, in the order in which they are listed to people; each has a page in docs/formats/content. */
export const CONTENT_KINDS: readonly ContentKind[] = Object.keys(KINDS) as ContentKind[];
