import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { writeWhole } from "../file.js";
import type { Session } from "../session.js";

interface ConsistencyOptions extends AccessOptions {
  readonly service: string;
  readonly out: string;
}

export function addConsistency(program: Command, session: Session): void {
  const command = program
    .command("consistency")
    .description("fetch a receipt that the log of size OLD is a part of the log of size NEW")
    .argument("<old>", "older tree size", parseSize)
    .argument("<new>", "newer tree size", parseSize)
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--out <file.receipt>", "receipt to write");
  withAccess(command).action(
    async (oldSize: number, newSize: number, options: ConsistencyOptions) => {
      const { service, out, ...access } = options;
      if (oldSize >= newSize) throw new CliError("CLI_USAGE", "OLD is not below NEW");
      const receipt = await (await openClient(service, access)).consistency(oldSize, newSize);
      await writeWhole(out, receipt);
      session.output.note(`wrote ${out}`);
      session.output.note(
        "verify it with: tally verify FILE --trust TRUST --since OLDER-STATEMENT",
      );
    },
  );
}

function parseSize(text: string): number {
  const size = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError("want a tree size: a positive decimal number.");
}
