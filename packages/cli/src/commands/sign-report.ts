import type { Command } from "commander";
import { signReport } from "@tallystick/content";

import { CliError } from "../error.js";
import { readWhole } from "../file.js";
import { readPrivateKey } from "../keyfile.js";
import { writeProduct } from "../product.js";
import type { Session } from "../session.js";

/** Longest name of a key that readers take. */
const MAX_KID = 256;

interface SignReportOptions {
  readonly key: string;
  readonly kid: string;
  readonly out: string;
}

export function addSignReport(program: Command, session: Session): void {
  program
    .command("sign-report")
    .description("sign a short-form report of a security review, as its provider")
    .argument("<report.json>", "the report")
    .requiredOption("--key <name.jwk>", "private key for ES384, ES512, PS384 or PS512")
    .requiredOption("--kid <kid>", "what the report calls the key")
    .requiredOption("--out <file.jws>", "signed report to write")
    .option("--json", "print the result as one JSON object")
    .action(async (path: string, { key, kid, out }: SignReportOptions) => {
      if (kid === "" || kid.length > MAX_KID) {
        throw new CliError("CLI_USAGE", `--kid has not 1 to ${MAX_KID} characters`);
      }
      const signer = await readPrivateKey(key);
      const { bytes, warnings } = await signReport(await readWhole(path), signer, { kid });
      await writeProduct(out, bytes, session);
      const problems = warnings
        .filter(({ level }) => level === "warning")
        .map((warning) => ({ code: warning.code, where: warning.path }));
      for (const { code, where } of problems) session.output.note(`tally: ${code} at ${where}`);
      if (session.isJson) session.output.printJson({ file: out, problems });
      session.wrote(out);
    });
}
