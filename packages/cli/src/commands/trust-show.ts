import type { Command } from "commander";
import { PublicKey, formatThumbprint } from "@tallystick/cose";
import type { TrustStore } from "@tallystick/verifier";

import type { Session } from "../session.js";
import { trustFacts } from "../trust-facts.js";
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
        output.printJson(told(pinned));
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

function told({ services, issuersDocument, requireReceipts }: TrustStore): Record<string, unknown> {
  const { issuers } = issuersDocument;
  return {
    services: services.map(({ issuer, origin, keys, note }) => ({
      ...{ issuer, origin },
      thumbprints: keys.map((key) => formatThumbprint(key)),
      noteKey: note?.format() ?? null,
    })),
    issuers:
      issuers?.map(({ iss, keys }) => ({
        issuer: iss,
        thumbprints: keys.map((key) => formatThumbprint(PublicKey.fromJwk(key))),
      })) ?? null,
    requireReceipts,
  };
}
