import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { Level } from "level";

/** What lies on disk, in bytes. */
export interface Storage {
  /** Of everything in the directory of the service, as the server left it. */
  readonly left: number;
  /** The same when LevelDB has compacted all of the log. */
  readonly compacted: number;
  /** Keys and values of the log before compression, by the first letter of their keys. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Measures a service that is stopped, and compacts its log. */
export async function measureStorage(service: string): Promise<Storage> {
  const left = await bytesBelow(service);
  const log = join(service, "log");
  // As the service opens it, so that tables are written as it would write them.
  const db = new Level<Uint8Array, Uint8Array>(log, {
    ...{ keyEncoding: "view", valueEncoding: "view", compression: true },
    ...{ createIfMissing: false, maxFileSize: 4 * 1024 * 1024, writeBufferSize: 32 * 1024 * 1024 },
  });
  await db.open();
  try {
    const rows = await bytesOfRows(db);
    await compact(db);
    await db.close();
    return { left, compacted: await bytesBelow(service), rows };
  } finally {
    await db.close();
  }
}

interface Compactable {
  compactRange(from: Uint8Array, to: Uint8Array): Promise<void>;
}

// Only LevelDB itself has it, not what else may stand in its place elsewhere.
async function compact(db: object): Promise<void> {
  if (!isCompactable(db)) throw new TypeError("the database cannot be compacted");
  await db.compactRange(Uint8Array.of(0), Uint8Array.of(0xff));
}

function isCompactable(db: object): db is Compactable {
  return "compactRange" in db;
}

async function bytesOfRows(db: Level<Uint8Array, Uint8Array>): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  for await (const [key, value] of db.iterator()) {
    const kind = String.fromCharCode(key[0] ?? 0);
    rows[kind] = (rows[kind] ?? 0) + key.length + value.length;
  }
  return rows;
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
