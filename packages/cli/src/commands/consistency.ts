import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { writeProduct } from "../product.js";
import { filesLog } from "../log-view.js";
import { openPlace } from "../read-path.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";
import { consistencyFromTiles } from "../tile-receipt.js";
import { TIMEOUT_SECONDS } from "./register.js";

interface ConsistencyOptions extends AccessOptions, SeenOptions {
  readonly service?: string;
  readonly fromTiles?: string;
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
  withAccess(withSeen(command)).action(
    async (oldSize: number, newSize: number, options: ConsistencyOptions) => {
      const { out } = options;
      if (oldSize >= newSize) throw new CliError("CLI_USAGE", "OLD is not below NEW");
      await writeProduct(out, await receiptOf({ oldSize, newSize }, options, session), session);
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
  options: ConsistencyOptions,
  session: Session,
): Promise<Uint8Array> {
  const { service, fromTiles, seen } = options;
  if ((service === undefined) === (fromTiles === undefined)) {
    throw new CliError("CLI_USAGE", "want either --service or --from-tiles");
  }
  if ((fromTiles === undefined) !== (options.trust === undefined)) {
    throw new CliError("CLI_USAGE", "--from-tiles wants --trust, which goes with nothing else");
  }
  const watch = await Watch.open(options);
  const { trust } = watch;
  if (fromTiles === undefined || trust === undefined) {
    const client = await openClient(service ?? "", options);
    return client.consistency(sizes.oldSize, sizes.newSize);
  }
  const reading = { ...options, timeoutMs: 1000 * TIMEOUT_SECONDS };
  const { path, source } = await openPlace(fromTiles, reading);
  const receipt = await consistencyFromTiles(source, { trust, ...sizes });
  if (seen === undefined) return receipt;
  await watch.follow(filesLog(path), session, async (follower) => {
    // First, for its tiles are there, and the receipt may be under a smaller tree.
    await follower.newest();
    return follower.at(sizes.newSize);
  });
  return receipt;
}

function parseSize(text: string): number {
  const size = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError("want a tree size: a positive decimal number.");
}
