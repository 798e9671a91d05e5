import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { parseEntryId } from "@tallystick/statement";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { writeWhole } from "../file.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";
import { parseSeconds } from "../whole.js";
import { TIMEOUT_SECONDS, printRegistered, waiting } from "./register.js";

interface ReceiptOptions extends AccessOptions, SeenOptions {
  readonly service: string;
  readonly out: string;
  readonly timeout: number;
}

export function addReceipt(program: Command, session: Session): void {
  const command = program
    .command("receipt")
    .description("fetch a fresh receipt of an entry")
    .argument("<entryid>", "64 lower-case hexadecimal digits", requireEntryId)
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--out <file.receipt>", "receipt to write")
    .option("--timeout <s>", "longest time to wait for the service", parseSeconds, TIMEOUT_SECONDS)
    .option("--trust <trust.json>", "pinned keys that the receipt has to hold under");
  withAccess(withSeen(command)).action(async (entryId: string, options: ReceiptOptions) => {
    const { service, out, timeout } = options;
    const watch = await Watch.open(options);
    const client = await openClient(service, options, waiting(timeout, watch.trust));
    const registered = await client.receipt(entryId);
    await watch.follow(client, session, (follower) => follower.take(registered.inclusion));
    await writeWhole(out, registered.receipt);
    printRegistered(registered, session.output);
    session.output.note(`wrote ${out}`);
  });
}

function requireEntryId(text: string): string {
  if (parseEntryId(text) !== undefined) return text;
  throw new InvalidArgumentError("want 64 lower-case hexadecimal digits.");
}
