import type { ServiceClient } from "@tallystick/client";
import { SignedStatement } from "@tallystick/statement";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { CliError } from "./error.js";
import { EXIT } from "./exit.js";
import { codeOf, failed, makeDirectory, readWhole, writeWhole } from "./file.js";
import { Progress } from "./progress.js";
import type { Session } from "./session.js";
import { transparentWith } from "./transparent.js";

const STATEMENT = ".scitt";
const TRANSPARENT = ".transparent.scitt";

/** What a folder is registered with. */
export interface FolderOptions {
  readonly client: ServiceClient;
  /** Folder for the transparent statements. */
  readonly out: string;
  readonly session: Session;
}

/** Yields whether the path is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Whoever reads it says what is wrong.
    return false;
  }
}

/**
 * Registers every `.scitt` of a folder that is not transparent already, in the order of their names,
 * and writes each with its receipt. One that is refused does not stop the others; the command then
 * comes to a no.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; ClientError
 */
export async function registerFolder(
  folder: string,
  { client, out, session }: FolderOptions,
): Promise<void> {
  const { output } = session;
  const names = await statementsIn(folder);
  await makeFolder(out);
  const progress = new Progress(output);
  let registered = 0;
  let refused = 0;
  try {
    for await (const result of client.registerAll(contents(folder, names))) {
      const name = names[result.position] ?? "";
      if (result.registered === undefined) {
        refused++;
        progress.clear();
        output.note(`${name}: ${result.error?.message ?? "refused"}`);
      } else {
        // Read again: hundreds are on their way at a time.
        const statement = SignedStatement.decode(await readWhole(join(folder, name)));
        const { transparent } = transparentWith(statement, result.registered);
        await writeWhole(
          join(out, `${name.slice(0, -STATEMENT.length)}${TRANSPARENT}`),
          transparent,
        );
        registered++;
      }
      progress.show(registered + refused, names.length);
    }
  } finally {
    progress.clear();
    output.print(`registered: ${registered}`);
    output.print(`refused: ${refused}`);
  }
  if (refused > 0) session.exit = EXIT.no;
}

async function statementsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw failed(`cannot read ${folder}`, error);
  });
  const statements = names.filter(
    (name) => name.endsWith(STATEMENT) && !name.endsWith(TRANSPARENT),
  );
  if (statements.length > 0) return statements.sort();
  throw new CliError("CLI_FILE_FAILED", `there is no *${STATEMENT} in ${folder}`);
}

async function* contents(
  folder: string,
  names: readonly string[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const name of names) yield await readWhole(join(folder, name));
}

async function makeFolder(path: string): Promise<void> {
  try {
    await makeDirectory(path, 0o777);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw failed(`cannot make ${path}`, error);
  }
}
