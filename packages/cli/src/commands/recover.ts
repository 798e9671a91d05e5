import type { Command } from "commander";
import type { FileRebuilt } from "@tallystick/log";

import { ServiceDirectory } from "../directory.js";
import { openStore } from "../opening.js";
import { verifyingKeys } from "../receipt-keys.js";
import type { Session } from "../session.js";

export function addRecover(program: Command, session: Session): void {
  program
    .command("recover")
    .description("make the anchor again from the log, if the log is surely its newest copy")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .requiredOption("--rebuild-anchor", "append to the anchor what it lacks; make it if it is lost")
    .option("--json", "print the result as one JSON object")
    .action(async (dir: string) => {
      const directory = await ServiceDirectory.open(dir);
      const { anchorPath } = directory;
      const aside = `${anchorPath}.damaged-${session.now()}`;
      const { count, isSetAside } = await rebuild(directory, aside);
      const { output, isJson } = session;
      if (isJson) {
        output.printJson({ file: anchorPath, written: count, aside: isSetAside ? aside : null });
        return;
      }
      if (isSetAside) output.note(`the damaged anchor is kept as ${aside}`);
      output.note(`appended ${count} checkpoints to ${anchorPath}`);
    });
}

async function rebuild(directory: ServiceDirectory, aside: string): Promise<FileRebuilt> {
  const { rebuildAnchorFile } = await import("@tallystick/log");
  const { issuer, origin } = directory.config;
  const key = await verifyingKeys(directory);
  const store = await openStore(directory, "in use by a running server, stop it first");
  try {
    const files = { store, path: directory.anchorPath, aside };
    return await rebuildAnchorFile(files, { issuer, origin, key });
  } finally {
    await store.close();
  }
}
