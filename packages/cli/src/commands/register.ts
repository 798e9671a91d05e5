import type { Command } from "commander";
import { ServiceClient } from "@tallystick/client";
import type { Registered } from "@tallystick/client";
import { encodeHex } from "@tallystick/cose";
import { Receipt, ReceiptError } from "@tallystick/receipt";
import { SignedStatement, attachReceipts } from "@tallystick/statement";

import { readWhole, writeWhole } from "../file.js";
import type { Output } from "../output.js";
import type { Session } from "../session.js";

interface RegisterOptions {
  readonly service: string;
  readonly out: string;
}

export function addRegister(program: Command, session: Session): void {
  program
    .command("register")
    .description("register a signed statement and write it with its receipt")
    .argument("<file.scitt>", "signed statement")
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--out <file.transparent.scitt>", "transparent statement to write")
    .action(async (file: string, { service, out }: RegisterOptions) => {
      const client = new ServiceClient(service);
      const bytes = await readWhole(file);
      const registered = await client.register(bytes);
      const statement = SignedStatement.decode(bytes);
      const others = receiptsBeside(registered, statement);
      await writeWhole(out, attachReceipts(statement, [...others, registered.receipt]));
      printRegistered(registered, session.output);
      if (others.length < statement.receipts.length) {
        const { issuer = "", subject = "" } = registered.inclusion.receipt;
        session.output.note(`replaced the older receipt of ${issuer}, log ${subject}`);
      }
      session.output.note(`wrote ${out}`);
    });
}

/** Prints what a script wants to know of a registration. */
export function printRegistered({ entryId, inclusion }: Registered, output: Output): void {
  output.print(`entryId: ${entryId}`);
  if (inclusion.index !== undefined) output.print(`index: ${inclusion.index}`);
  if (inclusion.size !== undefined) output.print(`size: ${inclusion.size}`);
}

// A receipt of the same log by the same key gives way to the newer one. Names alone do not tell two
// services apart, so a receipt by another key stays.
function receiptsBeside(
  { inclusion }: Registered,
  { receipts }: SignedStatement,
): readonly Uint8Array[] {
  const source = sourceOf(inclusion.receipt);
  return receipts.filter((bytes) => {
    try {
      return sourceOf(Receipt.decode(bytes)) !== source;
    } catch (error) {
      if (error instanceof ReceiptError) return true;
      throw error;
    }
  });
}

function sourceOf({ issuer, subject, kid }: Receipt): string {
  return JSON.stringify([issuer, subject, kid && encodeHex(kid)]);
}
