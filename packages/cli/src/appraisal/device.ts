import { judgeEvidence, type AppraisalPolicy, type DeviceEvidence } from "@tallystick/appraisal";
import { CoseError, decodeHex } from "@tallystick/cose";
import { EvidenceError } from "@tallystick/evidence";

import { CliError } from "../error.js";
import { readBounded } from "./bounded.js";
import { wordsOnGiven } from "./given.js";

/** Of evidence, and of certificates beside it. */
const MAX_BYTES = 1_048_576;

/** What names evidence on the command line. */
export interface EvidenceOptions {
  readonly evidence: string;
  readonly chain?: string;
  readonly nonce?: string;
}

/**
 * Reads evidence and verifies it as of `time`, in seconds since the epoch.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`
 * @throws AppraisalError, EvidenceError as `judgeEvidence`
 */
export async function readDevice(
  { evidence, chain, nonce }: EvidenceOptions,
  policy: AppraisalPolicy,
  time: number,
): Promise<DeviceEvidence> {
  const bytes = await readBounded(evidence, MAX_BYTES);
  const options = {
    time,
    nonce: nonce === undefined ? undefined : nonceOf(nonce),
    chain: chain === undefined ? undefined : await readBounded(chain, MAX_BYTES),
  };
  try {
    return await judgeEvidence(bytes, policy, options);
  } catch (cause) {
    const words = wordsOnGiven(bytes);
    const isOther = cause instanceof EvidenceError && cause.code === "EVIDENCE_MALFORMED";
    if (!isOther || words === "") throw cause;
    const message = `--evidence ${evidence}: ${cause.message}; ${words}`;
    throw new EvidenceError(cause.code, message, { cause });
  }
}

function nonceOf(text: string): Uint8Array {
  try {
    return decodeHex(text.toLowerCase());
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new CliError("CLI_USAGE", "--nonce is not hexadecimal", { cause });
  }
}
