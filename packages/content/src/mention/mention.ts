import type { SignedStatement } from "@tallystick/statement";

import type { BomContent, Content, CoSwidContent } from "../content.js";
import type { Triple } from "../corim/comid.js";
import type { RimManifest } from "../corim/manifest.js";
import type { Measurement } from "../corim/measurement.js";
import { recogniseContent } from "../recognise.js";
import type { Notice } from "../release/notice.js";
import type { EvidenceRecord } from "../release/evidence-record.js";
import type { FirmwareRelease } from "../release/release.js";
import type { SfrReport } from "../sfr/report.js";
import { mayBeSwid, type SwidRim } from "../swid.js";
import { namedDigest } from "../tag-facts.js";
import type { ContentWarningCode } from "../warning.js";
import { MENTION_KINDS, mentionForm, purlForms, type MentionKind } from "./form.js";
import { isTakenOver, readingLimits } from "./reading.js";

/**
 * Which edition of what is read out of payloads this is: raised with every change of what
 * {@link mentionsOf} yields for any payload, so that whoever has kept it makes it anew.
 */
export const MENTIONS_EDITION = 2;

/** What one statement is found by at most, the digests first, then the kinds in their order. */
export const MAX_MENTIONS = 16_384;

/** As what a statement speaks of something. */
export type MentionRole =
  "file" | "measured" | "endorsed" | "component" | "reference" | "device" | "tag" | "release";

/** Every role; the order never changes, and new ones come behind. */
export const MENTION_ROLES: readonly MentionRole[] = [
  ...(["file", "measured", "endorsed", "component", "reference"] as const),
  ...(["device", "tag", "release"] as const),
];

/** Something that a statement speaks of. */
export interface Mention {
  readonly kind: MentionKind;
  /** In the form of {@link mentionForm}. */
  readonly value: string;
  /** At least one, each once. */
  readonly roles: readonly MentionRole[];
}

/** What a statement speaks of. */
export interface Mentions {
  /** Each kind and value once. */
  readonly list: readonly Mention[];
  /**
   * Whether that is all that is looked for (docs/formats/content.md). It is not where there are more
   * than {@link MAX_MENTIONS}; where a payload that may speak of something is too large, or is not as it
   * has to be; and where a digest or a package URL in it could not be read, or a tag of a manifest is of
   * a kind that is not read.
   */
  readonly isWhole: boolean;
}

const NONE: Mentions = { list: [], isWhole: true };
const UNREAD: Mentions = { list: [], isWhole: false };

/**
 * Yields what the payload of a statement speaks of; nothing for a hash envelope, whose payload is
 * elsewhere. No payload is refused: one that passes {@link MENTION_LIMITS} is not read to its end, and
 * XML is read where the content type says that it is XML. `read` is the payload as it has been read
 * already, which spares reading it again where that comes to the same.
 */
export function mentionsIn(statement: SignedStatement, read?: Content): Mentions {
  const { payload, hashEnvelope, contentType } = statement;
  if (payload === null || hashEnvelope !== undefined) return NONE;
  const limits = readingLimits(payload, contentType);
  if (limits === undefined) return mayBeSwid(payload) ? UNREAD : NONE;
  try {
    if (read !== undefined && isTakenOver(payload, read)) return mentionsOf(read);
    return mentionsOf(recogniseContent(payload, { contentType, limits }));
  } catch {
    // Not refusals alone: an index that stopped at a payload, for a fault in its reader, would stop there
    // at each start, and whoever can register such a payload could end all searches. Nobody is told
    // anything wrong: the statement is named as one that may speak of more.
    return UNREAD;
  }
}

/** Yields what a payload speaks of. */
export function mentionsOf(content: Content): Mentions {
  if (isUnread(content)) return UNREAD;
  if (content.kind === "opaque" && content.warnings.length === 0) return NONE;
  const found = new Found();
  addContent(found, content);
  if (content.warnings.some(({ code }) => LEFT_OUT.has(code))) found.leaveOut();
  return found.mentions();
}

/**
 * Yields whether a payload that may be of a kind that is understood could not be read, as with limits
 * that were too narrow for it.
 */
export function isUnread(content: Content): boolean {
  return content.kind === "opaque" && content.problem !== undefined;
}

/** Warnings of what could be asked for and is left out. */
const LEFT_OUT: ReadonlySet<ContentWarningCode> = new Set<ContentWarningCode>([
  ...(["digest-malformed", "purl-unreadable"] as const),
]);

interface Digest {
  readonly alg: string;
  readonly value: string;
}

/** What has been found in a payload. */
class Found {
  // Owned by #add: by kind, the roles of each value.
  readonly #roles = new Map<MentionKind, Map<string, Set<MentionRole>>>(
    MENTION_KINDS.map((kind) => [kind, new Map()]),
  );

  // Owned by leaveOut.
  #isLeftOut = false;

  /** Notes that the payload speaks of something that is not here. */
  leaveOut(): void {
    this.#isLeftOut = true;
  }

  digests(role: MentionRole, digests: readonly Digest[]): void {
    for (const { alg, value } of digests) this.text(role, "digest", `${alg}:${value}`);
  }

  filesOf(role: MentionRole, files: readonly { readonly digests: readonly Digest[] }[]): void {
    for (const { digests } of files) this.digests(role, digests);
  }

  /** Adds the entry of a statement, which is the SHA-256 of it. */
  entry(entry: string | undefined): void {
    if (entry !== undefined) this.text("reference", "digest", `sha-256:${entry}`);
  }

  purl(role: MentionRole, purl: string): void {
    for (const form of purlForms(purl)) this.#add(role, "purl", form);
  }

  text(role: MentionRole, kind: MentionKind, text: string | undefined): void {
    const form = text === undefined ? undefined : mentionForm(kind, text);
    if (form !== undefined) this.#add(role, kind, form);
  }

  mentions(): Mentions {
    const list = [...this.#roles].flatMap(([kind, values]) =>
      [...values].map(([value, roles]) => ({ kind, value, roles: [...roles] })),
    );
    return {
      list: list.slice(0, MAX_MENTIONS),
      isWhole: !this.#isLeftOut && list.length <= MAX_MENTIONS,
    };
  }

  #add(role: MentionRole, kind: MentionKind, value: string): void {
    const values = this.#roles.get(kind);
    const roles = values?.get(value);
    if (roles === undefined) values?.set(value, new Set([role]));
    else roles.add(role);
  }
}

function addContent(found: Found, content: Content): void {
  switch (content.kind) {
    case "sfr":
    case "sfr-corim":
      for (const report of content.reports) addReport(found, report);
      return;
    case "cyclonedx":
    case "spdx":
      addBom(found, content.bom);
      return;
    case "rim":
      addRim(found, content.rim);
      return;
    case "swid":
      addSwid(found, content.swid);
      return;
    case "coswid":
      addTags(found, content.tags);
      return;
    case "release":
      addRelease(found, content.release);
      return;
    case "record":
      addRecord(found, content.record);
      return;
    case "revoke":
    case "supersede":
      addNotice(found, content.notice);
      return;
    case "opaque":
  }
}

function addReport(found: Found, { device, digests, measured, manifest }: SfrReport): void {
  found.digests("file", digests);
  found.digests("measured", measured);
  found.filesOf("file", manifest);
  found.text("device", "deviceClass", device.classId);
  found.text("device", "vendor", device.vendor);
  found.text("device", "product", device.product);
  found.text("device", "version", device.firmwareVersion);
}

function addBom(found: Found, { makers: whose, components }: BomContent["bom"]): void {
  for (const maker of whose) found.text("component", "vendor", maker);
  found.filesOf("component", components);
  for (const { purls, makers, name, version } of components) {
    for (const purl of purls) found.purl("component", purl);
    for (const maker of makers) found.text("component", "vendor", maker);
    found.text("component", "product", name);
    found.text("component", "version", version);
  }
}

function addRim(found: Found, rim: RimManifest): void {
  const { comids, coswids, dependentRims, otherTags } = rim;
  if (otherTags > 0) found.leaveOut();
  for (const { references, endorsed, conditional, series } of comids) {
    for (const triple of references) addTriple(found, "measured", triple);
    for (const triple of endorsed) addTriple(found, "endorsed", triple);
    for (const { conditions, endorsements } of conditional) {
      for (const triple of conditions) addTriple(found, "measured", triple);
      for (const triple of endorsements) addTriple(found, "endorsed", triple);
    }
    for (const { condition, steps } of series) {
      addTriple(found, "measured", condition);
      for (const { selection, addition } of steps) {
        addMeasurements(found, "measured", selection);
        addMeasurements(found, "endorsed", addition);
      }
    }
  }
  addTags(found, coswids);
  for (const { thumbprints } of dependentRims) found.digests("reference", thumbprints);
}

function addTriple(found: Found, role: MentionRole, { environment, measurements }: Triple): void {
  const { attributes, vendor, model } = environment;
  found.text("device", "deviceClass", attributes.get("class-id"));
  found.text("device", "vendor", vendor);
  found.text("device", "product", model);
  addMeasurements(found, role, measurements);
}

function addMeasurements(
  found: Found,
  role: MentionRole,
  measurements: readonly Measurement[],
): void {
  for (const { digests = [], registers, version } of measurements) {
    found.digests(role, digests);
    for (const values of registers?.values() ?? []) found.digests(role, values);
    found.text(role, "version", version?.text);
  }
}

function addSwid(found: Found, swid: SwidRim): void {
  for (const { digests } of swid.measurements) found.digests("measured", digests.map(namedDigest));
  for (const { digests } of swid.files) found.digests("file", digests.map(namedDigest));
  found.text("tag", "vendor", swid.vendor);
  found.text("tag", "product", swid.product ?? swid.name);
  found.text("tag", "version", swid.firmware);
}

function addTags(found: Found, tags: CoSwidContent["tags"]): void {
  for (const { files, entities, name, product, version, edition } of tags) {
    found.filesOf("file", files);
    for (const entity of entities) {
      if (entity.roles.includes("software-creator")) found.text("tag", "vendor", entity.name);
    }
    for (const text of [name, product]) found.text("tag", "product", text);
    for (const text of [version, edition]) found.text("tag", "version", text);
  }
}

function addRelease(found: Found, release: FirmwareRelease): void {
  const { files, measurements, rims, sboms, vendor, product, version } = release;
  found.filesOf("file", files);
  found.filesOf("measured", measurements);
  for (const { entry, digests } of [...rims, ...sboms]) {
    found.entry(entry);
    found.digests("reference", digests);
  }
  found.text("release", "vendor", vendor);
  found.text("release", "product", product);
  found.text("release", "version", version);
}

function addRecord(found: Found, { subjects, documents }: EvidenceRecord): void {
  found.filesOf("file", subjects);
  found.filesOf("reference", documents);
}

function addNotice(found: Found, { target, replacement }: Notice): void {
  found.entry(target);
  found.entry(replacement);
}
