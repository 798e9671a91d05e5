import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

import { type CborValue, decodeCbor, encodeCbor, isCborArray } from "@tallystick/cose";
import { HASH_BYTES } from "@tallystick/merkle";

import { crc32c } from "./checksum.js";
import { LogError } from "./error.js";
import { concat, isEqual } from "./layout.js";
import type { Row } from "./store.js";

const MAGIC = new TextEncoder().encode("TLYB");
const VERSION = 1;
const START_BYTES = 8;
const HEAD_BYTES = 5;
const CRC_BYTES = 4;
const ROW_HEAD_BYTES = 5;

// Rows that go into one frame, unless a single one is larger.
const FRAME_BYTES = 1024 * 1024;

/** What a frame holds, by its first byte. */
const FRAME = { manifest: 0x6d, rows: 0x72, end: 0x65 } as const;

/** What an archive turned out to be, counted and hashed. */
export interface ArchiveSum {
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 of everything before the last frame. */
  readonly digest: Uint8Array;
}

/** Writes an archive of rows; see docs/formats/backup.md. Nothing in it counts before its last frame. */
export class ArchiveWriter {
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash("sha256");
  // Owned by add and flush.
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #rows = 0;
  #bytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Begins an archive in an empty file with its manifest. */
  static async begin(file: FileHandle, manifest: Uint8Array): Promise<ArchiveWriter> {
    const archive = new ArchiveWriter(file);
    const start = new Uint8Array(START_BYTES);
    start.set(MAGIC);
    new DataView(start.buffer).setUint32(MAGIC.length, VERSION);
    await archive.#write(start);
    await archive.#write(frameOf(FRAME.manifest, manifest));
    return archive;
  }

  async add({ key, value }: Row): Promise<void> {
    const head = new Uint8Array(ROW_HEAD_BYTES);
    head[0] = key.length;
    new DataView(head.buffer).setUint32(1, value.length);
    this.#waiting.push(head, key, value);
    this.#waitingBytes += head.length + key.length + value.length;
    this.#rows++;
    if (this.#waitingBytes >= FRAME_BYTES) await this.#flush();
  }

  /** Ends the archive and has it on disk. */
  async end(): Promise<ArchiveSum> {
    await this.#flush();
    const digest = new Uint8Array(this.#hash.copy().digest());
    await this.#write(frameOf(FRAME.end, encodeCbor([this.#rows, digest])));
    await this.#file.sync();
    return { rows: this.#rows, bytes: this.#bytes, digest };
  }

  async #flush(): Promise<void> {
    if (this.#waitingBytes === 0) return;
    const payload = concat(...this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#write(frameOf(FRAME.rows, payload));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#file.writeFile(bytes);
  }
}

/** Reads an archive from its first byte to its last, each frame against its checksum. */
export class ArchiveReader {
  readonly #file: FileHandle;
  readonly #length: number;
  readonly #hash: Hash = createHash("sha256");
  // Owned by #take.
  #at = 0;

  private constructor(file: FileHandle, length: number) {
    this.#file = file;
    this.#length = length;
  }

  /**
   * Opens an archive and yields its manifest with the reader of its rows.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_SCHEMA_UNSUPPORTED`; what the file system throws
   */
  static async open(
    file: FileHandle,
  ): Promise<{ readonly manifest: Uint8Array; readonly reader: ArchiveReader }> {
    const { size } = await file.stat();
    const reader = new ArchiveReader(file, size);
    const start = await reader.#take(START_BYTES);
    if (!isEqual(start.subarray(0, MAGIC.length), MAGIC)) throw damaged("is no backup");
    const version = new DataView(start.buffer).getUint32(MAGIC.length);
    if (version !== VERSION) {
      throw new LogError("LOG_SCHEMA_UNSUPPORTED", `backup of version ${version}, want ${VERSION}`);
    }
    reader.#hash.update(start);
    const { kind, payload } = await reader.#frame();
    if (kind !== FRAME.manifest) throw damaged("does not begin with a manifest");
    return { manifest: payload, reader };
  }

  /**
   * Yields the rows, a frame at a time, and at the end what they sum up to, held against what the
   * archive says itself. Rows mean nothing before that.
   *
   * @throws {@link LogError} `LOG_CORRUPT`; what the file system throws
   */
  async *run(): AsyncGenerator<readonly Row[], ArchiveSum> {
    let count = 0;
    for (;;) {
      const digest = new Uint8Array(this.#hash.copy().digest());
      const { kind, payload } = await this.#frame();
      if (kind === FRAME.rows) {
        const rows = rowsIn(payload);
        count += rows.length;
        yield rows;
      } else if (kind === FRAME.end) {
        requireEnd(payload, { count, digest });
        if (this.#at !== this.#length) throw damaged("goes on behind its end");
        return { rows: count, bytes: this.#at, digest };
      } else {
        throw damaged(`has a frame of unknown kind at byte ${this.#at}`);
      }
    }
  }

  async #frame(): Promise<{ readonly kind: number; readonly payload: Uint8Array }> {
    const at = this.#at;
    const head = await this.#take(HEAD_BYTES);
    const payload = await this.#take(new DataView(head.buffer).getUint32(1));
    const stored = await this.#take(CRC_BYTES);
    if (crc32c(head, payload) !== new DataView(stored.buffer).getUint32(0)) {
      throw damaged(`does not match its checksum in the frame at byte ${at}`);
    }
    for (const part of [head, payload, stored]) this.#hash.update(part);
    return { kind: head[0] ?? 0, payload };
  }

  async #take(count: number): Promise<Uint8Array> {
    if (this.#at + count > this.#length) throw damaged(`is cut short at byte ${this.#length}`);
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count;) {
      const { bytesRead } = await this.#file.read(bytes, done, count - done, this.#at + done);
      if (bytesRead === 0) throw damaged(`is cut short at byte ${this.#at + done}`);
      done += bytesRead;
    }
    this.#at += count;
    return bytes;
  }
}

function frameOf(kind: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  head[0] = kind;
  new DataView(head.buffer).setUint32(1, payload.length);
  const crc = new Uint8Array(CRC_BYTES);
  new DataView(crc.buffer).setUint32(0, crc32c(head, payload));
  return concat(head, payload, crc);
}

function rowsIn(payload: Uint8Array): readonly Row[] {
  const rows: Row[] = [];
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = 0; at < payload.length;) {
    const isWhole = at + ROW_HEAD_BYTES <= payload.length;
    const keyEnd = at + ROW_HEAD_BYTES + (payload[at] ?? 0);
    const end = isWhole ? keyEnd + view.getUint32(at + 1) : Infinity;
    if (end > payload.length) throw damaged("has a row that its frame does not hold");
    const key = payload.slice(at + ROW_HEAD_BYTES, keyEnd);
    rows.push({ key, value: payload.slice(keyEnd, end) });
    at = end;
  }
  return rows;
}

function requireEnd(
  payload: Uint8Array,
  { count, digest }: { readonly count: number; readonly digest: Uint8Array },
): void {
  let value: CborValue;
  try {
    value = decodeCbor(payload);
  } catch (cause) {
    throw new LogError("LOG_CORRUPT", "the backup has a malformed end", { cause });
  }
  const [rows, stored] = isCborArray(value) ? value : [];
  if (rows !== count) throw damaged(`has ${count} rows, not as many as it says`);
  if (!(stored instanceof Uint8Array) || stored.length !== HASH_BYTES || !isEqual(stored, digest)) {
    throw damaged("does not match its digest");
  }
}

function damaged(how: string): LogError {
  return new LogError("LOG_CORRUPT", `the backup ${how}`);
}
