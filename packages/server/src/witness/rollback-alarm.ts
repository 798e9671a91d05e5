import { LogError } from "@tallystick/log";
import type { Log } from "@tallystick/log";
import { ownNoteIn } from "@tallystick/witness";
import type { OwnLog, OwnNote } from "@tallystick/witness";

import type { Notes } from "../notes.js";
import { contradictionOf, noteInEvidence } from "./alarm.js";
import type { Contradiction } from "./alarm.js";
import type { NoteKeeper } from "./keeper.js";

/** What an alarm works with. */
export interface AlarmParts {
  readonly log: Log;
  readonly ownLog: OwnLog;
  readonly notes: Notes;
  readonly keeper: NoteKeeper;
  /** Seconds since the epoch. */
  readonly now: () => number;
  /** Told what an operator has to act upon. */
  readonly tell: (line: string) => void;
}

/**
 * Holds the log against checkpoints that its own key signed, keeps one that it does not extend as
 * evidence, and freezes the log (I8).
 */
export class RollbackAlarm {
  readonly #parts: AlarmParts;
  // Owned by compare.
  #isRaised = false;

  constructor(parts: AlarmParts) {
    this.#parts = parts;
  }

  /** Whether a checkpoint was found that the log does not extend. */
  get isRaised(): boolean {
    return this.#isRaised;
  }

  /** Whatever came between an alarm and its freeze, the log stays held against what was found. */
  async compareEvidence(): Promise<void> {
    const { keeper, ownLog, tell } = this.#parts;
    for (const { place, evidence } of await keeper.readEvidence()) {
      if (this.#isRaised) return;
      const note = noteInEvidence(evidence);
      const found = note && (await ownNoteIn(note, ownLog));
      if (found === undefined) tell(`${place} has no checkpoint of this log's key`);
      else await this.compare(found, place, { isKept: true });
    }
  }

  /** Holds the log against a checkpoint, and raises the alarm where the log does not extend it. */
  async compare(
    found: OwnNote,
    where: string,
    { isKept = false }: { readonly isKept?: boolean } = {},
  ): Promise<void> {
    const { log, notes, now, tell } = this.#parts;
    try {
      const finding = { found, where, newest: () => notes.newest(), time: now() };
      const contradiction = await contradictionOf(log, finding);
      if (contradiction === undefined) return;
      this.#isRaised = true;
      tell(`${contradiction.why}, found at ${where}`);
      // First, so that every start knows of it.
      if (!isKept) await this.#keepEvidence(contradiction);
      await this.#freeze(contradiction);
    } catch (error) {
      // A damaged log has an alarm of its own.
      if (!(error instanceof LogError)) throw error;
      tell(`the log cannot be held against ${where}: ${error.message}`);
    }
  }

  async #keepEvidence({ name, evidence }: Contradiction): Promise<void> {
    const kept = await this.#parts.keeper.writeEvidence(name, evidence).then(
      (place) => `the evidence is ${place}`,
      (error: unknown) =>
        `the evidence could not be kept: ${error instanceof Error ? error.message : String(error)}`,
    );
    this.#parts.tell(kept);
  }

  async #freeze({ why }: Contradiction): Promise<void> {
    const { log, tell } = this.#parts;
    const standing = log.standing();
    // I8. An older copy that is known for one is not closed for good: it is about to be replaced.
    if (standing.kind === "reader" && standing.code === "LOG_BEHIND_ANCHOR") return;
    // Shown to everybody, so it says nothing of where things are.
    await log.freeze(`rolled back or forked: ${why}`);
    tell("read-only from here on: find out which copy of the log is the newest one");
  }
}
