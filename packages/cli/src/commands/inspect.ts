import type { Command } from "commander";
import {
  CoseError,
  decodeSign1,
  formatDiagnostic,
  formatThumbprint,
  protectedAlgorithm,
} from "@tallystick/cose";
import { Receipt, ReceiptError } from "@tallystick/receipt";
import { SignedStatement, StatementError } from "@tallystick/statement";

import { readStdin, readWhole } from "../file.js";
import type { Session } from "../session.js";

/** Bytes of a SHA-256 thumbprint. */
const THUMBPRINT_BYTES = 32;

export function addInspect(program: Command, session: Session): void {
  program
    .command("inspect")
    .description("show any COSE or CBOR file in diagnostic notation; verifies nothing")
    .argument("<file>", "the file, - for standard input")
    .action(async (file: string) => {
      const bytes = file === "-" ? await readStdin() : await readWhole(file);
      const notation = notationOf(bytes, file === "-" ? "standard input" : file);
      const summary = summaryOf(bytes);
      session.output.printText(notation.replace(/\n+$/, ""));
      if (summary !== undefined) session.output.note(summary);
    });
}

function notationOf(bytes: Uint8Array, name: string): string {
  try {
    return formatDiagnostic(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    const what = cause.code === "COSE_CBOR_MALFORMED" ? "not CBOR: " : "";
    throw new CoseError(cause.code, `${name}: ${what}${cause.message}`, { cause });
  }
}

function summaryOf(bytes: Uint8Array): string | undefined {
  return (
    // Receipts first: they have the headers of a statement, too.
    attempt(() => describeReceipt(Receipt.decode(bytes))) ??
    attempt(() => describeStatement(SignedStatement.decode(bytes, { isSubjectOptional: true }))) ??
    attempt(() => `COSE_Sign1, ${protectedAlgorithm(decodeSign1(bytes)).name}, not verified`)
  );
}

function describeStatement(statement: SignedStatement): string {
  const { algorithm, claims, contentType, hashEnvelope, receipts, entryId } = statement;
  const type = hashEnvelope?.preimageContentType ?? contentType ?? "no content type";
  const what = hashEnvelope === undefined ? `${type}` : `${hashEnvelope.hash.name} of ${type}`;
  const kind = receipts.length === 0 ? "signed statement" : "transparent statement";
  const count = receipts.length === 0 ? "" : `, receipts ${receipts.length}`;
  return `COSE_Sign1, ${algorithm.name}, ${kind} of ${claims.issuer} about ${claims.subject ?? "no subject"}, ${what}, entry ${entryId}${count}, not verified`;
}

function describeReceipt(receipt: Receipt): string {
  const { algorithm, kind, issuer, subject, signedSize, kid } = receipt;
  const from = issuer === undefined ? "" : ` of ${issuer}`;
  const log = subject === undefined ? "" : `, log ${subject}`;
  const size = signedSize === undefined ? "" : `, tree size ${signedSize}`;
  // Any other kid is what its issuer calls the key, and stands in the notation.
  const key = kid?.length === THUMBPRINT_BYTES ? `, thumbprint ${formatThumbprint(kid)}` : "";
  return `COSE_Sign1, ${algorithm.name}, receipt of ${kind}${from}${log}${size}${key}, not verified`;
}

function attempt(describe: () => string): string | undefined {
  try {
    return describe();
  } catch (error) {
    const isRefusal =
      error instanceof CoseError ||
      error instanceof ReceiptError ||
      error instanceof StatementError;
    if (isRefusal) return undefined;
    throw error;
  }
}
