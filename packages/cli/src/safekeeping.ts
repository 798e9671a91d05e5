import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { encodeHex } from "@tallystick/cose";
import type { Backup, LogProgress, RowSource, Space } from "@tallystick/log";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf, failed } from "./file.js";
import { retiredKeyNames, retiredNameOf, verifyingKeys } from "./receipt-keys.js";

/** What a backup holds besides the log, by path in the service directory. No private key is in it. */
export const PUBLIC_FILES = [
  "config.json",
  "keys/receipt.pub.jwk",
  "keys/operator.pub.jwk",
  "keys/note.pub.jwk",
] as const;

/** What is backed up, and where to. */
export interface BackupOrder {
  readonly store: RowSource;
  /** Absolute. */
  readonly file: string;
  /** Tree size to back up, the newest unless given. */
  readonly size?: number;
  /** What must be left on the disks of log and anchor; not looked at where the file is on another. */
  readonly space: Space;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LogProgress) => void;
}

/** What somebody who asked for a backup is told. */
export interface BackupSummary {
  readonly size: number;
  readonly root: string;
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 of the file but its last frame. */
  readonly digest: string;
}

/**
 * Writes the log of a service and its public files into one file, and reads it again.
 *
 * @throws {@link CliError} `CLI_FILE_EXISTS`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`; LogError
 */
export async function backUp(
  directory: ServiceDirectory,
  { store, file, space, ...rest }: BackupOrder,
): Promise<BackupSummary> {
  const { backupLog, LogError } = await import("@tallystick/log");
  const key = await verifyingKeys(directory);
  const files = await readPublicFiles(directory, retiredNameOf(key[0]));
  const isBeside = await sharesDevice(dirname(file), directory);
  const limit = isBeside ? { space } : {};
  try {
    return summaryOf(await backupLog({ store, key, path: file, files, ...limit, ...rest }));
  } catch (cause) {
    if (!(cause instanceof LogError) || cause.code !== "LOG_EXISTS") throw cause;
    const message = `${file} exists and is not overwritten`;
    throw new CliError("CLI_FILE_EXISTS", message, { cause });
  }
}

/** Yields whether a place is on the disk of a service's log or anchor, or may be. */
async function sharesDevice(
  place: string,
  { logPath, anchorPath }: ServiceDirectory,
): Promise<boolean> {
  const devices = await Promise.all(
    [place, logPath, dirname(anchorPath)].map((path) =>
      stat(path).then(
        ({ dev }) => dev,
        () => undefined,
      ),
    ),
  );
  const [target, ...own] = devices;
  return target === undefined || own.includes(target);
}

async function readPublicFiles(
  directory: ServiceDirectory,
  own: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { path } = directory;
  const files = new Map<string, Uint8Array>();
  // What a switch that was cut short has retired already is the receipt key of the backup.
  const retired = (await retiredKeyNames(directory)).filter((name) => !name.endsWith(`/${own}`));
  for (const name of [...PUBLIC_FILES, ...retired]) {
    try {
      files.set(name, new Uint8Array(await readFile(join(path, name))));
    } catch (error) {
      // The operator's key may live elsewhere altogether.
      if (codeOf(error) !== "ENOENT") throw failed(`cannot read ${name}`, error);
    }
  }
  return files;
}

function summaryOf({ manifest, rows, bytes, digest }: Backup): BackupSummary {
  const { size, root } = manifest;
  return { size, root: encodeHex(root), rows, bytes, digest: encodeHex(digest) };
}
