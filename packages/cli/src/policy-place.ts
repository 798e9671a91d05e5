import type { ServiceClient } from "@tallystick/client";
import { decodeHex } from "@tallystick/cose";
import { Policy, isApprovalStatement, isPolicyStatement, parseApproval } from "@tallystick/policy";
import { SignedStatement, parseEntryId } from "@tallystick/statement";

import { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { openService } from "./opening.js";
import type { CurrentPolicy } from "./proposal.js";

/** Where policies are read: a running service, or a directory. */
export interface PolicyPlace {
  /** Yields the EntryID of the entry that put the policy in force. */
  readonly inForce: () => Promise<string>;
  readonly statement: (entryId: string) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** Reads from a running service. */
export function policiesOfService(client: ServiceClient): PolicyPlace {
  return {
    inForce: async () => (await client.policy()).entryId,
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
    inForce: async () => (await service.policyInForce()).entryId,
    statement: (entryId) => service.log.body(decodeHex(entryId)),
    close: () => service.close(),
  };
}

/**
 * Reads the policy that an entry proposes or, as an approval, helps into force: off its signed
 * statement, and not as a service tells it. The EntryID is that of the entry.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_SERVICE_INCONSISTENT`; PolicyError, StatementError
 */
export async function readPolicy(place: PolicyPlace, entryId?: string): Promise<CurrentPolicy> {
  const named = entryId ?? (await place.inForce());
  if (parseEntryId(named) === undefined) {
    throw new CliError("CLI_USAGE", "an EntryID is 64 lower-case hexadecimal digits");
  }
  const statement = SignedStatement.decode(await place.statement(named), {
    isSubjectOptional: true,
  });
  if (isPolicyStatement(statement)) return { policy: policyIn(statement), entryId: named };
  if (!isApprovalStatement(statement) || statement.payload === null) {
    throw new CliError("CLI_USAGE", `${named} is neither a policy nor an approval of one`);
  }
  const { proposal } = parseApproval(statement.payload);
  const proposed = SignedStatement.decode(await place.statement(proposal));
  return { policy: policyIn(proposed), entryId: named };
}

function policyIn({ payload }: SignedStatement): Policy {
  if (payload !== null) return Policy.parse(payload);
  throw new CliError("CLI_SERVICE_INCONSISTENT", "the policy has no payload");
}
