import { ClientError } from "@tallystick/client";
import { MirrorError } from "@tallystick/mirror";
import type { Contradiction } from "@tallystick/receipt";

import { CliError } from "./error.js";
import { describeError } from "./exit.js";
import { isRegular, isThere, readWhole, writeWhole } from "./file.js";
import type { Output } from "./output.js";

/** What evidence is called where nothing is kept of the log that it could be named after. */
export const LOOSE_EVIDENCE = "tally.evidence";

/** Where evidence goes. */
export interface EvidencePlace {
  /** What the user named, with a number behind it where another file has that name. */
  readonly path?: string | undefined;
  /** What it is called otherwise. Under either name, earlier evidence of the very same is taken for it. */
  readonly otherwise: string;
}

/**
 * Writes what shows that a log contradicts itself, and says where; what cannot be written is shown.
 * Yields the path.
 */
export async function keepEvidence(
  contradiction: Contradiction,
  { path, otherwise }: EvidencePlace,
  output: Output,
): Promise<string | undefined> {
  try {
    const text = contradiction.format();
    const name = await nameFor(path ?? otherwise, text);
    await writeWhole(name, text);
    output.note(`wrote ${name}: whoever pins the log's key can check it with tally evidence`);
    return name;
  } catch (cause) {
    if (!(cause instanceof CliError)) throw cause;
    // What was found matters more than that it could not be kept.
    output.noteText(`tally: ${describeError(cause, "the evidence is not kept")}`);
    output.noteText(contradiction.format());
    return undefined;
  }
}

/**
 * Yields what an act does. Where it fails for what shows that a log contradicts itself, writes that first, as
 * {@link keepEvidence}.
 */
export async function withEvidence<T>(
  place: EvidencePlace,
  output: Output,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    await keepEvidenceOf(error, place, output);
    throw error;
  }
}

/** Writes as {@link keepEvidence} what an error shows, if that is a contradiction. */
export async function keepEvidenceOf(
  error: unknown,
  place: EvidencePlace,
  output: Output,
): Promise<void> {
  if (!(error instanceof ClientError) && !(error instanceof MirrorError)) return;
  if (error.contradiction !== undefined) await keepEvidence(error.contradiction, place, output);
}

// Evidence is never overwritten, and the same is not piled up by whoever looks every minute.
async function nameFor(path: string, same: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? path : `${path}.${number}`;
    // Nothing is lost where a pipe or device is written to.
    if (!(await isThere(name)) || !(await isRegular(name))) return name;
    if (new TextDecoder().decode(await readWhole(name)) === same) return name;
  }
}
