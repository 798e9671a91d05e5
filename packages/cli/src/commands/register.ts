import type { Command } from "commander";
import { ServiceClient } from "@tallystick/client";
import type { Registered } from "@tallystick/client";
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
      await writeWhole(out, withReceipt(SignedStatement.decode(bytes), registered.receipt));
      printRegistered(registered, session.output);
      session.output.note(`wrote ${out}`);
    });
}

/** Prints what a script wants to know of a registration. */
export function printRegistered({ entryId, inclusion }: Registered, output: Output): void {
  output.print(`entryId: ${entryId}`);
  if (inclusion.index !== undefined) output.print(`index: ${inclusion.index}`);
  if (inclusion.size !== undefined) output.print(`size: ${inclusion.size}`);
}

// Receipts of other services stay; one of the same log is replaced by the newer one.
function withReceipt(statement: SignedStatement, receipt: Uint8Array): Uint8Array {
  const log = logOf(receipt);
  const others = statement.receipts.filter((other) => logOf(other) !== log);
  return attachReceipts(statement, [...others, receipt]);
}

function logOf(bytes: Uint8Array): string | undefined {
  try {
    const { issuer, subject } = Receipt.decode(bytes);
    return JSON.stringify([issuer, subject]);
  } catch (error) {
    if (error instanceof ReceiptError) return undefined;
    throw error;
  }
}
