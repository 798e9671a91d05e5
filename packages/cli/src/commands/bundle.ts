import type { Command } from "commander";
import { encodeBundle, MAX_BUNDLE_STATEMENTS } from "@tallystick/appraisal";
import { encodeHex } from "@tallystick/cose";
import type { ServiceClient } from "@tallystick/client";
import { decodeChainLink } from "@tallystick/receipt";
import { SignedStatement, StatementError } from "@tallystick/statement";
import { verifyCheckpoint, type TrustStore } from "@tallystick/verifier";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { readWhole } from "../file.js";
import { writeProduct } from "../product.js";
import type { Session } from "../session.js";
import { readTrust } from "../trustfile.js";

interface BundleOptions extends AccessOptions {
  readonly service: string;
  readonly trust: string;
  readonly filesOnly?: true;
  readonly out: string;
}

/** Entries of a bundle of the replay. */
const BUNDLE_WIDTH = 256;

export function addBundle(program: Command, session: Session): void {
  const command = program
    .command("bundle")
    .description("write statements, receipts and a checkpoint into one file for tally appraise")
    .argument("[files...]", "transparent statements, whose receipts are kept as they are")
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--trust <trust.json>", "pinned keys that the checkpoint has to hold under")
    .option("--files-only", "not every other entry of the log too")
    .requiredOption("--out <file>", "bundle to write")
    .option("--json", "print what was written as one JSON object");
  withAccess(command).action(async (files: readonly string[], options: BundleOptions) => {
    if (options.filesOnly === true && files.length === 0) {
      throw new CliError("CLI_USAGE", "--files-only wants files");
    }
    const trust = await readTrust(options.trust);
    const own = await readStatements(files);
    const client = await openClient(options.service, options);
    const { checkpoint } = decodeChainLink(await client.latestCheckpoint());
    const { origin, size, root } = (await verifyCheckpoint(checkpoint, trust)).checkpoint;
    const statements =
      options.filesOnly === true ? [...own.values()] : await allOf(client, size, own);
    const keys = new TextEncoder().encode(JSON.stringify(keysOf(trust)));
    await writeProduct(options.out, encodeBundle({ statements, checkpoint, keys }), session);
    const { output, isJson } = session;
    const told = { origin, size, root: encodeHex(root), statementCount: statements.length };
    if (isJson) output.printJson({ ...told, file: options.out });
    else for (const [name, value] of Object.entries(told)) output.print(`${name}: ${value}`);
    session.wrote(options.out);
  });
}

async function readStatements(files: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const file of files) {
    const bytes = await readWhole(file);
    found.set(requireTransparent(bytes, file), bytes);
  }
  return found;
}

function requireTransparent(bytes: Uint8Array, file: string): string {
  try {
    const { entryId, receipts } = SignedStatement.decode(bytes, { isSubjectOptional: true });
    if (receipts.length > 0) return entryId;
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new StatementError(cause.code, `${file}: ${cause.message}`, { cause });
  }
  throw new CliError("CLI_USAGE", `${file} carries no receipt, register it first`);
}

async function allOf(
  client: ServiceClient,
  size: number,
  own: ReadonlyMap<string, Uint8Array>,
): Promise<readonly Uint8Array[]> {
  if (size > MAX_BUNDLE_STATEMENTS) {
    throw new CliError(
      "CLI_USAGE",
      `the log has ${size} entries, a bundle at most ${MAX_BUNDLE_STATEMENTS}: want files and --files-only`,
    );
  }
  const rest = new Map(own);
  const statements: Uint8Array[] = [];
  for (let bundle = 0; bundle * BUNDLE_WIDTH < size; bundle++) {
    for await (const { statement } of client.replayEntries(bundle)) {
      if (statements.length === size) break;
      const { entryId } = SignedStatement.decode(statement, { isSubjectOptional: true });
      statements.push(own.get(entryId) ?? (await client.transparentStatement(entryId)));
      rest.delete(entryId);
    }
  }
  return [...statements, ...rest.values()];
}

function keysOf({ services }: TrustStore): object {
  return services.map(({ issuer, origin, keys }) => ({
    issuer,
    origin,
    keys: keys.map((key) => key.toJwk()),
  }));
}
