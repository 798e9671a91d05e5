import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { encodeHex } from "@tallystick/cose";
import type { Backup, RowSource } from "@tallystick/log";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf, failed } from "./file.js";

/** What a backup holds besides the log, by path in the service directory. No private key is in it. */
export const PUBLIC_FILES = [
  "config.json",
  "keys/receipt.pub.jwk",
  "keys/operator.pub.jwk",
] as const;

/** What is backed up, and where to. */
export interface BackupOrder {
  readonly store: RowSource;
  /** Absolute. */
  readonly file: string;
  /** Tree size to back up, the newest unless given. */
  readonly size?: number;
  readonly signal?: AbortSignal;
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
  { store, file, ...rest }: BackupOrder,
): Promise<BackupSummary> {
  const { backupLog, LogError } = await import("@tallystick/log");
  const key = await directory.receiptPublicKey();
  const files = await readPublicFiles(directory.path);
  try {
    return summaryOf(await backupLog({ store, key, path: file, files, ...rest }));
  } catch (cause) {
    if (!(cause instanceof LogError) || cause.code !== "LOG_EXISTS") throw cause;
    const message = `${file} exists and is not overwritten`;
    throw new CliError("CLI_FILE_EXISTS", message, { cause });
  }
}

async function readPublicFiles(path: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of PUBLIC_FILES) {
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
