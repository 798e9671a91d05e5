import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";
import { MirrorError, requireAgreement } from "@tallystick/mirror";
import type { SignedCheckpoint } from "@tallystick/receipt";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";
import { demandedBy, withDemand } from "../witness-policy.js";
import type { DemandOptions } from "../witness-policy.js";
import { readWitnessed } from "../witnessed.js";
import type { Demand } from "../witnessed.js";

interface CheckpointOptions extends AccessOptions, SeenOptions, DemandOptions {
  readonly service: string;
}

export function addCheckpoint(program: Command, session: Session): void {
  const command = program
    .command("checkpoint")
    .description("read a log's newest checkpoint, and demand that it extends the one seen before")
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--trust <trust.json>", "pinned keys that it has to hold under");
  withSeen(command).option("--json", "print it as one JSON object");
  withAccess(withDemand(command)).action(async (options: CheckpointOptions) => {
    const { service } = options;
    const watch = await Watch.open(options);
    const { trust } = watch;
    const witnesses = await demandedBy(options);
    const client = await openClient(service, options);
    const found = await watch.follow(client, session, async (follower) => {
      const signed = await follower.newest();
      if (trust === undefined || witnesses === undefined) return { signed, cosigned: {} };
      const witnessed = await witnessedSize(signed, { trust, witnesses }, options);
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

/** Yields the size of the checkpoint that witnesses cosigned, which is of one log with the one that is shown. */
async function witnessedSize(
  shown: SignedCheckpoint,
  { trust, witnesses }: Demand,
  options: CheckpointOptions,
): Promise<number> {
  // Read after what is shown, so that it is no smaller.
  const heads = await readWitnessed(options.service, { trust, witnesses }, options);
  const newest = heads.newest.signed;
  if (newest.checkpoint.size < shown.checkpoint.size) {
    const sizes = `${newest.checkpoint.size} entries, ${shown.checkpoint.size} were shown before`;
    throw new MirrorError("MIRROR_STALE", `the service shows a log of ${sizes}`);
  }
  const tree = (): Promise<typeof heads.tree> => Promise.resolve(heads.tree);
  await requireAgreement(shown, newest, { trust, tree });
  return heads.published.signed.checkpoint.size;
}
