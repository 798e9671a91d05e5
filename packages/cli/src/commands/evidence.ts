import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";
import type { Checkpoint } from "@tallystick/receipt";
import { verifyEvidence } from "@tallystick/verifier";

import { readWhole } from "../file.js";
import type { Session } from "../session.js";
import { readTrust } from "../trustfile.js";

const MEANINGS = {
  split: "two logs of one size",
  rollback: "a smaller log, signed later than a larger one",
  fork: "a log that begins with other entries than it had",
} as const;

export function addEvidence(program: Command, session: Session): void {
  program
    .command("evidence")
    .description("check a file that says that a log contradicts itself: exit 0 if it does")
    .argument("<file>", "written by a command with --seen, or by anybody else")
    .requiredOption("--trust <trust.json>", "pinned keys of the log")
    .option("--json", "print what was found as one JSON object")
    .action(async (file: string, { trust }: { readonly trust: string }) => {
      const found = await verifyEvidence(await readWhole(file), await readTrust(trust));
      const { kind } = found;
      const [smaller, larger] = [found.smaller.checkpoint, found.larger.checkpoint];
      const { output, isJson } = session;
      if (isJson) {
        const { issuer, origin } = larger;
        output.printJson({ kind, issuer, origin, smaller: told(smaller), larger: told(larger) });
        return;
      }
      output.print(`${larger.issuer}, log ${larger.origin}, contradicts itself: ${MEANINGS[kind]}`);
      for (const { size, root, time } of [smaller, larger]) {
        output.print(`  size ${size}, root ${encodeHex(root)}, signed at ${time}`);
      }
    });
}

function told({ size, root, time }: Checkpoint): Readonly<Record<string, number | string>> {
  return { size, root: encodeHex(root), time };
}
