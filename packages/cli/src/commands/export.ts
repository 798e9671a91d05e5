import { resolve } from "node:path";

import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";
import type { CosignedCheckpoint, TransparencyService } from "@tallystick/server";
import type { OwnNote } from "@tallystick/witness";

import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { openParts } from "../opening.js";
import { withFolder } from "../lock.js";
import { Progress } from "../progress.js";
import type { Session } from "../session.js";
import { StaticFolder } from "../static-folder.js";
import { keptNoteIn } from "../witness-policy.js";

interface ExportOptions {
  readonly quiet?: true;
  readonly witnessed?: true;
}

export function addExport(program: Command, session: Session): void {
  program
    .command("export")
    .description("write all that readers of a log fetch as files, for any web server or bucket")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .argument("<out>", "made by this command, empty, or an earlier export, which is continued")
    .option("--witnessed", "up to the newest checkpoint that the witnesses' quorum has cosigned")
    .option("--quiet", "no progress line")
    .option("--json", "print what was written as one JSON object")
    .action(async (dir: string, out: string, options: ExportOptions) => {
      const directory = await ServiceDirectory.open(dir);
      const { service } = await openParts(directory, {
        advice: "in use: stop the service, or read it at its address",
        onNoteKey: (line) => {
          session.output.note(line);
        },
      });
      try {
        const cosigned = await shownOf(directory, service, { options, session });
        const size = cosigned?.size ?? service.size();
        const isQuiet = session.isJson || options.quiet === true;
        const folder = await write({ out, service, size, cosigned }, { session, isQuiet });
        const { root } = (await service.log.checkpointAt(size)).checkpoint;
        tell(folder, { size, root }, session);
      } finally {
        await service.close();
      }
    });
}

interface Written {
  readonly out: string;
  readonly service: TransparencyService;
  readonly size: number;
  readonly cosigned: CosignedCheckpoint | undefined;
}

async function write(
  { out, service, size, cosigned }: Written,
  { session, isQuiet }: { readonly session: Session; readonly isQuiet: boolean },
): Promise<StaticFolder> {
  const { publishedFiles } = await import("@tallystick/server");
  const progress = new Progress(session.output, { unit: "files", isQuiet });
  return withFolder(out, async () => {
    const folder = await StaticFolder.open(resolve(out), service, size);
    try {
      for await (const file of publishedFiles(service, folder.before, cosigned)) {
        await folder.put(file);
        progress.show(folder.count, folder.count);
      }
    } finally {
      progress.clear();
    }
    return folder;
  });
}

/** Yields the cosigned checkpoint that is shown; `undefined` where it is the newest, as it was signed. */
async function shownOf(
  directory: ServiceDirectory,
  service: TransparencyService,
  { options, session }: { readonly options: ExportOptions; readonly session: Session },
): Promise<CosignedCheckpoint | undefined> {
  const key = service.notes?.verifierKey;
  if (key === undefined) {
    throw new CliError("CLI_KEY_INVALID", "there is no note key to sign the checkpoint with");
  }
  const isWitnessed = options.witnessed === true;
  const cosigned = await cosignedOf(service, await keptNoteIn(directory, key));
  if (cosigned === undefined) {
    if (!isWitnessed) return undefined;
    const message = "no checkpoint has the cosignatures of a quorum, and --witnessed wants one";
    throw new CliError("CLI_DIRECTORY_INVALID", message);
  }
  if (isWitnessed || cosigned.size === service.size()) return cosigned;
  const newest = `that of ${cosigned.size} entries is the newest one that has`;
  session.output.note(
    `tally: the checkpoint has no quorum of cosignatures; ${newest}: --witnessed`,
  );
  return undefined;
}

/** Yields what was kept with cosignatures, if it is of this log. */
async function cosignedOf(
  { log }: TransparencyService,
  kept: OwnNote | undefined,
): Promise<CosignedCheckpoint | undefined> {
  if (kept === undefined) return undefined;
  const { size, root } = kept.checkpoint;
  const { LogError } = await import("@tallystick/log");
  const own = await log.checkpointAt(size).catch((error: unknown) => {
    if (!(error instanceof LogError) || error.code !== "LOG_SIZE_UNKNOWN") throw error;
  });
  if (own !== undefined && encodeHex(own.checkpoint.root) === encodeHex(root)) {
    return { size, note: kept.bytes };
  }
  // I8: what the log does not extend is evidence against it, and nothing to publish over.
  const message = `the checkpoint of ${size} entries that witnesses cosigned is not of this log: an older or another copy of it`;
  throw new CliError("CLI_DIRECTORY_INVALID", message);
}

function tell(
  { written, kept }: StaticFolder,
  { size, root }: { readonly size: number; readonly root: Uint8Array },
  { output, isJson }: Session,
): void {
  if (isJson) {
    output.printJson({ size, root: encodeHex(root), written, kept });
    return;
  }
  output.print(`exported: ${size} entries, root ${encodeHex(root)}`);
  output.print(`files: ${written} written, ${kept} were there`);
}
