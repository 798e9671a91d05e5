import type { Command } from "commander";
import { ServiceClient } from "@tallystick/client";
import type { Registered } from "@tallystick/client";
import { SignedStatement } from "@tallystick/statement";

import { CliError } from "../error.js";
import { readWhole, writeWhole } from "../file.js";
import { isFolder, registerFolder } from "../folder.js";
import type { Output } from "../output.js";
import type { Session } from "../session.js";
import { transparentWith } from "../transparent.js";
import { parseSeconds } from "../whole.js";

/** How long the service is waited for unless told otherwise, in seconds. */
export const TIMEOUT_SECONDS = 60;

interface RegisterOptions {
  readonly service: string;
  readonly out?: string;
  readonly async?: true;
  readonly timeout: number;
}

export function addRegister(program: Command, session: Session): void {
  const command = program
    .command("register")
    .description("register signed statements and write them with their receipts")
    .argument("<file.scitt>", "signed statement, or a folder of them")
    .requiredOption("--service <url>", "transparency service")
    .option("--out <file.transparent.scitt>", "transparent statement to write, or folder for them")
    .option("--async", "hand it in, print where its receipt will be, and wait for nothing")
    .option("--timeout <s>", "longest time to wait for the service", parseSeconds, TIMEOUT_SECONDS);
  command.action(async (file: string, options: RegisterOptions) => {
    const { service, out, timeout } = options;
    if (out === undefined && options.async === undefined) {
      command.error("error: required option '--out <file.transparent.scitt>' not specified");
    }
    const client = clientOf(service, timeout);
    if (out === undefined) await submitFile(file, client, session);
    else if (options.async === true) {
      throw new CliError("CLI_USAGE", "--async and --out do not go together");
    } else if (await isFolder(file)) await registerFolder(file, { client, out, session });
    else await registerFile(file, { client, out, output: session.output });
  });
}

/** Makes a client that waits as long as it is told to. */
export function clientOf(service: string, timeoutSeconds: number): ServiceClient {
  const patienceMs = timeoutSeconds * 1000;
  return new ServiceClient(service, { patienceMs, maxRetries: Infinity });
}

interface Registering {
  readonly client: ServiceClient;
  readonly out: string;
  readonly output: Output;
}

async function registerFile(file: string, { client, out, output }: Registering): Promise<void> {
  const bytes = await readWhole(file);
  const registered = await client.register(bytes);
  const { transparent, isReplaced } = transparentWith(SignedStatement.decode(bytes), registered);
  await writeWhole(out, transparent);
  printRegistered(registered, output);
  if (isReplaced) {
    const { issuer = "", subject = "" } = registered.inclusion.receipt;
    output.note(`replaced the older receipt of ${issuer}, log ${subject}`);
  }
  output.note(`wrote ${out}`);
}

async function submitFile(file: string, client: ServiceClient, session: Session): Promise<void> {
  const { entryId, location } = await client.submit(await readWhole(file));
  session.output.print(`entryId: ${entryId}`);
  session.output.print(`location: ${location}`);
}

/** Prints what a script wants to know of a registration. */
export function printRegistered({ entryId, inclusion }: Registered, output: Output): void {
  output.print(`entryId: ${entryId}`);
  if (inclusion.index !== undefined) output.print(`index: ${inclusion.index}`);
  if (inclusion.size !== undefined) output.print(`size: ${inclusion.size}`);
}
