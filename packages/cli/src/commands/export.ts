import { resolve } from "node:path";

import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";

import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { openParts } from "../opening.js";
import { withFolder } from "../lock.js";
import { Progress } from "../progress.js";
import type { Session } from "../session.js";
import { StaticFolder } from "../static-folder.js";

interface ExportOptions {
  readonly quiet?: true;
}

export function addExport(program: Command, session: Session): void {
  program
    .command("export")
    .description("write all that readers of a log fetch as files, for any web server or bucket")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .argument("<out>", "made by this command, empty, or an earlier export, which is continued")
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
        const { publishedFiles } = await import("@tallystick/server");
        if (service.notes === undefined) {
          throw new CliError("CLI_KEY_INVALID", "there is no note key to sign the checkpoint with");
        }
        const isQuiet = session.isJson || options.quiet === true;
        const progress = new Progress(session.output, { unit: "files", isQuiet });
        const folder = await withFolder(out, async () => {
          const opened = await StaticFolder.open(resolve(out), service);
          try {
            for await (const file of publishedFiles(service, opened.before)) {
              await opened.put(file);
              progress.show(opened.count, opened.count);
            }
          } finally {
            progress.clear();
          }
          return opened;
        });
        tell(folder, { size: service.size(), root: service.log.head().checkpoint.root }, session);
      } finally {
        await service.close();
      }
    });
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
