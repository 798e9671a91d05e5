import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { PublishedFile, TransparencyService } from "@tallystick/server";
import { TlogError, parseCheckpoint, parseNote } from "@tallystick/tlog";
import type { TreeHead } from "@tallystick/tlog";
import { encodeHex } from "@tallystick/cose";

import { isVacant } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf, failed, makeDirectory, readWhole, writeWhole } from "./file.js";

/** What is served may be read by the web server, whoever that is. */
const DIRECTORY_MODE = 0o755;

const KEYS = ".well-known/scitt-keys";

/**
 * A folder of files that a web server answers with, each written as a whole or not at all. What never
 * changes is written once.
 */
export class StaticFolder {
  readonly #path: string;
  // Owned by open.
  #before = 0;
  // Owned by put.
  #written = 0;
  #kept = 0;
  readonly #made = new Set<string>();

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the folder: a new or empty one, or an earlier export of this very log, not ahead of the size
   * that it is to have.
   *
   * @throws {@link CliError} `CLI_DIRECTORY_INVALID`, `CLI_FILE_FAILED`; LogError
   */
  static async open(
    path: string,
    service: TransparencyService,
    size: number = service.size(),
  ): Promise<StaticFolder> {
    const folder = new StaticFolder(path);
    if (await isVacant(path)) {
      await folder.#makeDirectory(path);
      return folder;
    }
    const head = await readHead(join(path, "checkpoint"));
    if (head === undefined) {
      // The first run was cut short; nobody serves it yet.
      await requireKeys(join(path, KEYS), service, path);
      return folder;
    }
    await requireBeginning(head, service, { path, newSize: size });
    folder.#before = head.size;
    return folder;
  }

  /** Size of the tree that is there whole. */
  get before(): number {
    return this.#before;
  }

  get written(): number {
    return this.#written;
  }

  get kept(): number {
    return this.#kept;
  }

  get count(): number {
    return this.#written + this.#kept;
  }

  /**
   * Writes a file unless it is there and never changes.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`; what reading it throws
   */
  async put({ path, isFixed, read }: PublishedFile): Promise<void> {
    const at = join(this.#path, path);
    if (isFixed && (await isFile(at))) {
      this.#kept++;
      return;
    }
    await this.#makeDirectory(dirname(at));
    await writeWhole(at, await read());
    this.#written++;
  }

  async #makeDirectory(path: string): Promise<void> {
    if (this.#made.has(path)) return;
    try {
      await makeDirectory(path, DIRECTORY_MODE);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw failed(`cannot make ${path}`, error);
    }
    this.#made.add(path);
  }
}

async function readHead(path: string): Promise<TreeHead | undefined> {
  if (!(await isFile(path))) return undefined;
  const bytes = await readWhole(path);
  try {
    return parseCheckpoint(parseNote(bytes).text);
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw new CliError("CLI_DIRECTORY_INVALID", `${path}: ${cause.message}`, { cause });
  }
}

// A run that was cut short has written the keys first: those of another log are another log's files.
async function requireKeys(
  file: string,
  service: TransparencyService,
  path: string,
): Promise<void> {
  const { publishedFiles } = await import("@tallystick/server");
  const { value: first } = await publishedFiles(service).next();
  const own = first?.path === KEYS && (await isFile(file)) ? await first.read() : undefined;
  if (own !== undefined && encodeHex(own) === encodeHex(await readWhole(file))) return;
  throw new CliError("CLI_DIRECTORY_INVALID", `${path} is neither empty nor an export of this log`);
}

// What a web server has shown is not taken back: neither by another log nor by a shorter one.
async function requireBeginning(
  { origin, size, root }: TreeHead,
  { log }: TransparencyService,
  { path, newSize }: { readonly path: string; readonly newSize: number },
): Promise<void> {
  const { checkpoint: newest } = log.head();
  if (origin !== newest.origin || size > newSize) {
    const own = `${newSize} entries of ${newest.origin}`;
    const message = `${path} is of ${size} entries of ${origin}, the log has ${own}`;
    throw new CliError("CLI_DIRECTORY_INVALID", message);
  }
  const { LogError } = await import("@tallystick/log");
  const kept = await log.checkpointAt(size).catch((error: unknown) => {
    if (!(error instanceof LogError) || error.code !== "LOG_SIZE_UNKNOWN") throw error;
  });
  if (kept !== undefined && encodeHex(kept.checkpoint.root) === encodeHex(root)) return;
  throw new CliError("CLI_DIRECTORY_INVALID", `${path} is of another log called ${origin}`);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return false;
    throw failed(`cannot read ${path}`, error);
  }
}
