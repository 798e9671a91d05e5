import { subjectOfFirmware, type Subject } from "@tallystick/appraisal";
import { HASH_ALGORITHMS } from "@tallystick/cose";

import { CliError } from "../error.js";
import { readWhole } from "../file.js";

/** What names firmware on the command line. */
export interface SubjectOptions {
  readonly subject?: string;
  readonly digest?: string;
}

/**
 * Yields the firmware that is asked about: a file, or what a digest names.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`
 */
export async function subjectOf(options: SubjectOptions): Promise<Subject> {
  const { subject: path, digest: named } = options;
  if (path !== undefined) return subjectOfFirmware(await readWhole(path));
  const [, alg = "", value = ""] = /^([^:]+):([0-9a-fA-F]+)$/.exec(named ?? "") ?? [];
  const hash = HASH_ALGORITHMS.find(({ name }) => name === alg);
  if (hash === undefined) {
    const names = HASH_ALGORITHMS.map(({ name }) => name).join(", ");
    throw new CliError("CLI_USAGE", `--digest is not ALG:HEX of a whole digest by ${names}`);
  }
  const digits = 2 * hash.bytes;
  if (value.length !== digits) {
    const message = `--digest is not ALG:HEX of a whole digest: ${alg} has ${digits} digits, not ${value.length}`;
    throw new CliError("CLI_USAGE", message);
  }
  return { digests: [{ alg: hash.name, value: value.toLowerCase() }] };
}
