import { digest, encodeHex } from "@tallystick/cose";

import { digestOfHex, type ContentDigest } from "../hash.js";
import type { Json } from "../json.js";
import { invalid, type JsonRecord } from "../record.js";
import type { Findings } from "../warning.js";
import type { SfrManifestEntry } from "./report.js";

/** A manifest as it was read. */
export interface Manifest {
  readonly entries: readonly SfrManifestEntry[];
  readonly agrees: boolean | undefined;
}

/** Reads the manifest of a device, and holds the digests of the firmware against it. */
export function readManifest(
  device: JsonRecord,
  digests: readonly ContentDigest[],
  findings: Findings,
): Manifest {
  const list = device.list("manifest");
  const path = device.at("manifest");
  const entries = device.records("manifest").map((entry) => {
    const written = entry.requiredText("file_hash");
    const found = digestOfHex(written);
    if (found === undefined) throw invalid(entry.at("file_hash"), "is no digest in hex");
    if (/[A-F]/.test(written)) findings.add("manifest-hash-upper-case", entry.at("file_hash"));
    return { name: entry.requiredText("file_name"), digests: [found] };
  });
  if (entries.length > 0) findings.add("manifest-hash-unlabelled", path);
  if (list === undefined || digests.length === 0) return { entries, agrees: undefined };
  const bytes = new TextEncoder().encode(compactText(list));
  const agrees = digests.every(({ alg, value }) => encodeHex(digest(alg, bytes)) === value);
  if (!agrees) findings.add("manifest-mismatch", path);
  return { entries, agrees };
}

/** Yields the text that providers hash: no white space, members as they stand, ASCII alone. */
function compactText(manifest: readonly Json[]): string {
  return JSON.stringify(manifest).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
