import { judgeEvidence, type AppraisalPolicy, type DeviceEvidence } from "@tallystick/appraisal";
import { CoseError, decodeHex } from "@tallystick/cose";

import { CliError } from "../error.js";
import { readBounded } from "./bounded.js";

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
  return judgeEvidence(await readBounded(evidence, MAX_BYTES), policy, {
    time,
    nonce: nonce === undefined ? undefined : nonceOf(nonce),
    chain: chain === undefined ? undefined : await readBounded(chain, MAX_BYTES),
  });
}

function nonceOf(text: string): Uint8Array {
  try {
    return decodeHex(text.toLowerCase());
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new CliError("CLI_USAGE", "--nonce is not hexadecimal", { cause });
  }
}
