import type { ContentDigest } from "../hash.js";
import { invalid, JsonRecord } from "../record.js";
import type { Json } from "../json.js";
import { readEntry, readStatedDigests, requireMembers } from "./member.js";

/** Value of `format`; another value is another format. */
export const RELEASE_FORMAT = "tallystick-release/1";

/** Media type of a firmware release as the payload of a statement. */
export const RELEASE_MEDIA_TYPE = "application/vnd.tallystick.firmware-release+json";

/** One file of a release. */
export interface ReleaseFile {
  readonly name: string;
  /** At least one. */
  readonly digests: readonly ContentDigest[];
}

/** What a device measures that runs the release. */
export interface ReleaseMeasurement {
  /** Element of the evidence: the index of an SPDM block, or a name. */
  readonly element: string;
  readonly digests: readonly ContentDigest[];
}

/** Another statement or document, by the entry that it is on the log or by the digest of its bytes. */
export interface ReleaseReference {
  readonly entry: string | undefined;
  readonly digests: readonly ContentDigest[];
}

/** A firmware release: the bridge between the digests of files, what devices measure, and documents. */
export interface FirmwareRelease {
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  /** At least one. */
  readonly files: readonly ReleaseFile[];
  readonly measurements: readonly ReleaseMeasurement[];
  readonly rims: readonly ReleaseReference[];
  readonly sboms: readonly ReleaseReference[];
}

const MEMBERS = [
  "format",
  "vendor",
  "product",
  "version",
  "files",
  "measurements",
  "rims",
  "sboms",
];

/** @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID` */
export function readRelease(value: Json): FirmwareRelease {
  const root = JsonRecord.of(value, "");
  requireMembers(root, MEMBERS);
  const files = root.records("files").map(readFile);
  if (files.length === 0) throw invalid("files", "are empty");
  const names = new Set(files.map(({ name }) => name));
  if (names.size !== files.length) throw invalid("files", "have one name twice");
  return {
    vendor: root.requiredText("vendor", 1),
    product: root.requiredText("product", 1),
    version: root.requiredText("version", 1),
    files,
    measurements: root.records("measurements").map(readMeasured),
    rims: root.records("rims").map(readReference),
    sboms: root.records("sboms").map(readReference),
  };
}

function readFile(file: JsonRecord): ReleaseFile {
  requireMembers(file, ["name", "digests"]);
  return { name: file.requiredText("name", 1), digests: readStatedDigests(file) };
}

function readMeasured(measured: JsonRecord): ReleaseMeasurement {
  requireMembers(measured, ["element", "digests"]);
  return { element: measured.requiredText("element", 1), digests: readStatedDigests(measured) };
}

function readReference(reference: JsonRecord): ReleaseReference {
  requireMembers(reference, ["entry", "digests"]);
  const entry = reference.has("entry") ? readEntry(reference, "entry") : undefined;
  const digests = reference.has("digests") ? readStatedDigests(reference) : [];
  if (entry === undefined && digests.length === 0) {
    throw invalid(reference.path, "names neither an entry nor a digest");
  }
  return { entry, digests };
}
