import { randomBytes } from "node:crypto";
import { link, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { CliError } from "./error.js";
import { codeOf, createFile, failed, makeDirectory } from "./file.js";

const PAUSE_MS = 25;

/** An empty lock is one whose writer crashed, or has not yet come to write into it. */
const EMPTY_FOR_MS = 2000;

/** What the locks of this process say. */
const OWN = new Set<string>();

/** How a file system says that it has no links. */
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** How long another run is waited for. */
export interface LockOptions {
  readonly waitMs: number;
}

/**
 * Does something while no other run that takes the same lock does: `path` is a file that is there
 * meanwhile and names the process. One whose process is gone is taken over, and so is one that names this
 * process and is not its own: in a container each run may have the same number.
 *
 * @throws {@link CliError} `CLI_FILE_IN_USE`, `CLI_FILE_FAILED`
 */
export async function withLock<T>(
  path: string,
  { waitMs }: LockOptions,
  act: () => Promise<T>,
): Promise<T> {
  const own = `${process.pid} ${randomBytes(8).toString("hex")} ${hostname()}\n`;
  OWN.add(own);
  try {
    await acquire(path, own, waitMs);
    return await act();
  } finally {
    // Whoever took it for abandoned has it now.
    if ((await holderOf(path)) === own) await unlink(path).catch(ignoreMissing);
    OWN.delete(own);
  }
}

// Written aside: a crash leaves no lock that says nothing.
async function acquire(path: string, own: string, waitMs: number): Promise<void> {
  const until = Date.now() + waitMs;
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await createFile(draft, own, 0o600);
  try {
    while (!(await take(path, draft, own))) {
      const holder = await holderOf(path);
      if (holder !== undefined && (await isAbandoned(path, holder))) await takeAway(path, holder);
      else if (Date.now() >= until) throw inUse(path, holder);
      else await wait(PAUSE_MS);
    }
  } finally {
    await unlink(draft).catch(ignoreMissing);
  }
}

/**
 * Does something while no other run works on a folder; the lock lies beside it. Nobody is waited for.
 *
 * @throws {@link CliError} `CLI_FILE_IN_USE`, `CLI_FILE_FAILED`
 */
export async function withFolder<T>(folder: string, act: () => Promise<T>): Promise<T> {
  const path = resolve(folder);
  await makeFolder(dirname(path));
  return withLock(`${path}.lock`, { waitMs: 0 }, act);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await makeDirectory(path, 0o777);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw failed(`cannot make ${path}`, error);
  }
}

async function take(path: string, draft: string, own: string): Promise<boolean> {
  try {
    await link(draft, path).catch(async (error: unknown) => {
      if (!NO_LINKS.has(codeOf(error) ?? "")) throw error;
      await writeFile(path, own, { flag: "wx", mode: 0o600 });
    });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw failed(`cannot write ${path}`, error);
  }
}

async function holderOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw failed(`cannot read ${path}`, error);
  }
}

async function isAbandoned(path: string, holder: string): Promise<boolean> {
  if (holder !== "") return isGone(holder);
  const { mtimeMs = Infinity } = (await stat(path).catch(ignoreMissing)) ?? {};
  return Date.now() - mtimeMs >= EMPTY_FOR_MS;
}

// What another machine runs cannot be told from here.
function isGone(holder: string): boolean {
  const [, pid, host] = /^([0-9]{1,10}) [0-9a-f]{16} (.+)\n$/.exec(holder) ?? [];
  if (pid === undefined || host !== hostname()) return false;
  if (Number(pid) === process.pid) return !OWN.has(holder);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

// Of all that find it abandoned one alone may remove it, or the second would remove the lock that
// somebody took after the first: who links it to a name of its own first, and finds it to be the same.
async function takeAway(path: string, abandoned: string): Promise<void> {
  const [token = "empty"] = /[0-9a-f]{16}/.exec(abandoned) ?? [];
  const mark = `${path}.${token}.gone`;
  try {
    await link(path, mark);
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (code === "EEXIST") await leaveToOther(mark);
    else if (NO_LINKS.has(code)) await renameAway(path, abandoned);
    else if (code !== "ENOENT") throw failed(`cannot take ${path} over`, error);
    return;
  }
  try {
    if ((await holderOf(mark)) === abandoned) await unlink(path).catch(ignoreMissing);
  } finally {
    await unlink(mark).catch(ignoreMissing);
  }
}

async function leaveToOther(mark: string): Promise<void> {
  // A link has the times of the lock, but for the last change of what leads to it.
  const { ctimeMs = Infinity } = (await stat(mark).catch(ignoreMissing)) ?? {};
  if (Date.now() - ctimeMs >= EMPTY_FOR_MS) await unlink(mark).catch(ignoreMissing);
  else await wait(PAUSE_MS);
}

// Without links the second may hold the first one's, and puts it back.
async function renameAway(path: string, abandoned: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
    if ((await holderOf(aside)) === abandoned) await unlink(aside);
    else await rename(aside, path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw failed(`cannot take ${path} over`, error);
  }
}

function inUse(path: string, holder: string | undefined): CliError {
  const [pid = "unknown"] = (holder ?? "").split(" ", 1);
  const message = `another run, process ${pid}, holds ${path}: wait for it, or remove the file if none does`;
  return new CliError("CLI_FILE_IN_USE", message);
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
}
