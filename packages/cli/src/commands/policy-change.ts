import type { Command } from "commander";
import type { ServiceClient } from "@tallystick/client";
import { signApproval, signPolicy } from "@tallystick/policy";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { approvalsLacking, formatApprovals, outcomeOf } from "../approvals.js";
import { CliError } from "../error.js";
import { readPrivateKey } from "../keyfile.js";
import { readPolicyFile } from "../policy-file.js";
import { policiesOfService, readPolicy } from "../policy-place.js";
import { operatorOf } from "../proposal.js";
import type { Session } from "../session.js";

interface ChangeOptions extends AccessOptions {
  readonly service: string;
  readonly operator: string;
}

export function addPolicyChange(policy: Command, session: Session): void {
  const add = (name: string, description: string): Command =>
    withAccess(
      policy
        .command(name)
        .description(description)
        .requiredOption("--service <url>", "running service")
        .requiredOption("--operator <operator.jwk>", "private key of an operator")
        .option("--json", "print the result as one JSON object"),
    );
  add("propose", "sign and register the next policy")
    .argument("<policy.json>", "policy document; previous is filled in unless it is there")
    .action(async (file: string, options: ChangeOptions) => {
      await propose(file, options, session);
    });
  add("approve", "sign and register the approval of a proposal")
    .argument("<entryId>", "of the proposal")
    .action(async (entryId: string, options: ChangeOptions) => {
      await approve(entryId, options, session);
    });
}

async function propose(file: string, options: ChangeOptions, session: Session): Promise<void> {
  const client = await openClient(options.service, options);
  const operator = await readPrivateKey(options.operator);
  const current = await readPolicy(policiesOfService(client));
  const { document } = await readPolicyFile(file, current.entryId);
  const named = { issuer: operatorOf(current.policy, operator), issuedAt: session.now() };
  const { entryId } = await client.register(await signPolicy(document, named, operator));
  const wanted = current.policy.approvals;
  const previous = current.entryId;
  await tell(client, { entryId, proposal: entryId, previous, wanted }, session);
}

async function approve(proposal: string, options: ChangeOptions, session: Session): Promise<void> {
  const client = await openClient(options.service, options);
  const operator = await readPrivateKey(options.operator);
  const place = policiesOfService(client);
  const current = await readPolicy(place);
  const proposed = await readPolicy(place, proposal);
  if (proposed.proposal !== proposal) {
    throw new CliError("CLI_USAGE", `${proposal} approves the proposal ${proposed.proposal}`);
  }
  if (proposed.policy.document.previous !== current.entryId) {
    const how = proposal === current.proposal ? "is in force already" : "waits for no approvals";
    throw new CliError("CLI_USAGE", `${proposal} ${how}`);
  }
  const named = { issuer: operatorOf(current.policy, operator), issuedAt: session.now() };
  const { entryId } = await client.register(await signApproval(proposal, named, operator));
  const wanted = current.policy.approvals;
  await tell(client, { entryId, proposal, previous: current.entryId, wanted }, session);
}

async function tell(
  client: ServiceClient,
  made: Parameters<typeof outcomeOf>[1] & { readonly wanted: number },
  { output, isJson }: Session,
): Promise<void> {
  const { entryId, proposal, wanted } = made;
  // Not what this command has counted: what is in force is what the service judges the next statement by.
  const outcome = outcomeOf(await client.policy(), made);
  const waiting = typeof outcome === "string" ? undefined : outcome;
  if (isJson) {
    output.printJson({
      entryId,
      proposal,
      isInForce: outcome === "in force",
      isWaiting: waiting !== undefined,
      approvalsWanted: wanted,
      ...(waiting && {
        approvers: waiting.approvers,
        approvalsLacking: approvalsLacking(waiting, wanted),
      }),
    });
    return;
  }
  output.print(entryId);
  const what = entryId === proposal ? "proposal" : "approval";
  if (outcome === "in force") output.note(`the ${what} put the policy in force`);
  else if (outcome === "replaced") output.note("not in force: a newer proposal took its place");
  else if (waiting === undefined) output.note("not in force: another policy came before it");
  else {
    const approvals = formatApprovals(waiting, wanted);
    output.note(`not in force yet: ${approvals}: tally policy approve ${proposal}`);
  }
}
