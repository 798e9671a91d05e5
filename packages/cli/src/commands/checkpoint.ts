import type { Command } from "commander";
import { ServiceClient } from "@tallystick/client";
import type { LogView } from "@tallystick/client";
import { encodeHex } from "@tallystick/cose";
import { MirrorError, requireAgreement } from "@tallystick/mirror";
import type { LogHeads } from "@tallystick/mirror";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { TrustStore } from "@tallystick/verifier";

import { readAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { filesLog, serviceLog } from "../log-view.js";
import { addressPlace, openPlace } from "../read-path.js";
import type { ReadPlace } from "../read-path.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";
import { demandedBy, withDemand } from "../witness-policy.js";
import type { DemandOptions } from "../witness-policy.js";
import { readNoted, readWitnessed } from "../witnessed.js";

/** Longest time to wait for a file of the read path. */
const TIMEOUT_MS = 30_000;

interface CheckpointOptions extends AccessOptions, SeenOptions, DemandOptions {
  readonly service?: string;
  readonly fromTiles?: string;
}

/** A place that shows a log, as the command line names it. */
interface Place extends ReadPlace {
  readonly view: LogView;
}

export function addCheckpoint(program: Command, session: Session): void {
  const command = program
    .command("checkpoint")
    .description("read a log's newest checkpoint, and demand that it extends the one seen before")
    .option("--service <url>", "transparency service")
    .option("--from-tiles <url|dir>", "a service, or its export, to be read by its files alone")
    .requiredOption("--trust <trust.json>", "pinned keys that it has to hold under");
  withSeen(command).option("--json", "print it as one JSON object");
  withAccess(withDemand(command)).action(async (options: CheckpointOptions) => {
    const place = await placeOf(options);
    const watch = await Watch.open(options);
    const { trust } = watch;
    const witnesses = await demandedBy(options);
    const found = await watch.follow(place.view, session, async (follower) => {
      const signed = await follower.newest();
      if (trust === undefined) return { signed, cosigned: {} };
      if (witnesses === undefined) {
        const tell = (line: string): void => {
          session.output.note(line);
        };
        const publishedSize = await readNoted(place, { newest: signed, trust }, tell);
        return { signed, cosigned: publishedSize === undefined ? {} : { publishedSize } };
      }
      // Read after what is shown, so that it is no smaller.
      const heads = await readWitnessed(place.path, { trust, witnesses });
      const witnessed = await witnessedSize(signed, heads, trust);
      return { signed, cosigned: { witnessed } };
    });
    if (found === undefined) return;
    const { issuer, origin, size, root, time } = found.signed.checkpoint;
    const told = { issuer, origin, size, root: encodeHex(root), time, ...found.cosigned };
    const { output, isJson } = session;
    if (isJson) output.printJson(told);
    else for (const [name, value] of Object.entries(told)) output.print(`${name}: ${value}`);
  });
}

/**
 * Opens what `--service` or `--from-tiles` names.
 *
 * @throws {@link CliError} `CLI_USAGE`, and as `readAccess`
 */
async function placeOf({ service, fromTiles, ...access }: CheckpointOptions): Promise<Place> {
  if (fromTiles !== undefined && service === undefined) {
    const place = await openPlace(fromTiles, { ...access, timeoutMs: TIMEOUT_MS });
    return { ...place, view: filesLog(place.path) };
  }
  if (fromTiles !== undefined || service === undefined) {
    throw new CliError("CLI_USAGE", "want either --service or --from-tiles");
  }
  const given = await readAccess(service, access);
  const client = new ServiceClient(service, given);
  const place = addressPlace(service, { ...given, timeoutMs: TIMEOUT_MS });
  return { ...place, view: serviceLog(client, place.path) };
}

/** Yields the size of the checkpoint that witnesses cosigned, which is of one log with the one that is shown. */
async function witnessedSize(
  shown: SignedCheckpoint,
  heads: LogHeads,
  trust: TrustStore,
): Promise<number> {
  const newest = heads.newest.signed;
  if (newest.checkpoint.size < shown.checkpoint.size) {
    const sizes = `${newest.checkpoint.size} entries, ${shown.checkpoint.size} were shown before`;
    throw new MirrorError("MIRROR_STALE", `the service shows a log of ${sizes}`);
  }
  const tree = (): Promise<typeof heads.tree> => Promise.resolve(heads.tree);
  await requireAgreement(shown, newest, { trust, tree });
  return heads.published.signed.checkpoint.size;
}
