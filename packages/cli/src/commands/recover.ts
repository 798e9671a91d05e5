import type { Command } from "commander";

import { ServiceDirectory } from "../directory.js";
import { openStore } from "../opening.js";
import type { Session } from "../session.js";

export function addRecover(program: Command, session: Session): void {
  program
    .command("recover")
    .description("make the anchor again from the log, if the log is surely its newest copy")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .requiredOption("--rebuild-anchor", "append to the anchor what it lacks; make it if it is lost")
    .action(async (dir: string) => {
      const directory = await ServiceDirectory.open(dir);
      const count = await rebuild(directory);
      session.output.note(`appended ${count} checkpoints to ${directory.anchorPath}`);
    });
}

async function rebuild(directory: ServiceDirectory): Promise<number> {
  const { AnchorFile, rebuildAnchor } = await import("@tallystick/log");
  const { issuer, origin } = directory.config;
  const key = await directory.receiptPublicKey();
  const store = await openStore(directory, "in use by a running server, stop it first");
  try {
    const anchor = await AnchorFile.open(directory.anchorPath, { create: true });
    try {
      return await rebuildAnchor({ store, anchor }, { issuer, origin, key });
    } finally {
      await anchor.close();
    }
  } finally {
    await store.close();
  }
}
