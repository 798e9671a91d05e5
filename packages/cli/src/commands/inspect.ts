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
    .option("--json", "print notation and summary as one JSON object")
    .action(async (file: string) => {
      const bytes = file === "-" ? await readStdin() : await readWhole(file);
      const notation = notationOf(bytes, file === "-" ? "standard input" : file);
      const summary = summaryOf(bytes);
      const text = notation.replace(/\n+$/, "");
      if (session.isJson) {
        session.output.printJson({ notation: text, verified: false, ...summary?.members });
        return;
      }
      session.output.printText(text);
      if (summary !== undefined) session.output.note(summary.line);
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

/** What a file seems to be, which nobody has verified. */
interface Summary {
  readonly line: string;
  /** The same, as members of a JSON answer. */
  readonly members: Readonly<Record<string, unknown>>;
}

function summaryOf(bytes: Uint8Array): Summary | undefined {
  return (
    // Receipts first: they have the headers of a statement, too.
    attempt(() => describeReceipt(Receipt.decode(bytes))) ??
    attempt(() => describeStatement(SignedStatement.decode(bytes, { isSubjectOptional: true }))) ??
    attempt(() => describeSign1(protectedAlgorithm(decodeSign1(bytes)).name))
  );
}

function describeSign1(algorithm: string): Summary {
  const members = { kind: "COSE_Sign1", algorithm };
  return { line: `COSE_Sign1, ${algorithm}, not verified`, members };
}

function describeStatement(statement: SignedStatement): Summary {
  const { algorithm, claims, contentType, hashEnvelope, receipts, entryId } = statement;
  const type = hashEnvelope?.preimageContentType ?? contentType ?? "no content type";
  const what = hashEnvelope === undefined ? `${type}` : `${hashEnvelope.hash.name} of ${type}`;
  const kind = receipts.length === 0 ? "signed statement" : "transparent statement";
  const count = receipts.length === 0 ? "" : `, receipts ${receipts.length}`;
  const { issuer, subject } = claims;
  const line = `COSE_Sign1, ${algorithm.name}, ${kind} of ${issuer} about ${subject ?? "no subject"}, ${what}, entry ${entryId}${count}, not verified`;
  const named = { kind, algorithm: algorithm.name, issuer, subject, entryId };
  const media = hashEnvelope === undefined ? contentType : hashEnvelope.preimageContentType;
  return { line, members: { ...named, contentType: media, receiptCount: receipts.length } };
}

function describeReceipt(receipt: Receipt): Summary {
  const { algorithm, kind, issuer, subject, signedSize, kid } = receipt;
  const from = issuer === undefined ? "" : ` of ${issuer}`;
  const log = subject === undefined ? "" : `, log ${subject}`;
  const size = signedSize === undefined ? "" : `, tree size ${signedSize}`;
  // Any other kid is what its issuer calls the key, and stands in the notation.
  const thumbprint = kid?.length === THUMBPRINT_BYTES ? formatThumbprint(kid) : undefined;
  const key = thumbprint === undefined ? "" : `, thumbprint ${thumbprint}`;
  const named = { kind: `receipt of ${kind}`, algorithm: algorithm.name, issuer };
  return {
    line: `COSE_Sign1, ${algorithm.name}, receipt of ${kind}${from}${log}${size}${key}, not verified`,
    members: { ...named, origin: subject, size: signedSize, thumbprint },
  };
}

function attempt(describe: () => Summary): Summary | undefined {
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
