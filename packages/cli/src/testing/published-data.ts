import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { describe } from "@jest/globals";

/** Published data of others that suites are run with. */
export interface PublishedData {
  /** Skips the suite where there is none. */
  readonly describeIt: typeof describe | typeof describe.skip;
  readonly read: (...below: readonly string[]) => Uint8Array;
  readonly readText: (...below: readonly string[]) => string;
}

/**
 * Yields the published data that a suite needs, by a folder in it; where that is missing, it is said
 * aloud, in CI as an error.
 */
export function publishedData(suite: string, ...needed: readonly string[]): PublishedData {
  const shared =
    process.env["TALLYSTICK_SHARED"] ?? resolve(import.meta.dirname, "../../../../../shared");
  const data = join(shared, "data");
  const isThere = existsSync(join(data, ...needed));
  if (!isThere) {
    const message = `SKIPPED: ${suite} needs ${join(data, ...needed)}, which is missing`;
    if (process.env["CI"]) throw new Error(message);
    console.warn(message);
  }
  const read = (...below: readonly string[]): Uint8Array =>
    new Uint8Array(readFileSync(join(data, ...below)));
  return {
    ...{ describeIt: isThere ? describe : describe.skip, read },
    readText: (...below) => new TextDecoder().decode(read(...below)),
  };
}
