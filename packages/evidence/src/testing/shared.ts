import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Yields the folder of data shared between projects, or undefined with a loud warning that `suite`
 * is skipped. In CI the data is there, so that its absence is an error.
 */
export function sharedFolder(suite: string): string | undefined {
  const repository = resolve(import.meta.dirname, "../../../..");
  const root = process.env["TALLYSTICK_SHARED"] ?? resolve(repository, "../shared");
  const folder = join(root, "data");
  if (existsSync(join(folder, "evidence"))) return folder;
  const message = `SKIPPED: suite "${suite}" needs ${folder}, which is missing`;
  if (process.env["CI"]) throw new Error(message);
  console.warn(message);
  return undefined;
}

/** Yields the bytes of a file in a folder. */
export function bytesOf(folder: string | undefined, ...below: readonly string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(folder ?? "", ...below)));
}
