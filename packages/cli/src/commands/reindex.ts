import type { Command } from "commander";

import { ServiceDirectory } from "../directory.js";
import { openService } from "../opening.js";
import { indexKey, searchPlace } from "../search-place.js";
import type { Session } from "../session.js";

export function addReindex(program: Command, session: Session): void {
  program
    .command("reindex")
    .description("throw the search index of a log away, and make it anew from the log alone")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .option("--commit", "commit to the index in a statement on the log, signed with keys/index.jwk")
    .option("--json", "print what was made as one JSON object")
    .action(async (dir: string, { commit }: { readonly commit?: true }) => {
      const directory = await ServiceDirectory.open(dir);
      const service = await openService(directory, {
        advice: "in use by a running server, stop it first",
        search: searchPlace(directory, true),
        ...(commit === true && { heads: { signer: await indexKey(directory) } }),
      });
      try {
        await service.searchSettled();
        const { size } = service.requireSearch();
        const covered = commit === true ? await service.commitHead() : undefined;
        tell({ size, covered, isAsked: commit === true }, session);
      } finally {
        await service.close();
      }
    });
}

interface Made {
  readonly size: number;
  /** How many entries the new head covers. */
  readonly covered: number | undefined;
  readonly isAsked: boolean;
}

function tell({ size, covered, isAsked }: Made, { output, isJson }: Session): void {
  if (isJson) {
    output.printJson({ size, committed: covered ?? null });
    return;
  }
  output.print(`indexed: ${size} entries`);
  if (covered !== undefined) output.print(`committed: the index of ${covered} entries`);
  else if (isAsked) output.print("committed: nothing has come since the last time");
}
