import type { Command } from "commander";

import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { openService, spaceOf } from "../opening.js";
import type { OpeningOptions } from "../opening.js";
import { indexKey, searchPlace } from "../search-place.js";
import type { Session } from "../session.js";
import { addAsking, askingOffline } from "../witness-policy.js";
import type { AskingOptions } from "../witness-policy.js";

interface ReindexOptions extends AskingOptions {
  readonly commit?: true;
}

export function addReindex(program: Command, session: Session): void {
  const command = program
    .command("reindex")
    .description("throw the search index of a log away, and make it anew from the log alone")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .option("--commit", "commit to the index in a statement on the log, signed with keys/index.jwk")
    .option("--json", "print what was made as one JSON object");
  addAsking(command).action(async (dir: string, options: ReindexOptions) => {
    const { commit } = options;
    const directory = await ServiceDirectory.open(dir);
    // Before the old one is thrown away.
    const { spaceShortage } = await import("@tallystick/log");
    const shortage = await spaceShortage(spaceOf(directory));
    if (shortage !== undefined) throw shortage;
    const service = await openService(directory, {
      advice: "in use by a running server, stop it first",
      search: searchPlace(directory, true),
      ...(commit === true ? await committing(directory, options, session) : refuseAsking(options)),
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

async function committing(
  directory: ServiceDirectory,
  options: ReindexOptions,
  { output }: Session,
): Promise<Pick<OpeningOptions, "heads" | "asking" | "onNoteKey">> {
  const onNotice = (line: string): void => {
    output.note(line);
  };
  const asking = await askingOffline(options, directory, onNotice);
  const heads = { signer: await indexKey(directory) };
  return asking === undefined ? { heads } : { heads, asking, onNoteKey: onNotice };
}

function refuseAsking(options: AskingOptions): Record<string, never> {
  const { witnessPolicy, witnessMode, witnessMonitor } = options;
  const given = [witnessPolicy, witnessMode, witnessMonitor].some((one) => one !== undefined);
  if (!given) return {};
  throw new CliError("CLI_USAGE", "--witness-policy and what goes with it go with --commit");
}

interface Made {
  readonly size: number;
  /** How many entries the new head covers. */
  readonly covered: number | undefined;
  readonly isAsked: boolean;
}

function tell({ size, covered, isAsked }: Made, { output, isJson }: Session): void {
  if (isJson) {
    output.printJson({ size, committedSize: covered ?? null });
    return;
  }
  output.print(`indexed: ${size} entries`);
  if (covered !== undefined) output.print(`committed: the index of ${covered} entries`);
  else if (isAsked) output.print("committed: nothing has come since the last time");
}
