import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import type { Session } from "../session.js";

interface CheckpointOptions extends AccessOptions, SeenOptions {
  readonly service: string;
}

export function addCheckpoint(program: Command, session: Session): void {
  const command = program
    .command("checkpoint")
    .description("read a log's newest checkpoint, and demand that it extends the one seen before")
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--trust <trust.json>", "pinned keys that it has to hold under");
  withSeen(command).option("--json", "print it as one JSON object");
  withAccess(command).action(async (options: CheckpointOptions) => {
    const { service } = options;
    const watch = await Watch.open(options);
    const client = await openClient(service, options);
    const signed = await watch.follow(client, session, (follower) => follower.newest());
    if (signed === undefined) return;
    const { issuer, origin, size, root, time } = signed.checkpoint;
    const told = { issuer, origin, size, root: encodeHex(root), time };
    const { output, isJson } = session;
    if (isJson) output.printJson(told);
    else for (const [name, value] of Object.entries(told)) output.print(`${name}: ${value}`);
  });
}
