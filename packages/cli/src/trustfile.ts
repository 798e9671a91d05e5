import { TrustStore, VerifierError } from "@tallystick/verifier";

import { readWhole } from "./file.js";

/**
 * Reads a trust file.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; VerifierError `VERIFIER_TRUST_MALFORMED`
 */
export async function readTrust(path: string): Promise<TrustStore> {
  const bytes = await readWhole(path);
  try {
    return TrustStore.parse(bytes);
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    throw new VerifierError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}
