import type { Command } from "commander";
import type { Registered, ServiceClient } from "@tallystick/client";
import { encodeHex } from "@tallystick/cose";
import { Receipt, ReceiptError } from "@tallystick/receipt";
import { SignedStatement, attachReceipts } from "@tallystick/statement";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { EXIT } from "../exit.js";
import { readWhole, writeWhole } from "../file.js";
import { doAll, isFolder, piecesOf } from "../folder.js";
import type { Piece, Refused } from "../folder.js";
import type { Output } from "../output.js";
import { Progress } from "../progress.js";
import type { Session } from "../session.js";

interface RegisterOptions extends AccessOptions {
  readonly service: string;
  readonly out: string;
  readonly quiet?: true;
}

export function addRegister(program: Command, session: Session): void {
  const command = program
    .command("register")
    .description("register signed statements and write them with their receipts")
    .argument("<file.scitt>", "signed statement, or a folder with *.scitt")
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--out <file.transparent.scitt>", "transparent statement to write, or a folder")
    .option("--quiet", "no progress line")
    .option("--json", "print the result as one JSON object");
  withAccess(command).action(async (file: string, options: RegisterOptions) => {
    const client = await openClient(options.service, options);
    if (await isFolder(file)) await registerFolder(client, { ...options, file }, session);
    else await registerFile(client, { ...options, file }, session);
  });
}

type Order = RegisterOptions & { readonly file: string };

async function registerFile(
  client: ServiceClient,
  { file, out }: Order,
  session: Session,
): Promise<void> {
  const { registered, replaced } = await registerOne(client, file, out);
  const { output } = session;
  if (session.isJson) output.printJson(resultOf(registered));
  else printRegistered(registered, output);
  if (replaced) {
    const { issuer = "", subject = "" } = registered.inclusion.receipt;
    output.note(`replaced the older receipt of ${issuer}, log ${subject}`);
  }
  output.note(`wrote ${out}`);
}

async function registerFolder(
  client: ServiceClient,
  { file, out, quiet }: Order,
  session: Session,
): Promise<void> {
  const { output, isJson } = session;
  const pieces = await piecesOf(file, out);
  const progress = new Progress(output, {
    unit: "statements",
    isQuiet: isJson || quiet === true,
  });
  let refused: readonly Refused[];
  try {
    const act = async ({ from, to }: Piece): Promise<void> => {
      await registerOne(client, from, to);
    };
    refused = await doAll(pieces, act, progress);
  } finally {
    progress.clear();
  }
  if (refused.length > 0) session.exit = EXIT.no;
  const registered = pieces.length - refused.length;
  if (isJson) {
    output.printJson({ registered, refused });
    return;
  }
  output.print(`registered: ${registered}`);
  output.print(`refused: ${refused.length}`);
  for (const one of refused) output.note(`${one.file}: ${one.message}`);
  output.note(`wrote ${registered} files to ${out}`);
}

async function registerOne(
  client: ServiceClient,
  from: string,
  to: string,
): Promise<{ readonly registered: Registered; readonly replaced: boolean }> {
  const bytes = await readWhole(from);
  const registered = await client.register(bytes);
  const statement = SignedStatement.decode(bytes);
  const others = receiptsBeside(registered, statement);
  await writeWhole(to, attachReceipts(statement, [...others, registered.receipt]));
  return { registered, replaced: others.length < statement.receipts.length };
}

function resultOf({ entryId, inclusion }: Registered): Readonly<Record<string, unknown>> {
  return { entryId, index: inclusion.index ?? null, size: inclusion.size ?? null };
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
