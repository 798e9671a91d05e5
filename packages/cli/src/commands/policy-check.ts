import type { Command } from "commander";
import { PolicyError, formatPolicy } from "@tallystick/policy";

import { EXIT } from "../exit.js";
import { readPolicyFile } from "../policy-file.js";
import type { Session } from "../session.js";

export function addPolicyCheck(policy: Command, session: Session): void {
  policy
    .command("check")
    .description("say whether a file is a policy that can be proposed: exit 0 yes, 1 no")
    .argument("<policy.json>", "policy document")
    .option("--json", "print the result as one JSON object")
    .action(async (file: string) => {
      const { output, isJson } = session;
      try {
        const { document } = await readPolicyFile(file);
        // Proposed is the canonical form, which is longer than a file without white space.
        formatPolicy(document);
        const { operators, issuers, rules = [] } = document;
        const counts = `${operators.length} operators, ${issuers.length} issuers`;
        if (isJson) output.printJson({ isPolicy: true, problems: [] });
        else output.printMarked("good", "ok", `: ${counts}, ${rules.length} rules`);
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error;
        session.exit = EXIT.no;
        if (isJson) output.printJson({ isPolicy: false, problems: error.reasons });
        else
          for (const reason of error.reasons) output.printMarked("bad", "problem", `: ${reason}`);
      }
    });
}
