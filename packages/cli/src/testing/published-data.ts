import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe } from "@jest/globals";

import { sharedFolder } from "../../../../scripts/shared-data.mjs";

/** Published data of others that suites are run with. */
export interface PublishedData {
  /** Skips the suite where there is none. */
  readonly describeIt: typeof describe | typeof describe.skip;
  readonly read: (...below: readonly string[]) => Uint8Array;
  readonly readText: (...below: readonly string[]) => string;
}

/** Yields the published data that a suite needs, and skips it aloud where there is none. */
export function publishedData(suite: string): PublishedData {
  const folder = sharedFolder(suite, "data");
  const read = (...below: readonly string[]): Uint8Array =>
    new Uint8Array(readFileSync(join(folder ?? "", ...below)));
  return {
    ...{ describeIt: folder === undefined ? describe.skip : describe, read },
    readText: (...below) => new TextDecoder().decode(read(...below)),
  };
}
