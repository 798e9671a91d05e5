import { HASH_ALGORITHMS } from "@tallystick/cose";

import type { ContentDigest } from "../hash.js";
import { invalid, type JsonRecord } from "../record.js";

/** Refuses members that are none of these, so that what a later format means is never left out. */
export function requireMembers(record: JsonRecord, names: readonly string[]): void {
  const unknown = record.names().find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw invalid(record.path === "" ? "the payload" : record.path, "has a member that is unknown");
}

/** Reads digests, at least one, each of another algorithm, as long as it has to be. */
export function readStatedDigests(record: JsonRecord): readonly ContentDigest[] {
  const digests = record.records("digests").map((digest): ContentDigest => {
    requireMembers(digest, ["alg", "value"]);
    const alg = digest.requiredText("alg");
    const hash = HASH_ALGORITHMS.find(({ name }) => name === alg);
    if (hash === undefined) throw invalid(digest.at("alg"), "is no algorithm that is known here");
    const value = digest.requiredText("value");
    if (!/^[0-9a-f]*$/.test(value) || value.length !== 2 * hash.bytes) {
      throw invalid(digest.at("value"), `is not ${2 * hash.bytes} lower-case hexadecimal digits`);
    }
    return { alg: hash.name, value };
  });
  if (digests.length === 0) throw invalid(record.at("digests"), "are empty");
  if (new Set(digests.map(({ alg }) => alg)).size !== digests.length) {
    throw invalid(record.at("digests"), "have one algorithm twice");
  }
  return digests;
}

/** Reads an EntryID. */
export function readEntry(record: JsonRecord, name: string): string {
  const entry = record.requiredText(name);
  if (/^[0-9a-f]{64}$/.test(entry)) return entry;
  throw invalid(record.at(name), "is not 64 lower-case hexadecimal digits");
}
