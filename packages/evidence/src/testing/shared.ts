import { readFileSync } from "node:fs";
import { join } from "node:path";

export { sharedFolder } from "../../../../scripts/shared-data.mjs";

/** Yields the bytes of a file in a folder. */
export function bytesOf(folder: string | undefined, ...below: readonly string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(folder ?? "", ...below)));
}
