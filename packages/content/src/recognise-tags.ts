import type { CoSwidContent, OpaqueContent, SwidContent } from "./content.js";
import { COSWID_TAG, CORIM_COSWID_TAG, readCoSwid } from "./corim/coswid.js";
import { decodeItems } from "./corim/item.js";
import { Node } from "./corim/node.js";
import { ContentError } from "./error.js";
import { requireSize, type ContentLimits } from "./limits.js";
import { opaque } from "./opaque.js";
import { invalid } from "./record.js";
import { isSwid, swidOf } from "./swid.js";
import { readContainers, type UswidContainer } from "./uswid.js";
import { parseXml } from "./xml/parse.js";

/**
 * Reads a document in XML that is a SWID tag; `undefined` for any other.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readXml(payload: Uint8Array, limits: ContentLimits): SwidContent | undefined {
  const root = parseXml(payload, limits);
  return isSwid(root) ? { kind: "swid", swid: swidOf(root), warnings: [] } : undefined;
}

/** Yields whether the bytes begin with one of the tags of a CoSWID. */
export function looksLikeCoSwid(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 5 && bytes[0] === 0xda) return view.getUint32(1) === COSWID_TAG;
  return bytes.length >= 3 && bytes[0] === 0xd9 && view.getUint16(1) === CORIM_COSWID_TAG;
}

/**
 * Reads one CoSWID.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readTag(payload: Uint8Array, limits: ContentLimits): CoSwidContent {
  requireSize(payload, limits);
  const [item, ...more] = decodeItems(payload, limits, "CoSWID");
  if (item === undefined) throw new ContentError("CONTENT_MALFORMED", "CoSWID: nothing is there");
  if (more.length > 0) throw new ContentError("CONTENT_MALFORMED", "CoSWID: bytes stand behind it");
  return contentOf("coswid", [readCoSwid(new Node(item, ""))]);
}

/**
 * Reads the containers of a uSWID: the tags in all of them, or the one bill of materials of another
 * format, which the caller reads.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readUswid(
  payload: Uint8Array,
  limits: ContentLimits,
): CoSwidContent | UswidContainer | OpaqueContent {
  const containers = readContainers(payload);
  const [first, ...more] = containers;
  if (first !== undefined && more.length === 0 && first.format !== "coswid") return first;
  if (containers.some(({ format }) => format !== "coswid")) {
    return opaque("uSWID containers of several formats", []);
  }
  let left = limits.maxItems;
  const tags = containers.flatMap((container, place) => {
    const items = decodeItems(container.payload, { ...limits, maxItems: left }, "uSWID");
    if (items.length === 0) throw invalid(`containers[${place}]`, "is empty");
    left = Math.max(1, left - items.length);
    return items.map((item, i) => readCoSwid(new Node(item, `containers[${place}][${i}]`)));
  });
  return contentOf("uswid", tags);
}

function contentOf(form: CoSwidContent["form"], tags: CoSwidContent["tags"]): CoSwidContent {
  return { kind: "coswid", form, tags, warnings: [] };
}
