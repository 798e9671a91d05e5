import type { Command } from "commander";
import { ClientError } from "@tallystick/client";
import type { ServiceClient } from "@tallystick/client";
import { formatThumbprint } from "@tallystick/cose";
import type { PrivateKey } from "@tallystick/cose";

import { openClient, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { approvalsLacking, formatApprovals, outcomeOf } from "../approvals.js";
import type { PolicyStanding } from "../approvals.js";
import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { EXIT } from "../exit.js";
import { readPrivateKey, readPublicKey } from "../keyfile.js";
import { requireIssuer } from "../naming.js";
import { openService } from "../opening.js";
import { policiesOfService, readPolicy, standingOf } from "../policy-place.js";
import { isListed, signProposal, termRefusals } from "../proposal.js";
import type { CurrentPolicy, IssuerKey } from "../proposal.js";
import type { Session } from "../session.js";
import { addAsking, askingOffline } from "../witness-policy.js";
import type { AskingOptions } from "../witness-policy.js";

interface TrustAddOptions extends AccessOptions, AskingOptions {
  readonly iss: string;
  readonly dir?: string;
  readonly service?: string;
  readonly operator?: string;
}

export function addTrustAdd(trust: Command, session: Session): void {
  const command = trust
    .command("add")
    .description("let an issuer register with a key, by registering the next policy")
    .argument("<name.pub.jwk>", "public key of the issuer")
    .requiredOption("--iss <iss>", "the issuer, as its statements will name it")
    .option("--dir <dir>", "service directory; its server must not run")
    .option("--service <url>", "running service")
    .option("--operator <operator.jwk>", "private key of an operator; with --service")
    .option("--json", "print the result as one JSON object");
  addAsking(withAccess(command)).action(async (file: string, options: TrustAddOptions) => {
    const { iss } = options;
    const place = placeOf(options);
    requireIssuer("--iss", iss);
    const addition = { iss, key: await readPublicKey(file) };
    const added =
      "dir" in place
        ? await addInDirectory({ ...place, session }, addition, session.now())
        : await addThroughService(place, addition, session.now());
    if (session.isJson) {
      const thumbprint = formatThumbprint(addition.key);
      session.output.printJson({ issuer: iss, thumbprint, ...told(added) });
    }
    session.output.note(`${iss} ${describe(added)}`);
    if ("refusals" in added && added.refusals.length > 0) session.exit = EXIT.no;
  });
}

/** A proposal that was registered, and how policies stand with it. */
interface Added {
  readonly entryId: string;
  /** How many operators have to sign it. */
  readonly wanted: number;
  readonly standing: PolicyStanding;
  /** EntryID of the policy that the proposal replaces. */
  readonly previous: string;
}

/** What the policy in force says of the key already, so that nothing was registered. */
interface Known {
  /** Why its terms keep it from being used; empty where it may. */
  readonly refusals: readonly string[];
}

function told(added: Added | Known): Readonly<Record<string, unknown>> {
  if ("refusals" in added) {
    const { refusals } = added;
    return { entryId: null, isInForce: refusals.length === 0, reasons: refusals };
  }
  const { entryId, wanted, standing, previous } = added;
  const outcome = outcomeOf(standing, { entryId, proposal: entryId, previous });
  const waiting = typeof outcome === "string" ? undefined : outcome;
  return {
    ...{ entryId, isInForce: outcome === "in force", isWaiting: waiting !== undefined },
    approvalsWanted: wanted,
    ...(waiting && {
      approvers: waiting.approvers,
      approvalsLacking: approvalsLacking(waiting, wanted),
    }),
  };
}

function describe(added: Added | Known): string {
  if ("refusals" in added) {
    const { refusals } = added;
    if (refusals.length === 0) return "may register with this key already";
    return `may not register with this key: ${refusals.join("; ")}`;
  }
  const { entryId, wanted, standing, previous } = added;
  const outcome = outcomeOf(standing, { entryId, proposal: entryId, previous });
  if (outcome === "in force") return `may register with this key from now on, by policy ${entryId}`;
  if (outcome === "overtaken") return "may not register yet: another policy came before this one";
  if (outcome === "replaced") return "may not register yet: a newer proposal took this one's place";
  const approvals = formatApprovals(outcome, wanted);
  return `may not register yet: policy ${entryId} ${approvals}: tally policy approve ${entryId}`;
}

interface ServicePlace {
  readonly service: string;
  readonly operatorPath: string;
  readonly access: AccessOptions;
}

interface DirectoryPlace {
  readonly dir: string;
  readonly asking: AskingOptions;
}

type Place = DirectoryPlace | ServicePlace;

function placeOf(options: TrustAddOptions): Place {
  const { dir, service, operator, witnessPolicy, witnessMode, witnessMonitor, ...access } = options;
  if (dir !== undefined && service === undefined && operator === undefined) {
    refuseAccess(access);
    return { dir, asking: options };
  }
  const asking = [witnessPolicy, witnessMode, witnessMonitor];
  if (asking.some((one) => one !== undefined)) {
    throw new CliError("CLI_USAGE", "--witness-policy and what goes with it go with --dir");
  }
  if (dir === undefined && service !== undefined && operator !== undefined) {
    return { service, operatorPath: operator, access };
  }
  throw new CliError("CLI_USAGE", "want either --dir, or --service together with --operator");
}

/** Yields what the policy in force says of the key, `undefined` where a new one can admit it. */
function knownOf(current: CurrentPolicy, addition: IssuerKey, time: number): Known | undefined {
  const refusals = termRefusals(current, addition, time);
  // A key that is revoked stays so in the policy that would follow.
  return refusals.length > 0 || isListed(current, addition) ? { refusals } : undefined;
}

async function addInDirectory(
  { dir, asking: options, session }: DirectoryPlace & { readonly session: Session },
  addition: IssuerKey,
  issuedAt: number,
): Promise<Added | Known> {
  const directory = await ServiceDirectory.open(dir);
  const operator = await directory.operatorKey();
  const onNotice = (line: string): void => {
    session.output.note(line);
  };
  const asking = await askingOffline(options, directory, onNotice);
  const service = await openService(directory, {
    advice: "in use by a running server, use --service and --operator",
    ...(asking && { asking, onNoteKey: onNotice }),
  });
  try {
    const current = await service.policyInForce();
    const known = knownOf(current, addition, issuedAt);
    if (known !== undefined) return known;
    const proposal = await signProposal(current, addition, { operator, issuedAt });
    const { entryId } = await service.register(proposal);
    const wanted = current.policy.approvals;
    return { entryId, wanted, standing: await standingOf(service), previous: current.entryId };
  } finally {
    await service.close();
  }
}

async function addThroughService(
  { service, operatorPath, access }: ServicePlace,
  addition: IssuerKey,
  issuedAt: number,
): Promise<Added | Known> {
  const client = await openClient(service, access);
  const operator = await readPrivateKey(operatorPath);
  const current = await policyInForce(client);
  try {
    return await propose(client, current, { addition, operator, issuedAt });
  } catch (error) {
    const isRefused = error instanceof ClientError && error.code === "CLIENT_REFUSED";
    if (!isRefused) throw error;
    // Another operator may have been faster: the proposal then replaces a policy no longer in force.
    const newer = await policyInForce(client);
    if (newer.entryId === current.entryId) throw error;
    return await propose(client, newer, { addition, operator, issuedAt });
  }
}

interface Proposal {
  readonly addition: IssuerKey;
  readonly operator: PrivateKey;
  readonly issuedAt: number;
}

async function propose(
  client: ServiceClient,
  current: CurrentPolicy,
  { addition, operator, issuedAt }: Proposal,
): Promise<Added | Known> {
  const known = knownOf(current, addition, issuedAt);
  if (known !== undefined) return known;
  const proposal = await signProposal(current, addition, { operator, issuedAt });
  const { entryId } = await client.register(proposal);
  const wanted = current.policy.approvals;
  return { entryId, wanted, standing: await client.policy(), previous: current.entryId };
}

function policyInForce(client: ServiceClient): Promise<CurrentPolicy> {
  return readPolicy(policiesOfService(client));
}
