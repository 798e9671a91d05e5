import type { ContentDigest } from "@tallystick/content";
import { digest, encodeHex, HASH_ALGORITHMS } from "@tallystick/cose";

import { CliError } from "../error.js";
import { readWhole } from "../file.js";

/** What names firmware on the command line. */
export interface SubjectOptions {
  readonly subject?: string;
  readonly digest?: string;
}

/**
 * Yields the digests that name the firmware: that which is given, or those of a file by every
 * algorithm that statements use.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`
 */
export async function subjectOf(options: SubjectOptions): Promise<readonly ContentDigest[]> {
  const { subject: path, digest: named } = options;
  if (path !== undefined) {
    const bytes = await readWhole(path);
    return HASH_ALGORITHMS.map(({ name }) => ({
      alg: name,
      value: encodeHex(digest(name, bytes)),
    }));
  }
  const [, alg = "", value = ""] = /^([^:]+):([0-9a-fA-F]+)$/.exec(named ?? "") ?? [];
  const hash = HASH_ALGORITHMS.find(({ name }) => name === alg);
  if (hash === undefined || value.length !== 2 * hash.bytes) {
    const names = HASH_ALGORITHMS.map(({ name }) => name).join(", ");
    throw new CliError("CLI_USAGE", `--digest is not ALG:HEX of a whole digest by ${names}`);
  }
  return [{ alg: hash.name, value: value.toLowerCase() }];
}
