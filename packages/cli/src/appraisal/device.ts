import { CoseError, decodeHex } from "@tallystick/cose";
import {
  decodeEvidence,
  EvidenceError,
  readCertificates,
  VerifiedEvidence,
  type Evidence,
} from "@tallystick/evidence";

import { CliError } from "../error.js";
import { readBounded } from "./bounded.js";
import type { EvidencePolicy } from "./evidence-policy.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";

/** Of evidence, and of certificates beside it. */
const MAX_BYTES = 1_048_576;

/** What names evidence on the command line. */
export interface EvidenceOptions {
  readonly evidence: string;
  readonly chain?: string;
  readonly nonce?: string;
}

/** Evidence of a device, and whether anybody vouches for it. */
export interface DeviceEvidence {
  readonly evidence: Evidence;
  /** `undefined` where nobody signed, or it does not hold. */
  readonly verified: VerifiedEvidence | undefined;
  /** Why it is not verified. */
  readonly fault: EvidenceError | undefined;
}

/**
 * Reads evidence and verifies it as of `time`, in seconds since the epoch.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, `CLI_APPRAISAL_INVALID`
 * @throws {@link EvidenceError} `EVIDENCE_TOO_LARGE`, `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export async function readDevice(
  options: EvidenceOptions,
  { evidence: accepted }: AppraisalPolicy,
  time: number,
): Promise<DeviceEvidence> {
  if (accepted === undefined) {
    throw new CliError("CLI_APPRAISAL_INVALID", "the policy says nothing of evidence");
  }
  const nonce = options.nonce === undefined ? undefined : nonceOf(options.nonce);
  const evidence = decodeEvidence(await readBounded(options.evidence, MAX_BYTES), {
    device: accepted.device,
  });
  if (evidence.form === "spdm" && options.chain === undefined) {
    throw new CliError("CLI_USAGE", "an SPDM transcript needs --chain, the device's certificates");
  }
  const chain =
    options.chain === undefined
      ? undefined
      : readCertificates(await readBounded(options.chain, MAX_BYTES));
  try {
    const verified = await VerifiedEvidence.verify(evidence, {
      ...{ anchors: accepted.anchors, time, chain, nonce },
    });
    return { evidence, verified, fault: undefined };
  } catch (fault) {
    if (!(fault instanceof EvidenceError) || fault.code === "EVIDENCE_UNSUPPORTED") throw fault;
    return { evidence, verified: undefined, fault };
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

/** Yields whether anything that evidence says may count. */
export function isCredible({ fault }: DeviceEvidence, { allowsUnsigned }: EvidencePolicy): boolean {
  return fault === undefined || (allowsUnsigned && fault.code === "EVIDENCE_UNSIGNED");
}

/** Yields what evidence comes to by itself: who vouches for it, when it was made, and its state. */
export function deviceReasons(device: DeviceEvidence, accepted: EvidencePolicy): readonly Reason[] {
  const { evidence, verified, fault } = device;
  const reason = (decision: Reason["decision"], rule: string, value: string): Reason => ({
    ...{ decision, rule, statement: undefined, value },
  });
  if (!isCredible(device, accepted)) {
    return [reason("deny", "evidence", `${fault?.code ?? ""}: ${fault?.message ?? ""}`)];
  }
  const vouched =
    verified === undefined
      ? "it is signed by nobody, which the policy allows"
      : `signed by ${verified.path.leaf.label}, under ${verified.path.anchor.label}`;
  const isFresh = verified?.isFresh === true;
  const fresh = isFresh
    ? reason("allow", "fresh", "it answers the challenge")
    : reason(
        accepted.allowsStale ? "allow" : "manual",
        "fresh",
        `it answers no challenge that was named, and may be old${accepted.allowsStale ? ", which the policy allows" : ""}`,
      );
  const states = evidence.concerns.map((concern) =>
    accepted.allowsDebug
      ? reason("allow", "state", `${concern}, which the policy allows`)
      : reason("deny", "state", concern),
  );
  // Whoever relays the question chooses it, and could leave out what tells of debugging.
  const isPart = evidence.proof.form === "spdm" && !evidence.proof.transcript.isWhole;
  const parts = isPart ? [reason("deny", "whole", "not all measurements were asked for")] : [];
  return [reason("allow", "evidence", vouched), fresh, ...parts, ...states];
}
