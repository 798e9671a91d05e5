import type { ServiceClient } from "@tallystick/client";
import { decodeHex } from "@tallystick/cose";
import { Policy, isApprovalStatement, isPolicyStatement, parseApproval } from "@tallystick/policy";
import type { TransparencyService } from "@tallystick/server";
import { SignedStatement, parseEntryId } from "@tallystick/statement";

import type { PolicyStanding } from "./approvals.js";
import { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { openService } from "./opening.js";
import type { CurrentPolicy } from "./proposal.js";

/** Where policies are read: a running service, or a directory. */
export interface PolicyPlace {
  /** Yields which entry put the policy in force, and which proposals wait. */
  readonly standing: () => Promise<PolicyStanding>;
  readonly statement: (entryId: string) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** A policy that was proposed, and with which entry. */
export interface ReadPolicy extends CurrentPolicy {
  /** EntryID of the proposal; that of the policy itself, unless it was read by an approval. */
  readonly proposal: string;
}

/** Reads from a running service. */
export function policiesOfService(client: ServiceClient): PolicyPlace {
  return {
    standing: () => client.policy(),
    statement: (entryId) => client.statement(entryId),
    close: () => Promise.resolve(),
  };
}

/**
 * Reads from a directory, whose log this process opens.
 *
 * @throws {@link CliError} `CLI_DIRECTORY_INVALID`, `CLI_DIRECTORY_IN_USE`; LogError
 */
export async function policiesOfDirectory(dir: string): Promise<PolicyPlace> {
  const directory = await ServiceDirectory.open(dir);
  const service = await openService(directory, {
    advice: "in use by a running server, use --service",
  });
  return {
    standing: () => standingOf(service),
    statement: (entryId) => service.log.body(decodeHex(entryId)),
    close: () => service.close(),
  };
}

/** Yields how policies stand in a service that this process has open. */
export async function standingOf(service: TransparencyService): Promise<PolicyStanding> {
  const { entryId, state } = await service.policyInForce();
  const proposals = [...state.proposals].map(([id, { approvers }]) => ({
    entryId: id,
    approvers: [...approvers],
  }));
  return { entryId, proposals };
}

/**
 * Reads the policy that an entry proposes or, as an approval, helps into force: off its signed
 * statement, and not as a service tells it. The EntryID is that of the entry.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_SERVICE_INCONSISTENT`; PolicyError, StatementError
 */
export async function readPolicy(place: PolicyPlace, entryId?: string): Promise<ReadPolicy> {
  const named = entryId ?? (await place.standing()).entryId;
  if (parseEntryId(named) === undefined) {
    throw new CliError("CLI_USAGE", "an EntryID is 64 lower-case hexadecimal digits");
  }
  const statement = SignedStatement.decode(await place.statement(named), {
    isSubjectOptional: true,
  });
  if (isPolicyStatement(statement)) {
    return { policy: policyIn(statement), entryId: named, proposal: named };
  }
  if (!isApprovalStatement(statement) || statement.payload === null) {
    throw new CliError("CLI_USAGE", `${named} is neither a policy nor an approval of one`);
  }
  const { proposal } = parseApproval(statement.payload);
  const proposed = SignedStatement.decode(await place.statement(proposal), {
    isSubjectOptional: true,
  });
  return { policy: policyIn(proposed), entryId: named, proposal };
}

function policyIn({ payload }: SignedStatement): Policy {
  if (payload !== null) return Policy.parse(payload);
  throw new CliError("CLI_SERVICE_INCONSISTENT", "the policy has no payload");
}
