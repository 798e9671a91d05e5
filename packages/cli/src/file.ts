import { randomBytes } from "node:crypto";
import {
  constants,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";

import { CliError } from "./error.js";

/** Longest standard input that is taken, in bytes. */
const MAX_STDIN_BYTES = 67_108_864;

/**
 * Reads a file whole.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw failed(`cannot read ${path}`, error);
  }
}

/**
 * Reads a file of at most so many bytes. A folder, pipe or device counts as absent: the reader of a pipe in
 * a folder of somebody else would wait for ever.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function readBounded(
  path: string,
  maxBytes: number,
): Promise<Uint8Array | "absent" | "too long"> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return "absent";
      if (stats.size > maxBytes) return "too long";
      return new Uint8Array(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return "absent";
    throw failed(`cannot read ${path}`, error);
  }
}

/**
 * Yields whether a path is there.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED` where that cannot be told
 */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw failed(`cannot read ${path}`, error);
  }
}

/**
 * Yields whether a path that is there is a file, and no folder, pipe or device.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function isRegular(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    throw failed(`cannot read ${path}`, error);
  }
}

/**
 * Reads standard input to its end.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_STDIN_BYTES) {
      throw new CliError("CLI_FILE_FAILED", `standard input is over ${MAX_STDIN_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/**
 * Writes a file as a whole or not at all: what was there is replaced once everything is on disk. A
 * pipe or device is written to, never replaced.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    const existing = await stat(path).catch(ignoreMissing);
    if (existing !== undefined && !existing.isFile()) await writeFile(path, bytes);
    else await replaceFile(existing === undefined ? path : await realpath(path), bytes);
  } catch (error) {
    throw failed(`cannot write ${path}`, error);
  }
}

/**
 * Writes a file that is not there yet, with the permissions given.
 *
 * @throws {@link CliError} `CLI_FILE_EXISTS`, `CLI_FILE_FAILED`
 */
export async function createFile(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeSynced(path, text, { flag: "wx", mode });
  } catch (error) {
    if (codeOf(error) === "EEXIST") {
      throw new CliError("CLI_FILE_EXISTS", `${path} exists and is not overwritten`);
    }
    await unlink(path).catch(() => undefined);
    throw failed(`cannot write ${path}`, error);
  }
}

/**
 * Makes the names in a directory durable, where the system can.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function syncDirectory(path: string, openFile: typeof open = open): Promise<void> {
  try {
    const directory = await openFile(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    const code = codeOf(error) ?? "";
    const isUnsupported = UNSUPPORTED.has(code);
    if (isUnsupported || (code === "ENOENT" && process.platform === "win32")) return;
    throw failed(`cannot sync ${path}`, error);
  }
}

/**
 * Makes a directory with those that it lies in, each with its name durable. Throws what the system
 * says.
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  // Step by step: where nothing can be made, as in /proc, Node's recursive mkdir never ends.
  try {
    await stat(dirname(path));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    await makeDirectory(dirname(path), mode);
  }
  await mkdir(path, { mode });
  await syncDirectory(dirname(path));
}

/** Restates what the file system said. */
export function failed(doing: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  const code = codeOf(error) ?? "";
  return new CliError("CLI_FILE_FAILED", `${doing}: ${REASONS.get(code) ?? code}`, {
    cause: error,
  });
}

/** Yields the code of an error, such as the system's `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

// How Windows and some network file systems refuse to sync a directory.
const UNSUPPORTED: ReadonlySet<string> = new Set(["EINVAL", "ENOTSUP", "EPERM", "EISDIR"]);

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file or directory"],
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "not a directory"],
  ["ENOSPC", "no space left on the device"],
  ["EROFS", "the file system is read-only"],
  ["ERR_FS_FILE_TOO_LARGE", "larger than 2 GiB"],
]);

async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeSynced(draft, bytes, { flag: "wx", mode: 0o666 });
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
}

async function writeSynced(
  path: string,
  bytes: Uint8Array | string,
  { flag, mode }: { readonly flag: string; readonly mode: number },
): Promise<void> {
  const file = await open(path, flag, mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
