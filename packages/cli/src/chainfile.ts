import { StatementError, parseCertificates } from "@tallystick/statement";

import { CliError } from "./error.js";
import { readWhole } from "./file.js";

/**
 * Reads the certificates of a PEM file in DER, in the order in which they stand there.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_CHAIN_INVALID`
 */
export async function readChain(path: string): Promise<readonly Uint8Array[]> {
  const text = new TextDecoder().decode(await readWhole(path));
  try {
    return parseCertificates(text).map(({ der }) => der);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new CliError("CLI_CHAIN_INVALID", `${path}: ${cause.message}`, { cause });
  }
}
