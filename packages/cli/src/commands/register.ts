import type { Command } from "commander";
import type { ClientOptions, ServiceClient } from "@tallystick/client";
import { SignedStatement } from "@tallystick/statement";
import type { TrustStore } from "@tallystick/verifier";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { readWhole } from "../file.js";
import { isFolder, registerFolder } from "../folder.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import { writeProduct } from "../product.js";
import type { Session } from "../session.js";
import { signFile, signingOf, withSigning } from "../signing.js";
import type { SigningOptions } from "../signing.js";
import { transparentWith } from "../transparent.js";
import { parseSeconds } from "../whole.js";

/** How long the service is waited for unless told otherwise, in seconds. */
export const TIMEOUT_SECONDS = 60;

interface RegisterOptions extends AccessOptions, SeenOptions, SigningOptions {
  readonly service: string;
  readonly out?: string;
  readonly async?: true;
  readonly timeout: number;
  readonly quiet?: true;
}

export function addRegister(program: Command, session: Session): void {
  const command = program
    .command("register")
    .description("register statements, signing them first with --key; writes them with receipts")
    .argument("<file>", "signed statement, a folder with *.scitt, or with --key what to sign")
    .requiredOption("--service <url>", "transparency service")
    .option("--out <file.transparent.scitt>", "transparent statement to write, or folder for them")
    .option("--async", "hand it in, print where its receipt will be, and wait for nothing")
    .option("--timeout <s>", "longest time to wait for the service", parseSeconds, TIMEOUT_SECONDS)
    .option("--trust <trust.json>", "pinned keys that receipts have to hold under")
    .option("--quiet", "no progress line")
    .option("--json", "print the result as one JSON object");
  withAccess(withSeen(withSigning(command, false))).action(
    async (file: string, options: RegisterOptions) => {
      const { service, out, timeout } = options;
      if (out === undefined && options.async === undefined) {
        command.error("required option '--out <file.transparent.scitt>' not specified");
      }
      const signing = signingOf(options);
      const isMany = await isFolder(file);
      if (isMany && (signing !== undefined || out === undefined)) {
        const which = signing === undefined ? "--async" : "--key";
        throw new CliError("CLI_USAGE", `${which} is for one file, and ${file} is a folder`);
      }
      if (options.async === true && options.seen !== undefined) {
        throw new CliError("CLI_USAGE", "--async has no receipt for --seen");
      }
      if (out !== undefined && options.async === true) {
        throw new CliError("CLI_USAGE", "--async and --out do not go together");
      }
      const watch = await Watch.open(options);
      const client = await openClient(service, options, waiting(timeout, watch.trust));
      const read = (): Promise<Uint8Array> =>
        signing === undefined ? readWhole(file) : signFile(file, signing, session.now());
      if (out === undefined) await submit(await read(), client, session);
      else if (isMany) {
        const isQuiet = options.quiet === true;
        const trees = await registerFolder(file, { client, out, session, isQuiet });
        await watch.follow(client, session, async (follower) => {
          for (const inclusion of trees) await follower.take(inclusion);
          return follower.newest();
        });
      } else {
        await register(await read(), { client, out, session, watch });
        if (!session.isJson) session.output.note(adviceOn(file, options));
      }
    },
  );
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

async function register(
  bytes: Uint8Array,
  { client, out, session, watch }: Registering,
): Promise<void> {
  const registered = await client.register(bytes);
  await watch.follow(client, session, (follower) => follower.take(registered.inclusion));
  const statement = SignedStatement.decode(bytes, { isSubjectOptional: true });
  const { transparent, isReplaced } = transparentWith(statement, registered);
  await writeProduct(out, transparent, session);
  tellRegistered(registered, out, session);
  if (isReplaced) {
    const { issuer = "", subject = "" } = registered.inclusion.receipt;
    session.output.note(`replaced the older receipt of ${issuer}, log ${subject}`);
  }
}

/** Yields how the statement that was written is verified. */
function adviceOn(file: string, options: RegisterOptions): string {
  const { out = "", trust = "TRUST", key } = options;
  const payload = key === undefined ? "" : ` --payload ${file}`;
  return `verify it with: tally verify ${out} --trust ${trust}${payload}`;
}

async function submit(bytes: Uint8Array, client: ServiceClient, session: Session): Promise<void> {
  const { entryId, location } = await client.submit(bytes);
  const { output, isJson } = session;
  if (isJson) {
    output.printJson({ entryId, location });
    return;
  }
  output.print(`entryId: ${entryId}`);
  output.print(`location: ${location}`);
}

/** Where an entry stands. */
interface Place {
  readonly entryId: string;
  readonly inclusion: { readonly index: number | undefined; readonly size: number | undefined };
}

/** Tells what a script wants to know of a registration, and what was written. */
export function tellRegistered(
  { entryId, inclusion: { index, size } }: Place,
  file: string,
  session: Session,
): void {
  const { output, isJson } = session;
  if (isJson) {
    output.printJson({ entryId, index: index ?? null, size: size ?? null, file });
    return;
  }
  output.print(`entryId: ${entryId}`);
  if (index !== undefined) output.print(`index: ${index}`);
  if (size !== undefined) output.print(`size: ${size}`);
  session.wrote(file);
}
