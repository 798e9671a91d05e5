import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe } from "@jest/globals";

/** Root of the repository. */
export const ROOT: string = fileURLToPath(new URL("../../../../", import.meta.url));

const shared = resolve(process.env["TALLYSTICK_SHARED"] ?? join(ROOT, "..", "shared"));

/**
 * Describes a suite that needs the shared test data. Where the data is missing it is skipped
 * loudly, and fails under CI, which has to have it.
 */
export function describeShared(name: string, folder: string, suite: (path: string) => void): void {
  const path = join(shared, folder);
  if (existsSync(path)) {
    describe(name, () => {
      suite(path);
    });
    return;
  }
  const message = `SKIPPED for want of ${path}: ${name}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  console.warn(message);
  describe.skip(name, () => {
    suite(path);
  });
}

/** Lists the files below a folder, as paths relative to it, in order. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

/** Reads a file as plain bytes. */
export function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}
