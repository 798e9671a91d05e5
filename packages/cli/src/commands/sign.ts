import type { Command } from "commander";
import { SignedStatement } from "@tallystick/statement";

import { writeProduct } from "../product.js";
import type { Session } from "../session.js";
import { requireSigning, signFile, withSigning } from "../signing.js";
import type { SigningOptions } from "../signing.js";

interface SignOptions extends SigningOptions {
  readonly out: string;
}

export function addSign(program: Command, session: Session): void {
  const command = program
    .command("sign")
    .description("sign a statement about a file: the file inside, or its hash with --hash")
    .argument("<payload>", "the file");
  withSigning(command, true)
    .requiredOption("--out <file.scitt>", "signed statement to write")
    .option("--json", "print the result as one JSON object")
    .action(async (payload: string, { out, ...options }: SignOptions) => {
      const bytes = await signFile(payload, requireSigning(options), session.now());
      const { entryId } = SignedStatement.decode(bytes);
      await writeProduct(out, bytes, session);
      if (session.isJson) session.output.printJson({ entryId, file: out });
      else session.output.print(`entryId: ${entryId}`);
      session.wrote(out);
    });
}
