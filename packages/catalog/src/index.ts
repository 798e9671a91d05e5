/**
 * The verifiable index of a log: which entries are about a subject, or by an issuer, and how to show
 * that none of them was left out.
 *
 * {@link termsOf} says what a statement is found by. Each committed term has a list of entries, a hash
 * chain; the lists stand in a map, a binary prefix tree over the keys of their terms, whose root and
 * size a service signs as an {@link IndexHead} and registers on its own log. {@link IndexMap} grows the
 * map entry after entry, as an auditor does; {@link verifyPath} and {@link verifyList} check what is
 * shown of one, and a {@link Completeness} is that as a file.
 *
 * Whoever replays the log recomputes every root. A root that nobody recomputes is the service's word:
 * see docs/formats/index.md.
 *
 * @packageDocumentation
 */
export { encodeNumber } from "./bytes.js";
export { CatalogError } from "./error.js";
export type { CatalogErrorCode } from "./error.js";
export {
  COMMITTED_KINDS,
  committedKeys,
  headerTermsOf,
  isCommitted,
  payloadDigestOf,
  termKey,
  termsOf,
} from "./term.js";
export type { CommittedKind, HeaderTerm, Term, TermKind } from "./term.js";
export {
  EMPTY_LIST,
  LISTED_BYTES,
  decodeEntries,
  encodeEntries,
  extendList,
  verifyList,
} from "./list.js";
export type { ListState, ListedEntry } from "./list.js";
export { EMPTY_PART, joinParts, leafPart, partOf, pathIn, verifyPath } from "./tree.js";
export type { Leaf, MapPath, Part } from "./tree.js";
export { IndexMap } from "./map.js";
export {
  INDEX_FORMAT,
  INDEX_MEDIA_TYPE,
  INDEX_SUBJECT,
  MAX_HEAD_LAG,
  decodeHead,
  encodeHead,
  isHeadStatement,
  signHead,
} from "./head.js";
export type { IndexHead, IndexedLog } from "./head.js";
export {
  COMPLETENESS_FORMAT,
  COMPLETENESS_MEDIA_TYPE,
  MAX_COMPLETENESS_BYTES,
  decodeCompleteness,
  encodeCompleteness,
} from "./completeness.js";
export type { Completeness, CompletenessParts } from "./completeness.js";
