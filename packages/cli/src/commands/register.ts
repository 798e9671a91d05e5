import type { Command } from "commander";
import type { ClientOptions, Registered, ServiceClient } from "@tallystick/client";
import { SignedStatement } from "@tallystick/statement";
import type { TrustStore } from "@tallystick/verifier";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { readWhole, writeWhole } from "../file.js";
import { isFolder, registerFolder } from "../folder.js";
import type { Output } from "../output.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";
import { transparentWith } from "../transparent.js";
import { parseSeconds } from "../whole.js";

/** How long the service is waited for unless told otherwise, in seconds. */
export const TIMEOUT_SECONDS = 60;

interface RegisterOptions extends AccessOptions, SeenOptions {
  readonly service: string;
  readonly out?: string;
  readonly async?: true;
  readonly timeout: number;
  readonly quiet?: true;
}

export function addRegister(program: Command, session: Session): void {
  const command = program
    .command("register")
    .description("register signed statements and write them with their receipts")
    .argument("<file.scitt>", "signed statement, or a folder with *.scitt")
    .requiredOption("--service <url>", "transparency service")
    .option("--out <file.transparent.scitt>", "transparent statement to write, or folder for them")
    .option("--async", "hand it in, print where its receipt will be, and wait for nothing")
    .option("--timeout <s>", "longest time to wait for the service", parseSeconds, TIMEOUT_SECONDS)
    .option("--trust <trust.json>", "pinned keys that receipts have to hold under")
    .option("--quiet", "no progress line")
    .option("--json", "print the result as one JSON object");
  withAccess(withSeen(command)).action(async (file: string, options: RegisterOptions) => {
    const { service, out, timeout } = options;
    if (out === undefined && options.async === undefined) {
      command.error("error: required option '--out <file.transparent.scitt>' not specified");
    }
    if (options.async === true && options.seen !== undefined) {
      throw new CliError("CLI_USAGE", "--async has no receipt for --seen");
    }
    if (out !== undefined && options.async === true) {
      throw new CliError("CLI_USAGE", "--async and --out do not go together");
    }
    const watch = await Watch.open(options);
    const client = await openClient(service, options, waiting(timeout, watch.trust));
    if (out === undefined) await submitFile(file, client, session);
    else if (await isFolder(file)) {
      const isQuiet = options.quiet === true;
      const trees = await registerFolder(file, { client, out, session, isQuiet });
      await watch.follow(client, session, async (follower) => {
        for (const inclusion of trees) await follower.take(inclusion);
        return follower.newest();
      });
    } else await registerFile(file, { client, out, session, watch });
  });
}

/** Yields how a client waits that is given so many seconds, and the keys that it goes by. */
export function waiting(timeoutSeconds: number, trust?: TrustStore): ClientOptions {
  const pinned = trust === undefined ? {} : { trust };
  return { patienceMs: timeoutSeconds * 1000, maxRetries: Infinity, ...pinned };
}

interface Registering {
  readonly client: ServiceClient;
  readonly out: string;
  readonly session: Session;
  readonly watch: Watch;
}

async function registerFile(
  file: string,
  { client, out, session, watch }: Registering,
): Promise<void> {
  const bytes = await readWhole(file);
  const registered = await client.register(bytes);
  await watch.follow(client, session, (follower) => follower.take(registered.inclusion));
  const statement = SignedStatement.decode(bytes, { isSubjectOptional: true });
  const { transparent, isReplaced } = transparentWith(statement, registered);
  await writeWhole(out, transparent);
  const { output } = session;
  if (session.isJson) output.printJson(resultOf(registered));
  else printRegistered(registered, output);
  if (isReplaced) {
    const { issuer = "", subject = "" } = registered.inclusion.receipt;
    output.note(`replaced the older receipt of ${issuer}, log ${subject}`);
  }
  output.note(`wrote ${out}`);
}

async function submitFile(file: string, client: ServiceClient, session: Session): Promise<void> {
  const { entryId, location } = await client.submit(await readWhole(file));
  const { output, isJson } = session;
  if (isJson) {
    output.printJson({ entryId, location });
    return;
  }
  output.print(`entryId: ${entryId}`);
  output.print(`location: ${location}`);
}

function resultOf({ entryId, inclusion }: Registered): Readonly<Record<string, unknown>> {
  return { entryId, index: inclusion.index ?? null, size: inclusion.size ?? null };
}

/** Prints what a script wants to know of a registration. */
export function printRegistered(
  { entryId, inclusion }: Pick<Registered, "entryId" | "inclusion">,
  output: Output,
): void {
  output.print(`entryId: ${entryId}`);
  if (inclusion.index !== undefined) output.print(`index: ${inclusion.index}`);
  if (inclusion.size !== undefined) output.print(`size: ${inclusion.size}`);
}
