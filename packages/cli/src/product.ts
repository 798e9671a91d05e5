import { stat, fstat } from "node:fs";
import type { BigIntStats } from "node:fs";
import { promisify } from "node:util";

import { writeWhole } from "./file.js";
import type { Session } from "./session.js";

const STDOUT = 1;

/**
 * Writes what a command makes. Where that goes to standard output itself, what the command says of it
 * goes to standard error.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function writeProduct(
  path: string,
  bytes: Uint8Array,
  { output }: Session,
): Promise<void> {
  if (await isStdout(path)) output.leaveStdout();
  await writeWhole(path, bytes);
}

async function isStdout(path: string): Promise<boolean> {
  const bigint = { bigint: true } as const;
  const none = (): undefined => undefined;
  const [there, own]: readonly (BigIntStats | undefined)[] = await Promise.all([
    promisify(stat)(path, bigint).catch(none),
    promisify(fstat)(STDOUT, bigint).catch(none),
  ]);
  return there !== undefined && there.dev === own?.dev && there.ino === own.ino;
}
