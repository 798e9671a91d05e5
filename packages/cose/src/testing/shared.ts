import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "@jest/globals";

const ROOT =
  process.env["TALLYSTICK_SHARED"] ??
  fileURLToPath(new URL("../../../../../shared", import.meta.url));

/** A file of the shared test data. */
export interface SharedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Yields every file below a shared folder whose name has one of the endings, in order. */
export function sharedFiles(folder: string, endings: readonly string[]): readonly SharedFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && endings.some((ending) => file.name.endsWith(ending)))
    .map((file) => join(file.parentPath, file.name))
    .sort()
    .map((path) => ({
      name: relative(ROOT, path),
      bytes: new Uint8Array(readFileSync(path)),
    }));
}

/** Declares a suite over shared folders: skipped aloud where they are missing, but not in CI. */
export function describeShared(name: string, folders: readonly string[], suite: () => void): void {
  const missing = folders.map((folder) => join(ROOT, folder)).filter((path) => !existsSync(path));
  if (missing.length === 0) {
    describe(name, suite);
  } else if (process.env["CI"]) {
    throw new Error(`${name}: missing ${missing.join(", ")}`);
  } else {
    console.warn(`SKIPPED ${name}: missing ${missing.join(", ")}`);
    describe.skip(name, () => {
      test.todo(`needs ${missing.join(", ")}`);
    });
  }
}
