import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { CliError } from "./error.js";
import { EXIT, expectedError } from "./exit.js";
import { failed } from "./file.js";
import type { Progress } from "./progress.js";

/** A file of a folder, and where what is made from it goes. */
export interface Piece {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A file that was refused. */
export interface Refused {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

const STATEMENT = ".scitt";
const TRANSPARENT = ".transparent.scitt";

/** How many registrations are under way at once. */
const LANES = 16;

/** Yields whether a path is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === true;
}

/**
 * Yields the signed statements of a folder by name, and makes the folder that goes with them.
 *
 * @throws {@link CliError} `CLI_USAGE` where there are none, `CLI_FILE_FAILED`
 */
export async function piecesOf(folder: string, out: string): Promise<readonly Piece[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw failed(`cannot read ${folder}`, error);
  });
  const statements = names.filter(
    (name) => name.endsWith(STATEMENT) && !name.endsWith(TRANSPARENT),
  );
  if (statements.length === 0) throw new CliError("CLI_USAGE", `no *${STATEMENT} in ${folder}`);
  await mkdir(out, { recursive: true }).catch((error: unknown) => {
    throw failed(`cannot make ${out}`, error);
  });
  return statements.sort().map((name) => ({
    name,
    from: join(folder, name),
    to: join(out, `${name.slice(0, -STATEMENT.length)}${TRANSPARENT}`),
  }));
}

/**
 * Does something with each piece, several at a time, and yields those that were refused. What is no
 * answer about a piece, such as a service that cannot be reached, ends it.
 */
export async function doAll(
  pieces: readonly Piece[],
  act: (piece: Piece) => Promise<void>,
  progress: Progress,
): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  const waiting = pieces.values();
  let done = 0;
  let isOver = false;
  const lane = async (): Promise<void> => {
    for (const piece of waiting) {
      if (isOver) return;
      try {
        await act(piece);
      } catch (error) {
        const expected = expectedError(error);
        if (expected?.exit !== EXIT.no) {
          isOver = true;
          throw error;
        }
        refused.push({ file: piece.name, code: expected.code, message: expected.message });
      }
      progress.show(++done, pieces.length);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
  return refused.sort((one, other) => (one.file < other.file ? -1 : 1));
}
