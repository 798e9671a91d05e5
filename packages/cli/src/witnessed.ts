import { ClientError } from "@tallystick/client";
import { CheckedReader, readHeads, requireNote } from "@tallystick/mirror";
import type { LogHeads, ReadPath } from "@tallystick/mirror";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import { CliError } from "./error.js";
import type { ReadPlace } from "./read-path.js";

/** What a service is held against. */
export interface Demand {
  readonly trust: TrustStore;
  readonly witnesses: WitnessPolicy;
}

/**
 * Reads the checkpoints that a service, or a folder of its files, shows as its newest: the published note has the quorum of a policy,
 * and `checkpoints/latest` extends it.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; ClientError; MirrorError as `readHeads`
 */
export function readWitnessed(path: ReadPath, demand: Demand): Promise<LogHeads> {
  return readHeads(new CheckedReader(path), demand);
}

/** What the note of a place is held against. */
interface Shown {
  /** What the place showed as its newest checkpoint. */
  readonly newest: SignedCheckpoint;
  readonly trust: TrustStore;
  readonly ignoresCutoffs?: true;
}

/**
 * Holds the note of a place against what it showed as its newest checkpoint, where its key is pinned, and
 * yields the size of the note. A place may have none, or none yet: `tell` is told why it is not held.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; ClientError; MirrorError as `requireNote`
 */
export async function readNoted(
  { path, source }: ReadPlace,
  { newest, trust, ...options }: Shown,
  tell: (line: string) => void,
): Promise<number | undefined> {
  const { issuer, origin } = newest.checkpoint;
  const isPinned = trust.services.some(
    (one) => one.issuer === issuer && one.origin === origin && one.note !== undefined,
  );
  if (!isPinned) return undefined;
  // Asked for once: one that shows none before it has a quorum would have everybody wait.
  const note = await source.read("checkpoint").catch(absence);
  if (!(note instanceof Uint8Array)) {
    tell(`tally: the note is not there to be held against the newest checkpoint: ${note}`);
    return undefined;
  }
  const noted: ReadPath = {
    find: (resource, maxBytes) =>
      resource === "checkpoint" ? Promise.resolve(note) : path.find(resource, maxBytes),
  };
  return requireNote(new CheckedReader(noted), newest, { trust, ...options });
}

function absence(error: unknown): string {
  if (error instanceof ClientError || error instanceof CliError) return error.message;
  throw error;
}
