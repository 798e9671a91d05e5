import { copyFile, link, mkdir, readdir, rm, rmdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { syncDirectoryOf } from "./anchor.js";
import { isMissing, toLogError } from "./error.js";

/** What {@link keepLogs} did. */
export interface Keeping {
  /** Folder with the logs; `undefined` where there was nothing to keep. */
  readonly path: string | undefined;
  /** Files that this call put there. */
  readonly made: readonly string[];
}

/**
 * Keeps the write-ahead logs of LevelDB in a folder beside its directory, under a second name where the
 * file system gives one, else as a copy: LevelDB removes them once it has replayed what it could.
 *
 * One set at most is kept. One that an earlier opening left, and whose logs have been replayed since,
 * is left alone: nothing has shown yet that it is not needed.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE`
 */
export async function keepLogs(directory: string): Promise<Keeping> {
  const path = `${directory}.kept`;
  try {
    const kept = await namesIn(path);
    const names = (await namesIn(directory)).filter((name) => name.endsWith(".log"));
    const isReplayed = kept.some((name) => !names.includes(name));
    if (isReplayed) return { path, made: [] };
    const made = await linkAll({ directory, path }, await missing(directory, names, kept));
    return { path: kept.length + made.length > 0 ? path : undefined, made };
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "the write-ahead log cannot be kept aside");
  }
}

/** Takes back what a call of {@link keepLogs} did, for an opening that changed nothing. */
export async function unkeepLogs({ path, made }: Keeping): Promise<void> {
  for (const file of made) await rm(file, { force: true });
  // What is left in it, if anything, is another opening's.
  if (path !== undefined) await rmdir(path).catch(() => undefined);
}

/** Removes the kept logs. What cannot be removed is left to the next opening. */
export async function discardLogs(path: string): Promise<void> {
  try {
    for (const name of await namesIn(path)) await rm(join(path, name));
    await rmdir(path);
  } catch {
    // The next opening comes to the same.
  }
}

/** Yields what somebody is told who has to do without a part of the store. */
export function tellKept(path: string | undefined): string {
  if (path === undefined) return "";
  // The last name alone: whoever asks the service for its health reads this.
  return `. What its write-ahead log held before it was opened is kept beside it in ${basename(path)}`;
}

async function missing(
  directory: string,
  names: readonly string[],
  kept: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    if (!kept.includes(name) && (await stat(join(directory, name))).size > 0) found.push(name);
  }
  return found;
}

async function linkAll(
  { directory, path }: { readonly directory: string; readonly path: string },
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.length === 0) return [];
  await mkdir(path, { recursive: true, mode: 0o700 });
  const made: string[] = [];
  for (const name of names) {
    const target = join(path, name);
    await link(join(directory, name), target).catch(() => copyFile(join(directory, name), target));
    made.push(target);
  }
  // Each makes the names beside its own durable: those of the files, and that of their folder.
  for (const entry of [join(path, names[0] ?? ""), path]) await syncDirectoryOf(entry);
  return made;
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
