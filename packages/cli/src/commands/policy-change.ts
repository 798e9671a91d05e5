import type { Command } from "commander";
import type { ServiceClient } from "@tallystick/client";
import { signApproval, signPolicy } from "@tallystick/policy";

import { openClient, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
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
  await tell(client, { entryId, what: "proposal", wanted: current.policy.approvals }, session);
}

async function approve(proposal: string, options: ChangeOptions, session: Session): Promise<void> {
  const client = await openClient(options.service, options);
  const operator = await readPrivateKey(options.operator);
  const place = policiesOfService(client);
  const current = await readPolicy(place);
  const proposed = await readPolicy(place, proposal);
  if (proposed.policy.document.previous !== current.entryId) {
    throw new CliError("CLI_USAGE", `${proposal} proposes no change of the policy in force`);
  }
  const named = { issuer: operatorOf(current.policy, operator), issuedAt: session.now() };
  const { entryId } = await client.register(await signApproval(proposal, named, operator));
  await tell(client, { entryId, what: "approval", wanted: current.policy.approvals }, session);
}

async function tell(
  client: ServiceClient,
  made: {
    readonly entryId: string;
    readonly what: "proposal" | "approval";
    readonly wanted: number;
  },
  { output, isJson }: Session,
): Promise<void> {
  const { entryId, what, wanted } = made;
  // Not the number alone: what is in force is what the service judges the next statement by.
  const isInForce = (await client.policy()).entryId === entryId;
  if (isJson) {
    output.printJson({ entryId, isInForce, approvalsWanted: wanted });
    return;
  }
  output.print(entryId);
  if (isInForce) output.note(`the ${what} put the policy in force`);
  else if (what === "approval") output.note(`not in force yet, ${wanted} operators have to sign`);
  else
    output.note(`not in force yet, ${wanted - 1} approvals lack: tally policy approve ${entryId}`);
}
