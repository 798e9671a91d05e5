import { ContentError } from "./error.js";

/** What a container begins with. */
const MAGIC = Uint8Array.of(
  ...[0x53, 0x42, 0x4f, 0x4d, 0xd6, 0xba, 0x2e, 0xac, 0xa3, 0xe6, 0x7a, 0x52, 0xaa, 0xee],
  ...[0x3b, 0xaf],
);

/** Magic, version, length of the header, length of the payload. */
const SHORTEST_HEADER = 23;

/** Containers behind each other, as a firmware image has one for each of its parts. */
const MAX_CONTAINERS = 64;

const FORMATS = ["coswid", "cyclonedx", "spdx"] as const;

/** One container: what is in it, and in which format. */
export interface UswidContainer {
  readonly format: (typeof FORMATS)[number];
  readonly payload: Uint8Array;
}

/** Yields whether the bytes begin as a container does. */
export function looksLikeUswid(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads uSWID containers that stand behind each other, of the versions 1 to 4, with nothing between
 * them. What is compressed is refused: its size is not known before it is unpacked.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`
 */
export function readContainers(bytes: Uint8Array): readonly UswidContainer[] {
  const found: UswidContainer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    if (found.length === MAX_CONTAINERS) throw malformed(`more than ${MAX_CONTAINERS} containers`);
    const [container, length] = readContainer(rest);
    found.push(container);
    rest = rest.subarray(length);
  }
  if (found.length === 0) throw malformed("there is no container");
  return found;
}

function readContainer(bytes: Uint8Array): readonly [UswidContainer, number] {
  if (bytes.length < SHORTEST_HEADER || !looksLikeUswid(bytes)) throw malformed("no header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(MAGIC.length);
  const header = view.getUint16(MAGIC.length + 1, true);
  const length = header + view.getUint32(MAGIC.length + 3, true);
  if (version < 1 || version > 4) throw malformed("a version that is not 1 to 4");
  // Each version from 2 on has one byte more.
  if (header < SHORTEST_HEADER + version - 1) throw malformed("a header that is too short");
  if (length > bytes.length) throw malformed("a payload that does not end");
  const isCompressed = version > 1 && (view.getUint8(SHORTEST_HEADER) & 1) === 1;
  const method = version > 2 ? view.getUint8(SHORTEST_HEADER + 1) : 0;
  if (isCompressed || method !== 0) throw malformed("a payload that is compressed");
  const format = FORMATS[version > 3 ? view.getUint8(SHORTEST_HEADER + 2) : 0];
  if (format === undefined) throw malformed("a format that is not known");
  return [{ format, payload: bytes.subarray(header, length) }, length];
}

function malformed(why: string): ContentError {
  return new ContentError("CONTENT_MALFORMED", `uSWID: ${why}`);
}
