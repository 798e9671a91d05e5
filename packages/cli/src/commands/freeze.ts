import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";

import { type ControlAnswer, askServer } from "../control.js";
import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { openService } from "../opening.js";
import type { Session } from "../session.js";
import { IN_USE } from "./backup.js";

const MAX_WHY = 1000;

export function addFreeze(program: Command, session: Session): void {
  program
    .command("freeze")
    .description("close a log to new entries for good; it can still be read and served")
    .argument("<dir>", "made by tally init; its server may run")
    .requiredOption("--why <text>", "the reason, which is kept and shown to whoever registers")
    .option("--json", "print the result as one JSON object")
    .action(async (dir: string, { why }: { readonly why: string }) => {
      if (why.length > MAX_WHY) {
        throw new CliError("CLI_USAGE", `--why is over ${MAX_WHY} characters`);
      }
      const directory = await ServiceDirectory.open(dir);
      const { size, root, reason } =
        (await askServer(directory.path, { do: "freeze", why })) ??
        (await freezeStopped(directory, why));
      const { output, isJson } = session;
      if (isJson) {
        output.printJson({ size, root, reason });
        return;
      }
      output.print(`frozen: ${String(size)} entries, root ${String(root)}`);
      output.print(`reason: ${String(reason)}`);
    });
}

async function freezeStopped(directory: ServiceDirectory, why: string): Promise<ControlAnswer> {
  const service = await openService(directory, { advice: IN_USE });
  try {
    await service.log.freeze(why);
    const { size, root } = service.log.head().checkpoint;
    const standing = service.standing();
    return { size, root: encodeHex(root), reason: "reason" in standing ? standing.reason : why };
  } finally {
    await service.close();
  }
}
