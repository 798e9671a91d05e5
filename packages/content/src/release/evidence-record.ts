import type { ContentDigest } from "../hash.js";
import { invalid, JsonRecord } from "../record.js";
import type { Json } from "../json.js";
import { readStatedDigests, requireMembers } from "./member.js";

/** Value of `format`; another value is another format. */
export const RECORD_FORMAT = "tallystick-record/1";

/** Media type of an evidence record as the payload of a statement. */
export const RECORD_MEDIA_TYPE = "application/vnd.tallystick.record+json";

/** What a record is evidence of. */
export type RecordType =
  | "build-log"
  | "test-log"
  | "review"
  | "penetration-test"
  | "security-exception"
  | "revision-history"
  | "signing";

/** Every type of record. */
export const RECORD_TYPES: readonly RecordType[] = [
  "build-log",
  "test-log",
  "review",
  "penetration-test",
  "security-exception",
  "revision-history",
  "signing",
];

/** What signatures are for. */
const PURPOSES: readonly string[] = [
  ...["development", "release", "delivery", "deployment", "diagnostics", "monitoring"],
];

const OUTCOMES = ["pass", "fail"] as const;

/** Elements of one list. */
const MAX_ELEMENTS = 1024;

/** A file, by the digests of its bytes. */
export interface RecordFile {
  readonly name: string;
  /** At least one. */
  readonly digests: readonly ContentDigest[];
}

/** Of a security exception: what is not as it has to be, until when, and what helps meanwhile. */
export interface SecurityException {
  readonly gap: string;
  readonly mitigation: string;
  /** In seconds since the epoch, after `made`. */
  readonly expires: number;
  /** Identifiers, as `CVE-2026-1` or `CWE-390`. */
  readonly issues: readonly string[];
}

/** One step of a revision history. */
export interface Revision {
  readonly version: string;
  readonly text: string;
}

/** Evidence of how a firmware came about: what the checklists of operators ask a vendor for. */
export interface EvidenceRecord {
  readonly type: RecordType;
  /** Of what: the firmware. At least one. */
  readonly subjects: readonly RecordFile[];
  /** Who made it. */
  readonly by: string;
  /** When, in seconds since the epoch. */
  readonly made: number;
  readonly outcome: (typeof OUTCOMES)[number] | undefined;
  readonly summary: string | undefined;
  /** The logs or reports themselves, which are kept elsewhere. */
  readonly documents: readonly RecordFile[];
  /** Of `security-exception` alone. */
  readonly exception: SecurityException | undefined;
  /** Of `revision-history` alone, newest first; at least one. */
  readonly revisions: readonly Revision[];
  /** Of `signing` alone: what for, and by which key. */
  readonly signing: { readonly purpose: string; readonly key: string } | undefined;
}

const MEMBERS: readonly string[] = [
  ...["format", "type", "subjects", "by", "made", "outcome", "summary", "documents"],
];

/** Members that records of one type have to have, and no others may. */
const OWN: Readonly<Partial<Record<RecordType, string>>> = {
  "security-exception": "exception",
  "revision-history": "revisions",
  signing: "signing",
};

/** @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID` */
export function readEvidenceRecord(value: Json): EvidenceRecord {
  const root = JsonRecord.of(value, "");
  const written = root.requiredText("type");
  const type = RECORD_TYPES.find((one) => one === written);
  if (type === undefined) throw invalid("type", `is not one of ${RECORD_TYPES.join(", ")}`);
  const own = OWN[type];
  requireMembers(root, own === undefined ? MEMBERS : [...MEMBERS, own]);
  if (own !== undefined && !root.has(own)) throw invalid(own, "is missing");
  const subjects = readFiles(root, "subjects");
  if (subjects.length === 0) throw invalid("subjects", "are empty");
  const outcome = root.text("outcome");
  const known = OUTCOMES.find((one) => one === outcome);
  if (outcome !== known) throw invalid("outcome", `is not one of ${OUTCOMES.join(", ")}`);
  const made = timeIn(root, "made");
  return {
    ...{ type, subjects, made, by: root.requiredText("by", 1), outcome: known },
    summary: root.text("summary"),
    documents: readFiles(root, "documents"),
    exception: own === "exception" ? readException(root.record(own), made) : undefined,
    revisions: own === "revisions" ? readRevisions(root) : [],
    signing: own === "signing" ? readSigning(root.record(own)) : undefined,
  };
}

function readFiles(root: JsonRecord, name: string): readonly RecordFile[] {
  const files = elementsIn(root, name).map((file) => {
    requireMembers(file, ["name", "digests"]);
    return { name: file.requiredText("name", 1), digests: readStatedDigests(file) };
  });
  if (new Set(files.map((file) => file.name)).size === files.length) return files;
  throw invalid(name, "have one name twice");
}

function readException(record: JsonRecord, made: number): SecurityException {
  requireMembers(record, ["gap", "mitigation", "expires", "issues"]);
  const expires = timeIn(record, "expires");
  if (expires <= made) throw invalid(record.at("expires"), "is not after it was made");
  const issues = (record.list("issues") ?? []).map((issue) => {
    if (typeof issue === "string" && /^(?:CVE-\d{4}-\d{1,19}|CWE-\d{1,6})$/.test(issue))
      return issue;
    throw invalid(record.at("issues"), "has something else than CVE or CWE identifiers");
  });
  if (issues.length > MAX_ELEMENTS) throw invalid(record.at("issues"), `has over ${MAX_ELEMENTS}`);
  const [gap, mitigation] = [record.requiredText("gap", 1), record.requiredText("mitigation", 1)];
  return { gap, mitigation, expires, issues };
}

function readRevisions(root: JsonRecord): readonly Revision[] {
  const revisions = elementsIn(root, "revisions").map((revision) => {
    requireMembers(revision, ["version", "text"]);
    return { version: revision.requiredText("version", 1), text: revision.requiredText("text", 1) };
  });
  if (revisions.length === 0) throw invalid("revisions", "are empty");
  return revisions;
}

function readSigning(record: JsonRecord): { readonly purpose: string; readonly key: string } {
  requireMembers(record, ["purpose", "key"]);
  const purpose = record.requiredText("purpose");
  if (!PURPOSES.includes(purpose)) {
    throw invalid(record.at("purpose"), `is not one of ${PURPOSES.join(", ")}`);
  }
  return { purpose, key: record.requiredText("key", 1) };
}

function elementsIn(root: JsonRecord, name: string): readonly JsonRecord[] {
  const elements = root.records(name);
  if (elements.length > MAX_ELEMENTS) throw invalid(name, `has over ${MAX_ELEMENTS}`);
  return elements;
}

function timeIn(record: JsonRecord, name: string): number {
  const time = record.integer(name);
  if (time === undefined) throw invalid(record.at(name), "is missing");
  if (time < 0 || !Number.isSafeInteger(time)) throw invalid(record.at(name), "is no time");
  return time;
}
