import { describe, expect, test } from "@jest/globals";
import { AppraisalError } from "@tallystick/appraisal";
import { CatalogError } from "@tallystick/catalog";
import { ClientError } from "@tallystick/client";
import type { ClientErrorCode } from "@tallystick/client";
import { CoseError } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { LogErrorCode } from "@tallystick/log";
import { MerkleError } from "@tallystick/merkle";
import { MirrorError } from "@tallystick/mirror";
import { PolicyError } from "@tallystick/policy";
import { ReceiptError } from "@tallystick/receipt";
import { ServerError } from "@tallystick/server";
import { StatementError } from "@tallystick/statement";
import { TlogError } from "@tallystick/tlog";
import { VerifierError } from "@tallystick/verifier";
import { WitnessError } from "@tallystick/witness";

import { CliError } from "./error.js";
import type { CliErrorCode } from "./error.js";
import { EXIT, expectedError } from "./exit.js";
import type { ExitCode } from "./exit.js";

const CLI: Readonly<Record<CliErrorCode, ExitCode>> = {
  CLI_USAGE: EXIT.usage,
  CLI_FILE_FAILED: EXIT.failed,
  CLI_FILE_EXISTS: EXIT.failed,
  CLI_FILE_IN_USE: EXIT.failed,
  CLI_KEY_INVALID: EXIT.failed,
  CLI_CHAIN_INVALID: EXIT.failed,
  CLI_DIRECTORY_INVALID: EXIT.failed,
  CLI_DIRECTORY_IN_USE: EXIT.failed,
  CLI_CONTROL_FAILED: EXIT.failed,
  CLI_ENTRY_UNKNOWN: EXIT.no,
  CLI_LISTEN_FAILED: EXIT.failed,
  CLI_OPERATOR_UNKNOWN: EXIT.no,
  CLI_SERVICE_INCONSISTENT: EXIT.no,
  CLI_TLS_INVALID: EXIT.failed,
  CLI_TOKENS_INVALID: EXIT.failed,
  CLI_TRUST_CHANGED: EXIT.no,
  CLI_ROTATION_STEP: 2,
  CLI_SINCE_UNUSABLE: EXIT.no,
  CLI_INTERRUPTED: EXIT.failed,
};

const CLIENT: Readonly<Record<ClientErrorCode, ExitCode>> = {
  CLIENT_URL_INVALID: EXIT.usage,
  CLIENT_STATEMENT_MALFORMED: EXIT.no,
  CLIENT_UNREACHABLE: EXIT.failed,
  CLIENT_TIMEOUT: EXIT.failed,
  CLIENT_REFUSED: EXIT.no,
  CLIENT_UNAVAILABLE: EXIT.failed,
  CLIENT_PROTOCOL: EXIT.failed,
  CLIENT_RECEIPT_INVALID: EXIT.no,
  CLIENT_CHECKPOINT_INVALID: EXIT.no,
  CLIENT_CONTRADICTION: EXIT.no,
  CLIENT_NOT_EXTENDED: EXIT.no,
  CLIENT_EXTENSION_UNKNOWN: EXIT.failed,
  CLIENT_SEEN_INVALID: EXIT.failed,
};

const OTHERS: readonly (readonly [error: Error & { code: string }, exit: ExitCode])[] = [
  [new AppraisalError("APPRAISAL_POLICY_INVALID", "x"), EXIT.failed],
  [new AppraisalError("APPRAISAL_CHAIN_MISSING", "x"), EXIT.usage],
  [new AppraisalError("APPRAISAL_BUNDLE_CONTRADICTION", "x"), EXIT.no],
  [new CatalogError("CATALOG_MALFORMED", "x"), EXIT.no],
  [new CoseError("COSE_CBOR_MALFORMED", "x"), EXIT.no],
  [new MerkleError("MERKLE_ROOT_MISMATCH", "x"), EXIT.no],
  [new MirrorError("MIRROR_STALE", "x"), EXIT.no],
  [new MirrorError("MIRROR_STATE_INVALID", "x"), EXIT.failed],
  [new PolicyError("POLICY_REJECTED", ["x"]), EXIT.no],
  [new ReceiptError("RECEIPT_MALFORMED", "x"), EXIT.no],
  [new ServerError("SERVER_METHOD", "x"), EXIT.failed],
  [new StatementError("STATEMENT_MALFORMED", "x"), EXIT.no],
  [new TlogError("TLOG_KEY_MALFORMED", "x"), EXIT.no],
  [new TlogError("TLOG_POLICY_MALFORMED", "x"), EXIT.failed],
  [new VerifierError("VERIFIER_RECEIPTS_MISSING", "x"), EXIT.no],
  [new WitnessError("WITNESS_STORE_FAILED", "x"), EXIT.failed],
  [new VerifierError("VERIFIER_TRUST_MALFORMED", "x"), EXIT.failed],
  ...(["LOG_NOT_FOUND", "LOG_CORRUPT", "LOG_UNAVAILABLE"] satisfies LogErrorCode[]).map(
    (code) => [new LogError(code, "x"), EXIT.failed] as const,
  ),
];

describe("expectedError", () => {
  test.each(Object.entries(CLI))("%s exits with %d", (code, exit) => {
    const error = new CliError(code as CliErrorCode, "why");
    expect(expectedError(error)).toEqual({ code, message: "why", exit });
  });

  test.each(Object.entries(CLIENT))("%s exits with %d", (code, exit) => {
    const error = new ClientError(code as ClientErrorCode, "why");
    expect(expectedError(error)).toEqual({ code, message: "why", exit });
  });

  test.each(OTHERS.map(([error, exit]) => [error.code, exit, error] as const))(
    "%s exits with %d",
    (code, exit, error) => {
      expect(expectedError(error)).toEqual({ code, message: "x", exit });
    },
  );

  test.each([
    ["a plain error", new Error("x")],
    ["misuse", new TypeError("x")],
    ["an error of the system", Object.assign(new Error("x"), { code: "ENOENT" })],
    ["an error with the name alone", Object.assign(new Error("x"), { name: "CliError" })],
    ["no error", "x"],
  ])("%s is a defect", (_, error) => {
    expect(expectedError(error)).toBeUndefined();
  });
});
