import type { AppraisalErrorCode } from "@tallystick/appraisal";
import type { AuditorErrorCode } from "@tallystick/auditor";
import type { CatalogErrorCode } from "@tallystick/catalog";
import type { ClientErrorCode } from "@tallystick/client";
import type { ContentErrorCode } from "@tallystick/content";
import type { CoseErrorCode } from "@tallystick/cose";
import type { EvidenceErrorCode } from "@tallystick/evidence";
import type { LogErrorCode } from "@tallystick/log";
import type { MerkleErrorCode } from "@tallystick/merkle";
import type { MirrorErrorCode } from "@tallystick/mirror";
import type { PolicyErrorCode } from "@tallystick/policy";
import type { ReceiptErrorCode } from "@tallystick/receipt";
import type { ServerErrorCode } from "@tallystick/server";
import type { StatementErrorCode } from "@tallystick/statement";
import type { TlogErrorCode } from "@tallystick/tlog";
import type { VerifierErrorCode } from "@tallystick/verifier";
import type { WitnessErrorCode } from "@tallystick/witness";

import type { CliErrorCode } from "./error.js";
import { oneLine } from "./output.js";

/** Exit codes of every command; `fatal` is `EX_SOFTWARE` of sysexits, for a log that has stopped. */
export const EXIT = { yes: 0, no: 1, failed: 2, usage: 3, fatal: 70 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface CodesByClass {
  readonly AppraisalError: AppraisalErrorCode;
  readonly AuditorError: AuditorErrorCode;
  readonly CatalogError: CatalogErrorCode;
  readonly CliError: CliErrorCode;
  readonly ClientError: ClientErrorCode;
  readonly ContentError: ContentErrorCode;
  readonly CoseError: CoseErrorCode;
  readonly EvidenceError: EvidenceErrorCode;
  readonly LogError: LogErrorCode;
  readonly MerkleError: MerkleErrorCode;
  readonly MirrorError: MirrorErrorCode;
  readonly PolicyError: PolicyErrorCode;
  readonly ReceiptError: ReceiptErrorCode;
  readonly ServerError: ServerErrorCode;
  readonly StatementError: StatementErrorCode;
  readonly TlogError: TlogErrorCode;
  readonly VerifierError: VerifierErrorCode;
  readonly WitnessError: WitnessErrorCode;
}

type Row<Code extends string> = { readonly otherwise: ExitCode } & Readonly<
  Partial<Record<Code, ExitCode>>
>;

// Every error class of the repository: what its codes mean for a script. Classes are told by name,
// so that no package is loaded to look an error up.
const EXITS: { readonly [Class in keyof CodesByClass]: Row<CodesByClass[Class]> } = {
  AppraisalError: {
    otherwise: EXIT.failed,
    APPRAISAL_BUNDLE_CONTRADICTION: EXIT.no,
    APPRAISAL_CHAIN_MISSING: EXIT.usage,
  },
  AuditorError: { otherwise: EXIT.no, AUDITOR_STATE_INVALID: EXIT.failed },
  CatalogError: { otherwise: EXIT.no },
  CliError: {
    otherwise: EXIT.failed,
    CLI_USAGE: EXIT.usage,
    CLI_ENTRY_UNKNOWN: EXIT.no,
    CLI_OPERATOR_UNKNOWN: EXIT.no,
    CLI_SERVICE_INCONSISTENT: EXIT.no,
    CLI_TRUST_CHANGED: EXIT.no,
    CLI_SINCE_UNUSABLE: EXIT.no,
  },
  ClientError: {
    otherwise: EXIT.failed,
    CLIENT_URL_INVALID: EXIT.usage,
    CLIENT_STATEMENT_MALFORMED: EXIT.no,
    CLIENT_REFUSED: EXIT.no,
    CLIENT_RECEIPT_INVALID: EXIT.no,
    CLIENT_CHECKPOINT_INVALID: EXIT.no,
    CLIENT_CONTRADICTION: EXIT.no,
    CLIENT_NOT_EXTENDED: EXIT.no,
  },
  ContentError: { otherwise: EXIT.no },
  CoseError: { otherwise: EXIT.no },
  EvidenceError: { otherwise: EXIT.failed },
  LogError: { otherwise: EXIT.failed },
  MerkleError: { otherwise: EXIT.no },
  MirrorError: { otherwise: EXIT.no, MIRROR_STATE_INVALID: EXIT.failed },
  PolicyError: { otherwise: EXIT.no },
  ReceiptError: { otherwise: EXIT.no },
  ServerError: { otherwise: EXIT.failed },
  StatementError: { otherwise: EXIT.no },
  TlogError: { otherwise: EXIT.no, TLOG_POLICY_MALFORMED: EXIT.failed },
  VerifierError: { otherwise: EXIT.no, VERIFIER_TRUST_MALFORMED: EXIT.failed },
  WitnessError: { otherwise: EXIT.failed },
};

/** An error that a command expects. */
export interface ExpectedError {
  readonly code: string;
  readonly message: string;
  readonly exit: ExitCode;
}

/** Yields what an error means, `undefined` for a defect. */
export function expectedError(error: unknown): ExpectedError | undefined {
  if (!(error instanceof Error) || !Object.hasOwn(EXITS, error.name)) return undefined;
  if (!("code" in error) || typeof error.code !== "string") return undefined;
  const row: Readonly<Record<string, ExitCode>> = EXITS[error.name as keyof CodesByClass];
  const { code, message } = error;
  return { code, message, exit: row[code] ?? row["otherwise"] ?? EXIT.failed };
}

/** The code under which a defect is told; no error carries it. */
export const DEFECT = "CLI_DEFECT";

/**
 * Yields what is said of an error, in the one form in which people and scripts find its code:
 * `CODE: message` on one line, on which docs/errors.md has more. A defect comes with its stack, on lines
 * of its own; `during` says what failed where the message alone would not.
 */
export function describeError(error: unknown, during = ""): string {
  const about = during === "" ? "" : `${during}: `;
  const expected = expectedError(error);
  // A message quotes services and files of others.
  if (expected !== undefined) return oneLine(`${expected.code}: ${about}${expected.message}`);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${DEFECT}: ${about}defect, please report it: ${stack}`;
}
