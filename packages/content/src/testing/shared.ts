import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Yields the folder of test data shared between projects, or undefined with a loud warning that
 * `suite` is skipped. In CI the data is there, so that its absence is an error.
 */
export function sharedFolder(suite: string, ...below: readonly string[]): string | undefined {
  const repository = resolve(import.meta.dirname, "../../../..");
  const root = process.env["TALLYSTICK_SHARED"] ?? resolve(repository, "../shared");
  const folder = join(root, ...below);
  if (existsSync(folder)) return folder;
  const message = `SKIPPED: suite "${suite}" needs ${folder}, which is missing`;
  if (process.env["CI"]) throw new Error(message);
  console.warn(message);
  return undefined;
}
