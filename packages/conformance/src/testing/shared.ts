import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "@jest/globals";

import { sharedFolder } from "../../../../scripts/shared-data.mjs";

/** Root of the repository. */
export const ROOT: string = fileURLToPath(new URL("../../../../", import.meta.url));

/** Describes a suite that needs the shared test data; skipped where it is missing. */
export function describeShared(name: string, folder: string, suite: (path: string) => void): void {
  const path = sharedFolder(name, folder);
  if (path === undefined) {
    describe.skip(name, () => {
      test.todo(`needs ${folder}`);
    });
    return;
  }
  describe(name, () => {
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
