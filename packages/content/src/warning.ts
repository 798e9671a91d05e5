/**
 * What a warning asks of its reader. A `note` says that a value was brought into its normal form
 * or is not there; a `warning`, that the payload contradicts itself or could be read in two ways.
 */
export type WarningLevel = "note" | "warning";

/** What was unusual about a payload; docs/formats/content.md explains each. */
export type ContentWarningCode =
  | "category-absent"
  | "components-unhashed"
  | "content-type-version"
  | "cve-none"
  | "cvss-version-assumed"
  | "cwe-none"
  | "cwe-text"
  | "cwe-unreadable"
  | "date-form"
  | "date-from-instant"
  | "date-unreadable"
  | "digest-cose-number"
  | "digest-malformed"
  | "digest-unknown"
  | "hash-empty"
  | "hash-none"
  | "hash-prefix"
  | "hash-sha256-in-sha512"
  | "hash-upper-case"
  | "manifest-hash-unlabelled"
  | "manifest-hash-upper-case"
  | "manifest-mismatch"
  | "measured-not-stated"
  | "provider-name"
  | "purl-unreadable"
  | "scope-absent"
  | "scope-old-member"
  | "scope-text"
  | "scope-unreadable"
  | "score-not-vector"
  | "score-unreadable"
  | "serial-form"
  | "tag-absent"
  | "text-untrimmed"
  | "title-not-band"
  | "vector-absent"
  | "vector-form"
  | "vector-incomplete"
  | "vector-prefix-absent"
  | "vector-unreadable"
  | "vector-version"
  | "version-absent"
  | "version-comment";

const LEVELS: Readonly<Record<ContentWarningCode, WarningLevel>> = {
  "category-absent": "note",
  "components-unhashed": "note",
  "content-type-version": "warning",
  "cve-none": "note",
  "cvss-version-assumed": "note",
  "cwe-none": "note",
  "cwe-text": "note",
  "cwe-unreadable": "note",
  "date-form": "warning",
  "date-from-instant": "note",
  "date-unreadable": "warning",
  "digest-cose-number": "note",
  "digest-malformed": "warning",
  "digest-unknown": "note",
  "hash-empty": "note",
  "hash-none": "warning",
  "hash-prefix": "note",
  "hash-sha256-in-sha512": "warning",
  "hash-upper-case": "note",
  "manifest-hash-unlabelled": "note",
  "manifest-hash-upper-case": "note",
  "manifest-mismatch": "warning",
  "measured-not-stated": "warning",
  "provider-name": "note",
  "purl-unreadable": "note",
  "scope-absent": "note",
  "scope-old-member": "note",
  "scope-text": "note",
  "scope-unreadable": "warning",
  "score-not-vector": "warning",
  "score-unreadable": "warning",
  "serial-form": "note",
  "tag-absent": "note",
  "text-untrimmed": "note",
  "title-not-band": "warning",
  "vector-absent": "note",
  "vector-form": "warning",
  "vector-incomplete": "note",
  "vector-prefix-absent": "note",
  "vector-unreadable": "warning",
  "vector-version": "warning",
  "version-absent": "note",
  "version-comment": "note",
};

/** Yields whether a text is the code of a warning. */
export function isWarningCode(text: string): text is ContentWarningCode {
  return Object.hasOwn(LEVELS, text);
}

/** One thing that a payload has otherwise than its format says, and that was put right in reading. */
export interface ContentWarning {
  readonly code: ContentWarningCode;
  readonly level: WarningLevel;
  /** Where in the payload, as `device.fw_version` or `audit.issues[0].cwe`. */
  readonly path: string;
}

/** Collects the warnings of one payload. */
export class Findings {
  readonly #warnings: ContentWarning[] = [];

  add(code: ContentWarningCode, path: string): void {
    this.#warnings.push({ code, level: LEVELS[code], path });
  }

  /** Yields the warnings so far, in the order in which they were found. A copy. */
  list(): readonly ContentWarning[] {
    return [...this.#warnings];
  }
}
