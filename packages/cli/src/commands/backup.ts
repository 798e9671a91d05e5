import { resolve } from "node:path";

import type { Command } from "commander";
import type { LogProgress } from "@tallystick/log";

import { askServer } from "../control.js";
import { ServiceDirectory } from "../directory.js";
import { openStore, spaceOf } from "../opening.js";
import { Progress } from "../progress.js";
import { backUp } from "../safekeeping.js";
import type { Session } from "../session.js";

export function addBackup(program: Command, session: Session): void {
  program
    .command("backup")
    .description("copy the log and the public files of a service into one file")
    .argument("<dir>", "made by tally init; its server may run")
    .argument("<file>", "must not exist; no private key goes into it, and no anchor")
    .option("--quiet", "no progress line; a running server shows none in any case")
    .option("--json", "print the result as one JSON object")
    .action(async (dir: string, path: string, { quiet }: { readonly quiet?: true }) => {
      const directory = await ServiceDirectory.open(dir);
      const file = resolve(path);
      const { output, isJson } = session;
      const isQuiet = isJson || quiet === true;
      const { size, root, rows, bytes, digest } =
        (await askServer(directory.path, { do: "backup", file })) ??
        (await backUpStopped(directory, file, new Progress(output, { isQuiet })));
      const told = { size, root, rows, bytes, digest };
      if (isJson) output.printJson({ ...told, file: path });
      else
        for (const [name, value] of Object.entries(told)) output.print(`${name}: ${String(value)}`);
      output.note(
        `keep ${directory.anchorPath} and the private keys elsewhere: they are not in it`,
      );
    });
}

async function backUpStopped(
  directory: ServiceDirectory,
  file: string,
  progress: Progress,
): Promise<Readonly<Record<string, unknown>>> {
  const store = await openStore(directory, IN_USE);
  const onProgress = ({ entries, size }: LogProgress): void => {
    progress.show(entries, size);
  };
  try {
    return { ...(await backUp(directory, { store, file, space: spaceOf(directory), onProgress })) };
  } finally {
    progress.clear();
    await store.close();
  }
}

/** What is said of a log that another process has, which does not answer. */
export const IN_USE = "in use by another process that does not answer on control.sock";
