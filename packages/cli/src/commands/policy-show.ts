import type { Command } from "commander";
import { formatPolicy } from "@tallystick/policy";

import { openClient, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { policiesOfDirectory, policiesOfService, readPolicy } from "../policy-place.js";
import type { Session } from "../session.js";

export function addPolicyShow(policy: Command, session: Session): void {
  const command = policy
    .command("show")
    .description("print the policy in force, or the one of an entry, with its EntryID")
    .argument("[place]", "directory made by tally init, not served meanwhile; or the EntryID")
    .argument("[entryId]", "of a proposal, or of an approval; after a directory")
    .option("--service <url>", "a running service, in place of a directory")
    .option("--json", "print EntryID and policy as one JSON object");
  withAccess(command).action(
    async (
      first: string | undefined,
      second: string | undefined,
      { service, ...access }: AccessOptions & { readonly service?: string },
    ) => {
      if (service === undefined) refuseAccess(access);
      if (service === undefined ? first === undefined : second !== undefined) {
        throw new CliError("CLI_USAGE", "want either a directory or --service");
      }
      const place =
        service === undefined
          ? await policiesOfDirectory(first ?? "")
          : policiesOfService(await openClient(service, access));
      const wanted = service === undefined ? second : first;
      try {
        const { policy: found, entryId } = await readPolicy(place, wanted);
        const { output, isJson } = session;
        if (isJson) {
          output.printJson({ entryId, policy: found.document });
          return;
        }
        output.note(`policy ${entryId}${wanted === undefined ? ", in force" : ""}`);
        output.print(new TextDecoder().decode(formatPolicy(found.document)).trimEnd());
      } finally {
        await place.close();
      }
    },
  );
}
