import type { ContentDigest } from "../hash.js";
import type { CvssVector } from "./cvss.js";
import type { Severity } from "./severity.js";

/** A short-form report of a security review (OCP S.A.F.E.), in one form whatever it came in. */
export interface SfrReport {
  /** Version of the framework that the report follows, as `2.1`. */
  readonly frameworkVersion: string;
  readonly reportVersion: string;
  readonly device: SfrDevice;
  /** Digests of the firmware file; what other statements are matched by. */
  readonly digests: readonly ContentDigest[];
  /** Digests that evidence of a device has to show, where the report says so, as a CoRIM does. */
  readonly measured: readonly ContentDigest[];
  /** Files that the digests cover, where the report lists any. */
  readonly manifest: readonly SfrManifestEntry[];
  /**
   * Whether each digest is that of the manifest; `undefined` where there is no manifest or no
   * digest to compare with.
   */
  readonly manifestAgrees: boolean | undefined;
  /** What the provider calls itself. Its key says who it is. */
  readonly provider: string;
  readonly methodology: string | undefined;
  /** 1, 2 or 3; `undefined` where it is not stated or cannot be read. */
  readonly scope: number | undefined;
  readonly solidVersion: string | undefined;
  /** When the review was completed. */
  readonly completed: SfrDate;
  /** `iat` of the report, in seconds since the epoch. */
  readonly issuedAt: number | undefined;
  /** What is not fixed in this firmware. */
  readonly issues: readonly SfrIssue[];
}

/** What was reviewed. All texts are as the report has them, but for white space around them. */
export interface SfrDevice {
  readonly vendor: string;
  readonly product: string;
  readonly category: string | undefined;
  readonly repoTag: string | undefined;
  readonly firmwareVersion: string | undefined;
  /** Text, or of a CoRIM the bytes in hex. */
  readonly classId: string | undefined;
}

/** One file of a manifest. */
export interface SfrManifestEntry {
  readonly name: string;
  readonly digests: readonly ContentDigest[];
}

/** A day as written, and as `YYYY-MM-DD` where it can be read. */
export interface SfrDate {
  readonly written: string;
  readonly day: string | undefined;
}

/** One issue of a report. */
export interface SfrIssue {
  readonly title: string;
  readonly description: string | undefined;
  readonly statedScore: number | undefined;
  readonly vector: CvssVector | undefined;
  readonly severity: Severity;
  /** As `CWE-190`. */
  readonly cwe: string | undefined;
  readonly cve: string | undefined;
}
