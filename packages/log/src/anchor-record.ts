import { type CborValue, decodeCbor, encodeCbor, isCborArray } from "@tallystick/cose";
import { HASH_BYTES, sha256 } from "@tallystick/merkle";

import type { AnchorRecord } from "./anchor.js";
import { crc32c } from "./checksum.js";
import { LogError } from "./error.js";
import { concat } from "./layout.js";
import type { Frozen } from "./record.js";

/** Records begin and end at multiples of this: a sector, which disks write whole or not at all. */
export const BLOCK_BYTES = 512;

/** No record is longer, so no torn one is. */
export const MAX_RECORD_BYTES: number = 64 * 1024;

/** First bytes of every record. */
export const MAGIC: Uint8Array = new TextEncoder().encode("TLYA");

const FROZEN = "frozen";
const LENGTH_AT = 4;
const CRC_AT = 8;
const PREVIOUS_AT = 12;
const PAYLOAD_AT: number = PREVIOUS_AT + HASH_BYTES;

/** What a record can be about: a checkpoint, or that there will be no more. */
export type AnchorContent = AnchorRecord | Frozen;

/** What an operator can do about an anchor that is damaged. */
export const WAYS_OUT: string =
  "Put a newer or whole copy of it back; if there is none, and the database is surely the newest " +
  "copy, make it again: tally recover DIR --rebuild-anchor";

/** A record as it stands in the file. */
export interface StoredRecord {
  readonly content: AnchorContent;
  /** SHA-256 of the record before it, zeros in the first. */
  readonly previous: Uint8Array;
  /** SHA-256 of this one, padding and all. */
  readonly digest: Uint8Array;
  readonly length: number;
}

/**
 * Yields the bytes of a record: magic, payload length, CRC32C of all other bytes, digest of the
 * record before, payload, zeros.
 *
 * payload = [size: uint, root: bstr .size 32, checkpoint: bstr] / ["frozen", why: tstr, time: uint]
 */
export function encodeAnchorRecord(content: AnchorContent, previous: Uint8Array): Uint8Array {
  const payload = encodeCbor(
    isFreeze(content)
      ? [FROZEN, content.why, content.time]
      : [content.size, content.root, content.checkpoint],
  );
  const bytes = new Uint8Array(lengthFor(payload.length));
  if (bytes.length > MAX_RECORD_BYTES) {
    throw new TypeError(`anchor record of ${bytes.length} bytes, limit ${MAX_RECORD_BYTES}`);
  }
  bytes.set(MAGIC);
  bytes.set(previous, PREVIOUS_AT);
  bytes.set(payload, PAYLOAD_AT);
  const view = new DataView(bytes.buffer);
  view.setUint32(LENGTH_AT, payload.length);
  view.setUint32(CRC_AT, checksumOf(bytes));
  return bytes;
}

/** Yields the record that begins at an offset, `undefined` if no whole and intact one does. */
export function decodeAnchorRecord(bytes: Uint8Array, at: number): StoredRecord | undefined {
  const length = claimedLength(bytes.subarray(at));
  if (length === undefined || at + length > bytes.length) return undefined;
  const whole = bytes.slice(at, at + length);
  const view = new DataView(whole.buffer);
  if (view.getUint32(CRC_AT) !== checksumOf(whole)) return undefined;
  const end = PAYLOAD_AT + view.getUint32(LENGTH_AT);
  const content = decodePayload(whole.subarray(PAYLOAD_AT, end));
  const previous = whole.slice(PREVIOUS_AT, PAYLOAD_AT);
  return content && { content, previous, digest: sha256(whole), length };
}

/** Yields how long the record says it is, `undefined` if its first bytes are not those of one. */
export function claimedLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < CRC_AT || MAGIC.some((byte, i) => byte !== bytes[i])) return undefined;
  const length = lengthFor(new DataView(bytes.buffer, bytes.byteOffset).getUint32(LENGTH_AT));
  return length <= MAX_RECORD_BYTES ? length : undefined;
}

/** Yields whether a record is about the end of the log. */
export function isFreeze(content: AnchorContent): content is Frozen {
  return "why" in content;
}

function lengthFor(payloadBytes: number): number {
  return Math.ceil((PAYLOAD_AT + payloadBytes) / BLOCK_BYTES) * BLOCK_BYTES;
}

function checksumOf(bytes: Uint8Array): number {
  return crc32c(bytes.subarray(0, CRC_AT), bytes.subarray(PREVIOUS_AT));
}

// Under an intact checksum another shape is no accident of the disk; it is no record all the same.
function decodePayload(payload: Uint8Array): AnchorContent | undefined {
  let value: CborValue;
  try {
    value = decodeCbor(concat(payload));
  } catch {
    return undefined;
  }
  const array = isCborArray(value) ? value : [];
  if (array[0] === FROZEN) {
    const [, why, time] = array;
    return typeof why === "string" && typeof time === "number" ? { why, time } : undefined;
  }
  const [size, root, checkpoint] = array;
  const isRecord = typeof size === "number" && size > 0 && root instanceof Uint8Array;
  if (!isRecord || root.length !== HASH_BYTES || !(checkpoint instanceof Uint8Array)) {
    return undefined;
  }
  return { size, root, checkpoint };
}

/** Yields the error of bytes where a record should be. */
export function damaged(at: number): LogError {
  return new LogError("LOG_CORRUPT", `anchor: no intact record at byte ${at}. ${WAYS_OUT}`);
}

/** Yields the error of a record that is not the next one. */
export function unchained(at: number): LogError {
  return new LogError(
    "LOG_CORRUPT",
    `anchor: the record at byte ${at} does not follow the one before. ${WAYS_OUT}`,
  );
}
