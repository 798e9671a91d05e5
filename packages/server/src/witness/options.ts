import type { WitnessPolicy } from "@tallystick/tlog";
import type { AskOutcome } from "@tallystick/witness";

import type { NoteKeeper } from "./keeper.js";

/**
 * What `/checkpoint` is.
 *
 * - `preferred`: the newest checkpoint, with the cosignatures that it has.
 * - `required`: the newest checkpoint with a quorum of cosignatures, never one without.
 */
export type WitnessMode = "preferred" | "required";

/** Whom to ask for cosignatures, and what for. Times are in milliseconds. */
export interface WitnessOptions {
  readonly policy: WitnessPolicy;
  /** Monitoring prefixes of witnesses whose checkpoints are not below their URL, by name. */
  readonly monitors?: ReadonlyMap<string, string>;
  readonly mode: WitnessMode;
  readonly keeper: NoteKeeper;
  /** Between two times that the same checkpoint is asked about, 60 s by default. */
  readonly everyMs?: number;
  /** Least time between two checkpoints that are asked about, 1 s by default. */
  readonly pauseMs?: number;
  /** For each exchange with a witness, 10 s by default. */
  readonly timeoutMs?: number;
  /** For each witness before the service takes registrations, 5 s by default. */
  readonly bootTimeoutMs?: number;
  /** Registers although a quorum of witnesses claims what the log has not, or has not been heard. */
  readonly ignoreSizes?: boolean;
  /** Told what an operator should know. */
  readonly onNotice?: (line: string) => void;
  /** Told what an operator has to act upon; as a notice unless given. */
  readonly onAlarm?: (line: string) => void;
}

/** What there is of a quorum, and what each witness did last; null for what there is not yet. */
export interface WitnessOutlook {
  readonly mode: WitnessMode;
  readonly quorum: { readonly size: number; readonly ageSeconds: number | null };
  readonly witnesses: readonly {
    readonly name: string;
    readonly outcome: AskOutcome | null;
    /** In entries and POSIX seconds. */
    readonly cosigned: { readonly size: number; readonly time: number } | null;
  }[];
}
