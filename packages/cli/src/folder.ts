import type { Registered, ServiceClient } from "@tallystick/client";
import type { VerifiedInclusion } from "@tallystick/receipt";
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
  /** Shows no progress. */
  readonly isQuiet?: boolean;
}

/** A file that was refused. */
interface Refused {
  readonly file: string;
  readonly error: { readonly code: string; readonly message: string };
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
 * comes to a no. Yields one receipt of each tree that there was, smallest first.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; ClientError
 */
export async function registerFolder(
  folder: string,
  { client, out, session, isQuiet = false }: FolderOptions,
): Promise<readonly VerifiedInclusion[]> {
  const { output, isJson } = session;
  const names = await statementsIn(folder);
  await makeFolder(out);
  const progress = new Progress(output, { unit: "statements", isQuiet: isJson || isQuiet });
  const refused: Refused[] = [];
  const trees = new Map<number, VerifiedInclusion>();
  let registered = 0;
  try {
    for await (const result of client.registerAll(contents(folder, names))) {
      const name = names[result.position] ?? "";
      if (result.registered === undefined) {
        const { code = "", message = "refused" } = result.error ?? {};
        refused.push({ file: name, error: { code, message } });
      } else {
        await writeTransparent(join(folder, name), transparentName(out, name), result.registered);
        const { inclusion } = result.registered;
        if (inclusion.size !== undefined) trees.set(inclusion.size, inclusion);
        registered++;
      }
      progress.show(registered + refused.length, names.length);
    }
  } finally {
    progress.clear();
    tell({ registered, refused }, session);
  }
  session.wrote(out, `, ${registered} files`);
  if (refused.length > 0) session.exit = EXIT.no;
  return [...trees].sort(([one], [other]) => one - other).map(([, inclusion]) => inclusion);
}

function tell(
  { registered, refused }: { readonly registered: number; readonly refused: readonly Refused[] },
  { output, isJson }: Session,
): void {
  if (isJson) {
    output.printJson({ registered, refused });
    return;
  }
  output.print(`registered: ${registered}`);
  output.print(`refused: ${refused.length}`);
  for (const { file, error } of refused) output.note(`${file}: ${error.code}: ${error.message}`);
}

function transparentName(out: string, name: string): string {
  return join(out, `${name.slice(0, -STATEMENT.length)}${TRANSPARENT}`);
}

// Read again: hundreds are on their way at a time.
async function writeTransparent(from: string, to: string, registered: Registered): Promise<void> {
  const statement = SignedStatement.decode(await readWhole(from), { isSubjectOptional: true });
  await writeWhole(to, transparentWith(statement, registered).transparent);
}

async function statementsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw failed(`cannot read ${folder}`, error);
  });
  const statements = names.filter(
    (name) => name.endsWith(STATEMENT) && !name.endsWith(TRANSPARENT),
  );
  if (statements.length > 0) return statements.sort();
  throw new CliError("CLI_USAGE", `no *${STATEMENT} in ${folder}`);
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
