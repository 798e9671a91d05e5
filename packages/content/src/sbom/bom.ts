import { HASH_ALGORITHMS } from "@tallystick/cose";

import { digestOfHex, type ContentDigest } from "../hash.js";
import type { JsonRecord } from "../record.js";
import type { Findings } from "../warning.js";

/** What a bill of materials says, in one form whatever the format. */
export interface Bom {
  /** Of the format, as `1.6` or `2.3`. */
  readonly specVersion: string;
  /** What the document is called by others: a URN or a namespace. */
  readonly serial: string | undefined;
  /** Of the document, where the format counts them. */
  readonly version: number | undefined;
  readonly name: string | undefined;
  readonly supplier: string | undefined;
  /** Whoever supplies or makes what the document is about, the supplier first. */
  readonly makers: readonly string[];
  readonly created: string | undefined;
  /** What the document is about, where it says so inside; it is among the components as well. */
  readonly subject: BomComponent | undefined;
  /** All components, those inside of others behind these. */
  readonly components: readonly BomComponent[];
  readonly vulnerabilities: readonly BomVulnerability[];
}

/** A component, package or file. */
export interface BomComponent {
  /** What the document calls it. */
  readonly id: string | undefined;
  readonly type: string;
  readonly name: string;
  readonly version: string | undefined;
  readonly supplier: string | undefined;
  /** Whoever supplies or makes it, the supplier first. */
  readonly makers: readonly string[];
  /** The first of `purls`. */
  readonly purl: string | undefined;
  readonly purls: readonly string[];
  readonly digests: readonly ContentDigest[];
}

/** A vulnerability that the document speaks of. */
export interface BomVulnerability {
  readonly id: string;
  /** What the analysis came to, as `not_affected`. */
  readonly state: string | undefined;
}

/** How a format writes a digest. */
export interface DigestNames {
  readonly list: string;
  readonly alg: string;
  readonly value: string;
}

/**
 * Reads the digests of a component. Algorithms go by their names in any spelling (`SHA-256`,
 * `SHA256`, `sha256`); those that are not known here are left out, with a note, and so are those
 * that are no digest, with a warning.
 */
export function readDigests(
  component: JsonRecord,
  names: DigestNames,
  findings: Findings,
): readonly ContentDigest[] {
  return component.records(names.list).flatMap((record) => {
    const alg = record.requiredText(names.alg).toLowerCase().replaceAll("-", "");
    const hash = HASH_ALGORITHMS.find(({ name }) => name.replace("-", "") === alg);
    const value = digestOfHex(record.requiredText(names.value));
    if (hash === undefined) {
      findings.add("digest-unknown", record.path);
      return [];
    }
    if (value?.alg === hash.name) return [value];
    findings.add("digest-malformed", record.path);
    return [];
  });
}

/** Yields the package URLs; texts that are none are left out, with a note. */
export function readPurls(
  written: readonly (string | undefined)[],
  path: string,
  findings: Findings,
): Pick<BomComponent, "purl" | "purls"> {
  const purls = defined(written).filter((text) => {
    const isPurl = /^pkg:[a-z][a-z0-9.+-]*\/\S+$/i.test(text);
    if (!isPurl) findings.add("purl-unreadable", path);
    return isPurl;
  });
  return { purl: purls[0], purls };
}

/** Yields the texts that are there. */
export function defined(texts: readonly (string | undefined)[]): readonly string[] {
  return texts.flatMap((text) => (text === undefined ? [] : [text]));
}

/** Adds the note that some component cannot be matched by a digest. */
export function noteUnhashed(bom: Bom, findings: Findings): Bom {
  const isUnhashed = bom.components.some(({ digests }) => digests.length === 0);
  if (isUnhashed) findings.add("components-unhashed", "components");
  return bom;
}
