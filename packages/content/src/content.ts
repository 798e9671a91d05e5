import type { Bom } from "./sbom/bom.js";
import type { SfrReport } from "./sfr/report.js";
import type { CorimForm, JoseForm } from "./sfr/signed.js";
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

/** A payload that this package does not understand, which is no fault of the payload. */
export interface OpaqueContent {
  readonly kind: "opaque";
  /** Why a payload of a type that could be understood was not. */
  readonly problem: string | undefined;
  readonly warnings: readonly ContentWarning[];
}

/** What a payload turned out to be. */
export type Content = SfrContent | SfrCorimContent | BomContent | OpaqueContent;

/** Every kind of content, `opaque` for all others. */
export type ContentKind = Content["kind"];
