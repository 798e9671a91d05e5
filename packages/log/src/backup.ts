import { randomBytes } from "node:crypto";
import { access, type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

import {
  type CborMap,
  type CborValue,
  decodeCborMap,
  encodeCbor,
  isCborMap,
} from "@tallystick/cose";

import { ArchiveReader, type ArchiveSum, ArchiveWriter } from "./archive.js";
import { LogError, toLogError } from "./error.js";
import { checkLog, type LogProgress } from "./fsck.js";
import type { ReceiptKeys } from "./keys.js";
import { readLabel } from "./label.js";
import { FROZEN_KEY, HEAD_KEY, isEqual, openRow } from "./layout.js";
import { PinnedRows, type RowSource } from "./pinned.js";
import { isEmpty } from "./recover.js";
import { Findings } from "./report.js";
import { type Space, spaceShortage } from "./space.js";
import type { KeyRange, Row, Store } from "./store.js";
import { Survey } from "./survey.js";
import { TreePass } from "./tree-pass.js";

// Copied between two looks at how much room is left.
const MEASURED_BYTES = 1024 * 1024;

/** What an archive says of itself. */
export interface Manifest {
  readonly issuer: string;
  readonly origin: string;
  readonly logId: Uint8Array;
  /** Size, root and time of the checkpoint that it ends with. */
  readonly size: number;
  readonly root: Uint8Array;
  readonly time: number;
  /** What else its maker put in, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What {@link backupLog} needs. */
export interface BackupOptions {
  /** Open; it may be written meanwhile. */
  readonly store: RowSource;
  /** Size of the kept checkpoint to copy up to, the newest unless given. */
  readonly size?: number;
  /** The log's receipt key, or all that it ever signed with; without it signatures are not checked. */
  readonly key?: ReceiptKeys;
  /** Must not exist. */
  readonly path: string;
  /** Small files that a restored service needs, by name; nothing secret. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** Where the file goes on the log's own disk, or its anchor's: what must be left there. */
  readonly space?: Space | undefined;
  /** Ends the backup when it aborts. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LogProgress) => void;
}

/** A backup that is on disk, read again and found whole. */
export interface Backup extends ArchiveSum {
  readonly manifest: Manifest;
}

/**
 * Copies a log into one file, as it stood at one checkpoint, whatever is appended meanwhile.
 *
 * Every row is checked on the way, bodies included, as {@link checkLog} does it: what is damaged or
 * missing is not copied but reported. The file gets its name once it is on disk and has been read
 * again; before that it is called `NAME.part` with eight random digits between. It holds no key and no anchor.
 *
 * @throws {@link LogError} `LOG_EXISTS` if the file is there, `LOG_NOT_FOUND`, `LOG_CORRUPT`,
 * `LOG_SIZE_UNKNOWN`, `LOG_CLOSING` when aborted, `LOG_SPACE_LOW`, `LOG_UNAVAILABLE`
 */
export async function backupLog(options: BackupOptions): Promise<Backup> {
  const { path, store, size } = options;
  await requireAbsent(path);
  const rows = await PinnedRows.pin(store, size);
  // A name that nobody can have prepared, and never through what is there already.
  const draft = `${path}.${randomBytes(4).toString("hex")}.part`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      await copy(options, rows, file);
    } finally {
      await file.close();
    }
    const backup = await readBackup(draft);
    await requireAbsent(path);
    await rename(draft, path);
    await syncDirectory(dirname(path));
    return backup;
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw toLogError(error, "LOG_UNAVAILABLE", "the backup cannot be written");
  }
}

/**
 * Yields what a backup says of itself, from its beginning alone: the rest may be damaged.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_CORRUPT`, `LOG_SCHEMA_UNSUPPORTED`,
 * `LOG_UNAVAILABLE`
 */
export function readManifest(path: string): Promise<Manifest> {
  return reading(path, async (file) => decodeManifest((await ArchiveReader.open(file)).manifest));
}

/**
 * Reads a backup to its end and yields what is in it, if nothing is damaged.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_CORRUPT`, `LOG_SCHEMA_UNSUPPORTED`,
 * `LOG_UNAVAILABLE`
 */
export function readBackup(path: string): Promise<Backup> {
  return reading(path, async (file) => {
    const { manifest, reader } = await ArchiveReader.open(file);
    const rows = reader.run();
    for (;;) {
      const step = await rows.next();
      if (step.done === true) return { ...step.value, manifest: decodeManifest(manifest) };
    }
  });
}

/** What {@link restoreLog} needs. */
export interface RestoreOptions {
  readonly path: string;
  /** Open and empty; left open. */
  readonly store: Store;
  /** The log's receipt key, or all that it ever signed with; without it signatures are not checked. */
  readonly key?: ReceiptKeys;
}

/**
 * Puts the log of a backup into an empty store. The backup is read to its end before anything is
 * written, and the restored log is checked whole before this resolves; on a rejection the store is to
 * be thrown away. The head goes last, so that a store which was half restored holds no log.
 *
 * An old backup is a rollback: only the anchor and witnesses know what came after it.
 *
 * @throws {@link LogError} `LOG_EXISTS` if the store is not empty, `LOG_NOT_FOUND`, `LOG_CORRUPT`,
 * `LOG_SCHEMA_UNSUPPORTED`, `LOG_UNAVAILABLE`
 */
export async function restoreLog({ path, store, key }: RestoreOptions): Promise<Backup> {
  if (!(await isEmpty(store))) throw new LogError("LOG_EXISTS", "the store is not empty");
  const backup = await readBackup(path);
  const head = await reading(path, (file) => writeRows(file, store, backup));
  await store.write([head]);
  const report = await checkLog(key === undefined ? { store } : { store, key });
  const [problem] = report.problems;
  if (problem !== undefined) {
    const what = `${problem.kind}: ${problem.where}: ${problem.detail}`;
    throw new LogError("LOG_CORRUPT", `the restored log is ${report.verdict}: ${what}`);
  }
  const { size, root } = backup.manifest;
  if (report.size !== size || report.root === undefined || !isEqual(report.root, root)) {
    throw new LogError("LOG_CORRUPT", "the restored log is not the one of the manifest");
  }
  return backup;
}

async function copy(options: BackupOptions, rows: PinnedRows, file: FileHandle): Promise<void> {
  const { key, files = new Map<string, Uint8Array>(), space, signal, onProgress } = options;
  await requireSpace(space);
  const archive = await ArchiveWriter.begin(file, await manifestOf(rows, files));
  const survey = new Survey(new CopiedRows(rows, archive, space), new Findings());
  const { stated } = rows;
  const { control } = rows;
  const pass = await TreePass.begin({ survey, stated, key, control, withBodies: true });
  requireSound(survey);
  for await (const { entries } of pass.run()) {
    requireSound(survey);
    if (signal?.aborted === true) throw new LogError("LOG_CLOSING", "the backup was interrupted");
    onProgress?.({ entries, size: rows.size });
  }
  requireSound(survey);
  const [frozen] = await rows.getMany([FROZEN_KEY]);
  if (frozen !== undefined) await addOpened(archive, { key: FROZEN_KEY, value: frozen });
  await archive.add(rows.head);
  await archive.end();
}

/** Rows that are copied as they are read; each is read once. */
class CopiedRows implements RowSource {
  readonly #rows: RowSource;
  readonly #archive: ArchiveWriter;
  readonly #space: Space | undefined;
  // Owned by getMany.
  #unmeasured = 0;

  constructor(rows: RowSource, archive: ArchiveWriter, space: Space | undefined) {
    this.#rows = rows;
    this.#archive = archive;
    this.#space = space;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.#rows.getMany(keys);
    for (const [i, key] of keys.entries()) {
      const value = values[i];
      if (value === undefined) continue;
      await this.#archive.add({ key, value });
      this.#unmeasured += value.length;
      if (this.#unmeasured < MEASURED_BYTES) continue;
      await requireSpace(this.#space);
      this.#unmeasured = 0;
    }
    return values;
  }

  keys(range: KeyRange): AsyncIterable<Uint8Array> {
    return this.#rows.keys(range);
  }
}

// A log whose disk is full stops; its backup must not be what fills it.
async function requireSpace(space: Space | undefined): Promise<void> {
  const shortage = await spaceShortage(space);
  if (shortage !== undefined) throw shortage;
}

async function addOpened(archive: ArchiveWriter, row: Row): Promise<void> {
  openRow(row);
  await archive.add(row);
}

function requireSound({ findings }: Survey): void {
  const [problem] = findings.report().problems;
  if (problem === undefined) return;
  const { kind, where, detail } = problem;
  throw new LogError("LOG_CORRUPT", `not copied, the log is damaged: ${kind}: ${where}: ${detail}`);
}

async function writeRows(file: FileHandle, store: Store, backup: Backup): Promise<Row> {
  const { reader } = await ArchiveReader.open(file);
  const frames = reader.run();
  let head: Row | undefined;
  for (;;) {
    const step = await frames.next();
    if (step.done === true) {
      if (head === undefined) throw new LogError("LOG_CORRUPT", "the backup has no head");
      if (isEqual(step.value.digest, backup.digest)) return head;
      throw new LogError("LOG_UNAVAILABLE", "the backup was changed while it was read");
    }
    head = step.value.find(({ key }) => isEqual(key, HEAD_KEY)) ?? head;
    const rest = step.value.filter(({ key }) => !isEqual(key, HEAD_KEY));
    if (rest.length > 0) await store.write(rest);
  }
}

/**
 * manifest = \{"issuer": tstr, "origin": tstr, "logId": bstr, "size": uint, "root": bstr,
 * "time": uint, "files": \{* tstr =\> bstr\}\}
 */
async function manifestOf(
  rows: PinnedRows,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<Uint8Array> {
  const { issuer, origin, logId } = await readLabel(rows);
  const { size, root, time } = rows.stated;
  return encodeCbor(
    new Map<string, CborValue>([
      ["issuer", issuer],
      ["origin", origin],
      ["logId", logId],
      ["size", size],
      ["root", root],
      ["time", time],
      ["files", new Map(files)],
    ]),
  );
}

function decodeManifest(payload: Uint8Array): Manifest {
  let map: CborMap;
  try {
    map = decodeCborMap(payload);
  } catch (cause) {
    throw new LogError("LOG_CORRUPT", "the backup has a malformed manifest", { cause });
  }
  const [issuer, origin] = [map.get("issuer"), map.get("origin")];
  const [logId, root] = [map.get("logId"), map.get("root")];
  const [size, time, files] = [map.get("size"), map.get("time"), map.get("files")];
  const isText = typeof issuer === "string" && typeof origin === "string";
  const isBytes = logId instanceof Uint8Array && root instanceof Uint8Array;
  if (!isText || !isBytes || typeof size !== "number" || typeof time !== "number") {
    throw new LogError("LOG_CORRUPT", "the backup has a malformed manifest");
  }
  const named = [...(isCborMap(files) ? files : [])].filter(
    (pair): pair is [string, Uint8Array] =>
      typeof pair[0] === "string" && pair[1] instanceof Uint8Array,
  );
  return { issuer, origin, logId, size, root, time, files: new Map(named) };
}

async function reading<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    return await read(file);
  } catch (error) {
    const isCoded = typeof error === "object" && error !== null && "code" in error;
    if (isCoded && error.code === "ENOENT")
      throw new LogError("LOG_NOT_FOUND", "no backup there", { cause: error });
    throw toLogError(error, "LOG_UNAVAILABLE", "the backup cannot be read");
  } finally {
    await file?.close();
  }
}

async function requireAbsent(path: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new LogError("LOG_EXISTS", "the backup's file is there already");
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
