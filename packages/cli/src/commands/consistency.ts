import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { writeProduct } from "../product.js";
import { openSource } from "../read-source.js";
import type { Session } from "../session.js";
import { consistencyFromTiles } from "../tile-receipt.js";
import { readTrust } from "../trustfile.js";
import { TIMEOUT_SECONDS } from "./register.js";

interface ConsistencyOptions extends AccessOptions {
  readonly service?: string;
  readonly fromTiles?: string;
  readonly trust?: string;
  readonly out: string;
}

export function addConsistency(program: Command, session: Session): void {
  const command = program
    .command("consistency")
    .description("fetch a receipt that the log of size OLD is a part of the log of size NEW")
    .argument("<old>", "older tree size", parseSize)
    .argument("<new>", "newer tree size", parseSize)
    .option("--service <url>", "transparency service")
    .option("--from-tiles <url|dir>", "a service, or its export, to assemble the receipt from")
    .option("--trust <trust.json>", "with --from-tiles: pinned keys of both checkpoints")
    .requiredOption("--out <file.receipt>", "receipt to write")
    .option("--json", "print the result as one JSON object");
  withAccess(command).action(
    async (oldSize: number, newSize: number, options: ConsistencyOptions) => {
      const { out } = options;
      if (oldSize >= newSize) throw new CliError("CLI_USAGE", "OLD is not below NEW");
      await writeProduct(out, await receiptOf({ oldSize, newSize }, options), session);
      if (session.isJson) session.output.printJson({ oldSize, newSize, file: out });
      session.wrote(out);
      session.output.note(
        `verify it with: tally verify ${out} --trust TRUST --since OLDER-STATEMENT`,
      );
    },
  );
}

async function receiptOf(
  sizes: { readonly oldSize: number; readonly newSize: number },
  { service, fromTiles, trust, ...access }: ConsistencyOptions,
): Promise<Uint8Array> {
  if ((service === undefined) === (fromTiles === undefined)) {
    throw new CliError("CLI_USAGE", "want either --service or --from-tiles");
  }
  if ((fromTiles === undefined) !== (trust === undefined)) {
    throw new CliError("CLI_USAGE", "--from-tiles wants --trust, which goes with nothing else");
  }
  if (fromTiles === undefined || trust === undefined) {
    const client = await openClient(service ?? "", access);
    return client.consistency(sizes.oldSize, sizes.newSize);
  }
  const source = await openSource(fromTiles, { ...access, timeoutMs: 1000 * TIMEOUT_SECONDS });
  return consistencyFromTiles(source, { trust: await readTrust(trust), ...sizes });
}

function parseSize(text: string): number {
  const size = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError("want a tree size: a positive decimal number.");
}
