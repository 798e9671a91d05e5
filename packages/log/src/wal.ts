import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { crc32c } from "./checksum.js";
import { LogError, isMissing, toLogError } from "./error.js";
import { concat } from "./layout.js";
import { liveLogs } from "./manifest.js";

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const TYPE_OFFSET = 6;
const LENGTH_BITS = 16;
const MASK_DELTA = 0xa282ead8;

/** Types of the pieces that a record is written in, a piece never crossing a block. */
const PIECE = { full: 1, first: 2, middle: 3, last: 4 } as const;

// A file may go while another process that has the store open moves on; it is not that fast.
const ATTEMPTS = 5;

/** Yields the bytes of a file. */
export type ReadWhole = (path: string) => Promise<Uint8Array>;

/**
 * Reads what LevelDB replays when it opens, CURRENT, the manifest and the write-ahead logs, and
 * resolves if all of it is there as it was written, up to what a crash tears off the end.
 *
 * LevelDB takes a log that it cannot read for an empty one, leaves out what is damaged, and then
 * removes the file: asked first, neither costs an entry. Nothing is changed. Where there is no store,
 * there is nothing to read.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE` if something cannot be read, `LOG_CORRUPT`
 */
export async function requireReplayable(
  directory: string,
  read: ReadWhole = readFile,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await requireSoundFiles(directory, read);
      return;
    } catch (error) {
      const isGone = isMissing(error);
      if (isGone && attempt < ATTEMPTS) continue;
      throw toLogError(error, "LOG_UNAVAILABLE", "the store cannot be read");
    }
  }
}

async function requireSoundFiles(directory: string, read: ReadWhole): Promise<void> {
  const manifest = await readManifestName(directory, read);
  if (manifest === undefined) return;
  const names = await readdir(directory);
  if (!names.includes(manifest)) {
    // Another process may have made the next one meanwhile.
    if ((await readManifestName(directory, read)) !== manifest) {
      return requireSoundFiles(directory, read);
    }
    throw new LogError("LOG_CORRUPT", "the store's CURRENT names a file that is not there");
  }
  const bytes = await read(join(directory, manifest));
  requireSound(manifest, findDamage(bytes));
  const live = liveLogs(recordsOf(bytes));
  let isNewest = true;
  for (const [number, name] of logsAmong(names)) {
    if (number < live.from && number !== live.also) continue;
    const log = await read(join(directory, name));
    // A log that another one follows was ended by LevelDB, not by a crash.
    requireSound(name, isNewest ? findDamage(log) : findFirstBad(log));
    if (log.length > 0) isNewest = false;
  }
}

/** Yields the write-ahead logs by their numbers, newest first. */
function logsAmong(names: readonly string[]): readonly (readonly [number, string])[] {
  return names
    .filter((name) => /^\d+\.log$/.test(name))
    .map((name) => [Number.parseInt(name, 10), name] as const)
    .sort(([one], [other]) => other - one);
}

function requireSound(name: string, at: number | undefined): void {
  if (at === undefined) return;
  const message = `${name} is damaged at byte ${at}: nothing was opened, nothing was changed`;
  throw new LogError("LOG_CORRUPT", message);
}

async function readManifestName(directory: string, read: ReadWhole): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await read(join(directory, "CURRENT"));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const name = /^(MANIFEST-\d+)\n$/.exec(new TextDecoder().decode(bytes))?.[1];
  if (name === undefined)
    throw new LogError("LOG_CORRUPT", "the store's CURRENT names no manifest");
  return name;
}

/**
 * Yields where a log of LevelDB is damaged otherwise than by a crash while its last record was
 * written; `undefined` if it is not. What a crash did and what damaged the last record look the same.
 *
 * Each record is synced before the next one is begun, so a crash spoils the last one alone, in any
 * way: pages of it may be lost in the middle while later ones are there. Where a record begins after
 * the first thing that is wrong, that is no crash. In the block of what is wrong nothing says where to
 * look for it, so every byte is tried; a body that holds such a record itself looks the same.
 */
export function findDamage(bytes: Uint8Array): number | undefined {
  const bad = findFirstBad(bytes);
  if (bad === undefined) return undefined;
  if (hasWrongLength(bytes, bad)) return bad;
  if (beginsRecord(bytes, pieceAt(bytes, bad).end)) return bad;
  const nextBlock = bad - (bad % BLOCK_BYTES) + BLOCK_BYTES;
  for (let at = nextBlock; at < bytes.length; at += BLOCK_BYTES) {
    if (beginsRecord(bytes, at)) return bad;
  }
  for (let at = bad; at + HEADER_BYTES <= Math.min(bytes.length, nextBlock); at++) {
    if (isStart(bytes, at)) return bad;
  }
  return undefined;
}

interface PlacedPiece {
  readonly at: number;
  readonly type: number;
  readonly end: number;
}

/** Yields the pieces one behind the other, whole or not, each where the one before says that it ends. */
function* piecesOf(bytes: Uint8Array): Iterable<PlacedPiece> {
  for (let at = 0; at < bytes.length;) {
    const room = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (room < HEADER_BYTES) {
      at += room;
      continue;
    }
    const { type, end } = pieceAt(bytes, at);
    yield { at, type, end };
    at = end;
  }
}

/** Yields where the first piece is that is not whole or not in its place. */
function findFirstBad(bytes: Uint8Array): number | undefined {
  // Whether a record has begun and not ended.
  let isOpen = false;
  for (const { at, type, end } of piecesOf(bytes)) {
    const begins = type === PIECE.full || type === PIECE.first;
    if (!isWhole(bytes, at, end) || !isPiece(type) || begins === isOpen) return at;
    isOpen = type === PIECE.first || type === PIECE.middle;
  }
  return undefined;
}

/** Yields the records, as far as nothing is wrong. */
function* recordsOf(bytes: Uint8Array): Iterable<Uint8Array> {
  let pieces: Uint8Array[] = [];
  for (const { at, type, end } of piecesOf(bytes.subarray(0, findFirstBad(bytes)))) {
    pieces.push(bytes.subarray(at + HEADER_BYTES, end));
    if (type === PIECE.full || type === PIECE.last) {
      yield concat(...pieces);
      pieces = [];
    }
  }
}

/** Yields whether a whole piece that begins a record stands at `at`. */
function isStart(bytes: Uint8Array, at: number): boolean {
  const type = bytes[at + TYPE_OFFSET];
  if (type !== PIECE.full && type !== PIECE.first) return false;
  return isWhole(bytes, at, pieceAt(bytes, at).end);
}

/** Yields whether a whole piece that begins a record stands at `from` or follows it in its block. */
function beginsRecord(bytes: Uint8Array, from: number): boolean {
  const blockEnd = from - (from % BLOCK_BYTES) + BLOCK_BYTES;
  for (let at = from; at + HEADER_BYTES <= Math.min(bytes.length, blockEnd);) {
    const { type, end } = pieceAt(bytes, at);
    if (isStart(bytes, at)) return true;
    if (!isPiece(type)) return false;
    at = end;
  }
  return false;
}

function isPiece(type: number): boolean {
  return type >= PIECE.full && type <= PIECE.last;
}

function pieceAt(bytes: Uint8Array, at: number): { readonly type: number; readonly end: number } {
  // Less than a header is no piece, whatever it says.
  if (bytes.length - at < HEADER_BYTES) return { type: 0, end: bytes.length };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  return { type: view.getUint8(TYPE_OFFSET), end: at + HEADER_BYTES + view.getUint16(4, true) };
}

/** Yields whether the piece that begins at `at` would be whole if it ended at `end`. */
function isWhole(bytes: Uint8Array, at: number, end: number): boolean {
  const blockEnd = at - (at % BLOCK_BYTES) + BLOCK_BYTES;
  if (end > Math.min(bytes.length, blockEnd) || end < at + HEADER_BYTES) return false;
  const crc = crc32c(bytes.subarray(at + TYPE_OFFSET, end));
  const masked = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
  return new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true) === masked;
}

// A crash cuts a piece off and leaves its length alone. With one bit of that wrong, a piece in the
// middle of the last block looks cut off as well.
function hasWrongLength(bytes: Uint8Array, at: number): boolean {
  const start = at + HEADER_BYTES;
  if (start > bytes.length) return false;
  const length = pieceAt(bytes, at).end - start;
  for (let bit = 0; bit < LENGTH_BITS; bit++) {
    if (isWhole(bytes, at, start + (length ^ (1 << bit)))) return true;
  }
  return false;
}
