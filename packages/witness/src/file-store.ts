import { randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, readFile, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { WitnessError } from "./error.js";
import type { StateStore, StoredState } from "./store.js";

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * States in files: `<name>/<version>` below a directory, of which the highest version counts.
 *
 * A version is written aside, synced, and given its name by a hard link, which fails where the name
 * is taken: so two processes cannot both write a version, and no file is ever half written under
 * its name. Older versions are removed once the newer one is durable.
 */
export class FileStore implements StateStore {
  readonly #path: string;

  /** The directory must be there. */
  constructor(path: string) {
    this.#path = path;
    Object.freeze(this);
  }

  async read(name: string): Promise<StoredState | undefined> {
    const directory = join(this.#path, name);
    try {
      const version = Math.max(0, ...(await versionsIn(directory)));
      if (version === 0) return undefined;
      return { version, bytes: new Uint8Array(await readFile(join(directory, String(version)))) };
    } catch (cause) {
      throw failed(`cannot read ${directory}`, cause);
    }
  }

  async replace(name: string, expected: number, bytes: Uint8Array): Promise<void> {
    const directory = join(this.#path, name);
    const version = expected + 1;
    try {
      if (expected === 0) await makeDirectory(directory);
      const draft = join(directory, `draft-${randomBytes(6).toString("hex")}`);
      try {
        await writeSynced(draft, bytes);
        await nameDraft(draft, join(directory, String(version)));
      } finally {
        await unlink(draft).catch(() => undefined);
      }
      await syncDirectory(directory);
      const versions = await versionsIn(directory);
      // The name was free because others were through with it already, if a higher one is there:
      // the highest is never removed.
      if (Math.max(...versions) > version) throw conflict(directory);
      for (const old of versions.filter((one) => one < version)) {
        await unlink(join(directory, String(old))).catch(() => undefined);
      }
    } catch (cause) {
      throw failed(`cannot write ${directory}`, cause);
    }
  }
}

async function versionsIn(directory: string): Promise<readonly number[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => /^[1-9][0-9]{0,14}$/.test(name)).map(Number);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function nameDraft(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw conflict(dirname(path));
    throw error;
  }
}

async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  await syncDirectory(dirname(path));
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", FILE_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function conflict(directory: string): WitnessError {
  const message = `another process writes ${directory}`;
  return new WitnessError("WITNESS_STORE_CONFLICT", message);
}

function failed(doing: string, cause: unknown): WitnessError {
  if (cause instanceof WitnessError) return cause;
  const why = codeOf(cause) ?? "unknown reason";
  return new WitnessError("WITNESS_STORE_FAILED", `${doing}: ${why}`, { cause });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
