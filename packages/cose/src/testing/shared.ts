import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, test } from "@jest/globals";

import { sharedFolder } from "../../../../scripts/shared-data.mjs";

export { sharedFolder };

/** A file of the shared test data. */
export interface SharedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Yields every file below a shared folder whose name has one of the endings, in order. */
export function sharedFiles(folder: string, endings: readonly string[]): readonly SharedFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && endings.some((ending) => file.name.endsWith(ending)))
    .map((file) => join(file.parentPath, file.name))
    .sort()
    .map((path) => ({
      name: relative(folder, path),
      bytes: new Uint8Array(readFileSync(path)),
    }));
}

/** Declares a suite over shared folders, whose paths it is given; skipped where one is missing. */
export function describeShared(
  name: string,
  folders: readonly string[],
  suite: (...paths: readonly string[]) => void,
): void {
  const paths = folders.map((folder) => sharedFolder(name, folder));
  const found = paths.filter((path) => path !== undefined);
  if (found.length === folders.length) {
    describe(name, () => {
      suite(...found);
    });
  } else {
    describe.skip(name, () => {
      test.todo(`needs ${folders.join(", ")}`);
    });
  }
}
