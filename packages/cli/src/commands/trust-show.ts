import type { Command } from "commander";

import type { Session } from "../session.js";
import { pinnedOf, trustFacts } from "../trust-facts.js";
import { readTrust } from "../trustfile.js";

export function addTrustShow(trust: Command, session: Session): void {
  trust
    .command("show")
    .description("say what a trust file pins, each key by its thumbprint")
    .argument("<trust.json>", "trust file")
    .option("--json", "print it as one JSON object")
    .action(async (file: string) => {
      const pinned = await readTrust(file);
      const { output, isJson } = session;
      if (isJson) {
        output.printJson(pinnedOf(pinned));
        return;
      }
      let before = "";
      for (const { of, what } of trustFacts(pinned)) {
        if (of !== before) output.print(of);
        output.print(`  ${what}`);
        before = of;
      }
    });
}
