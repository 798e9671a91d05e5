import type { ContentKind } from "./content.js";
import { RECORD_FORMAT } from "./release/evidence-record.js";
import { NOTICE_FORMATS } from "./release/notice.js";
import { RELEASE_FORMAT } from "./release/release.js";
import { REPORT_MEMBERS } from "./sfr/read.js";

/** What stands in every document of a kind: all words of one of the lists. */
const WORDS: ReadonlyMap<ContentKind, readonly (readonly string[])[]> = new Map<
  ContentKind,
  readonly (readonly string[])[]
>([
  ["sfr", [REPORT_MEMBERS]],
  ["cyclonedx", [["bomFormat", "CycloneDX"]]],
  ["spdx", [["spdxVersion"], ["@context", "@graph"]]],
  ["release", [[RELEASE_FORMAT]]],
  ["record", [[RECORD_FORMAT]]],
  ["revoke", [[NOTICE_FORMATS.revoke]]],
  ["supersede", [[NOTICE_FORMATS.supersede]]],
]);

/** The kinds that are in JSON. */
export const JSON_KINDS: readonly ContentKind[] = [...WORDS.keys()];

/**
 * Yields the kinds that JSON which could not be read may be of, by the words in it. An escape that
 * is taken for one and is none, as behind another backslash, adds kinds and takes none away.
 */
export function kindsInJson(bytes: Uint8Array): readonly ContentKind[] {
  const text = new TextDecoder()
    .decode(bytes)
    .replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    .replaceAll("\\/", "/");
  const isThere = (word: string): boolean => text.includes(word);
  return [...WORDS].flatMap(([kind, lists]) =>
    lists.some((words) => words.every(isThere)) ? [kind] : [],
  );
}
