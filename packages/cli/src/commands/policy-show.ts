import type { Command } from "commander";
import { formatPolicy } from "@tallystick/policy";

import { openClient, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { approvalsLacking, formatApprovals } from "../approvals.js";
import { CliError } from "../error.js";
import { policiesOfDirectory, policiesOfService, readPolicy } from "../policy-place.js";
import type { PolicyPlace } from "../policy-place.js";
import type { Session } from "../session.js";

interface ShowOptions extends AccessOptions {
  readonly service?: string;
  readonly next?: boolean;
}

export function addPolicyShow(policy: Command, session: Session): void {
  const command = policy
    .command("show")
    .description(
      "print the policy in force and what waits for approvals, or the policy of an entry",
    )
    .argument("[place]", "directory made by tally init, not served meanwhile; or the EntryID")
    .argument("[entryId]", "of a proposal, or of an approval; after a directory")
    .option("--service <url>", "a running service, in place of a directory")
    .option("--next", "make it the next policy, to be edited and proposed: previous is filled in")
    .option("--json", "print the result as one JSON object");
  withAccess(command).action(
    async (
      first: string | undefined,
      second: string | undefined,
      { service, next = false, ...access }: ShowOptions,
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
        await show(place, { wanted, isNext: next }, session);
      } finally {
        await place.close();
      }
    },
  );
}

async function show(
  place: PolicyPlace,
  { wanted, isNext }: { readonly wanted: string | undefined; readonly isNext: boolean },
  { output, isJson }: Session,
): Promise<void> {
  const standing = await place.standing();
  const current = await readPolicy(place, standing.entryId);
  const shown = wanted === undefined ? current : await readPolicy(place, wanted);
  const { entryId, policy } = shown;
  const document = isNext ? { ...policy.document, previous: standing.entryId } : policy.document;
  const isInForce = shown.proposal === current.proposal;
  const approvalsWanted = current.policy.approvals;
  const proposals = standing.proposals.filter(
    (one) => wanted === undefined || one.entryId === shown.proposal,
  );
  if (isJson) {
    const listed = proposals.map((one) => ({
      entryId: one.entryId,
      approvers: one.approvers,
      approvalsLacking: approvalsLacking(one, approvalsWanted),
    }));
    const told = { entryId, isInForce, policy: document, approvalsWanted };
    output.printJson({ ...told, proposals: listed });
    return;
  }
  const isWaiting = !isInForce && proposals.length > 0;
  const how = isInForce ? "in force" : isWaiting ? "proposed" : "neither in force nor waiting";
  output.note(`policy ${entryId}, ${how}`);
  for (const one of proposals) {
    output.note(`proposal ${one.entryId} ${formatApprovals(one, approvalsWanted)}`);
  }
  output.printText(new TextDecoder().decode(formatPolicy(document)).trimEnd());
}
