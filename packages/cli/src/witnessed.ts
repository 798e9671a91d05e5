import { CheckedReader, readHeads } from "@tallystick/mirror";
import type { LogHeads } from "@tallystick/mirror";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import type { AccessOptions } from "./access.js";
import { openPath } from "./read-path.js";

/** Longest time to wait for an answer. */
const TIMEOUT_MS = 30_000;

/** What a service is held against. */
export interface Demand {
  readonly trust: TrustStore;
  readonly witnesses: WitnessPolicy;
}

/**
 * Reads the checkpoints that a service, or a folder of its files, shows as its newest: the published note has the quorum of a policy,
 * and `checkpoints/latest` extends it.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`; ClientError; MirrorError as `readHeads`
 */
export async function readWitnessed(
  place: string,
  demand: Demand,
  access: AccessOptions,
): Promise<LogHeads> {
  const path = await openPath(place, { ...access, timeoutMs: TIMEOUT_MS });
  return readHeads(new CheckedReader(path), demand);
}
