import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { parseEntryId } from "@tallystick/statement";

import { openClient, readAccess, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { writeWhole } from "../file.js";
import { addressSource, folderSource, isAddress } from "../read-source.js";
import type { ReadSource } from "../read-source.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";
import { receiptFromTiles } from "../tile-receipt.js";
import { readTrust } from "../trustfile.js";
import { parseSeconds, parseWhole } from "../whole.js";
import { TIMEOUT_SECONDS, printRegistered, waiting } from "./register.js";

interface ReceiptOptions extends AccessOptions, SeenOptions {
  readonly service?: string;
  readonly out: string;
  readonly timeout: number;
  readonly fromTiles?: string;
  readonly index?: number;
  readonly size?: number;
}

export function addReceipt(program: Command, session: Session): void {
  const command = program
    .command("receipt")
    .description("fetch a fresh receipt of an entry, or assemble one from tiles")
    .argument("<entryid>", "64 lower-case hexadecimal digits", requireEntryId)
    .option("--service <url>", "transparency service")
    .option("--from-tiles <url|dir>", "a service, or its export, to assemble the receipt from")
    .option("--trust <trust.json>", "pinned keys that the receipt has to hold under")
    .option("--index <n>", "where the entry stands; else it is looked for from 0 on", parseWhole)
    .option(
      "--size <n>",
      "tree size of the checkpoint, else the newest; with --from-tiles",
      parseWhole,
    )
    .requiredOption("--out <file.receipt>", "receipt to write")
    .option("--timeout <s>", "longest time to wait for the service", parseSeconds, TIMEOUT_SECONDS);
  withAccess(withSeen(command)).action(async (entryId: string, options: ReceiptOptions) => {
    const { fromTiles } = options;
    if (fromTiles === undefined) await fetchReceipt(entryId, options, session);
    else await assemble(entryId, { ...options, fromTiles }, session);
  });
}

async function fetchReceipt(
  entryId: string,
  options: ReceiptOptions,
  session: Session,
): Promise<void> {
  const { service, out, timeout, index, size } = options;
  if (service === undefined) throw new CliError("CLI_USAGE", "want --service or --from-tiles");
  if (index !== undefined || size !== undefined) {
    throw new CliError("CLI_USAGE", "--index and --size go with --from-tiles");
  }
  const watch = await Watch.open(options);
  const client = await openClient(service, options, waiting(timeout, watch.trust));
  const registered = await client.receipt(entryId);
  await watch.follow(client, session, (follower) => follower.take(registered.inclusion));
  await writeWhole(out, registered.receipt);
  printRegistered(registered, session.output);
  session.output.note(`wrote ${out}`);
}

async function assemble(
  entryId: string,
  options: ReceiptOptions & { readonly fromTiles: string },
  { output }: Session,
): Promise<void> {
  const { fromTiles, service, trust, out, index, size } = options;
  if (service !== undefined) throw new CliError("CLI_USAGE", "--service or --from-tiles, not both");
  if (trust === undefined) throw new CliError("CLI_USAGE", "--from-tiles wants --trust");
  if (options.seen !== undefined) throw new CliError("CLI_USAGE", "--seen goes with --service");
  const made = await receiptFromTiles(await sourceOf(fromTiles, options), {
    ...{ trust: await readTrust(trust), entry: parseEntryId(entryId) ?? new Uint8Array() },
    ...(index !== undefined && { index }),
    ...(size !== undefined && { size }),
  });
  await writeWhole(out, made.receipt);
  output.print(`entryId: ${entryId}`);
  output.print(`index: ${made.index}`);
  output.print(`size: ${made.size}`);
  output.note(`wrote ${out}`);
}

async function sourceOf(text: string, options: ReceiptOptions): Promise<ReadSource> {
  if (isAddress(text)) {
    const access = await readAccess(text, options);
    return addressSource(text, { ...access, timeoutMs: options.timeout * 1000 });
  }
  refuseAccess(options);
  return folderSource(text);
}

function requireEntryId(text: string): string {
  if (parseEntryId(text) !== undefined) return text;
  throw new InvalidArgumentError("want 64 lower-case hexadecimal digits.");
}
