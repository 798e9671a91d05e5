import type { Frozen } from "./record.js";

/**
 * What is wrong with a row.
 *
 * - `missing`: it is not there; the log is incomplete, or corrupt if something else is wrong too.
 * - `unreadable`: the store itself reports damage.
 * - `checksum`: the value does not match its checksum, or belongs to another key.
 * - `malformed`: intact, but not what a row of its kind holds.
 * - `mismatch`: well-formed, but contradicts the entries, the tree or another row.
 * - `signature`: a checkpoint's signature does not hold under the key given.
 * - `unexpected`: there, but nothing accounts for it.
 */
export type ProblemKind =
  "missing" | "unreadable" | "checksum" | "malformed" | "mismatch" | "signature" | "unexpected";

/** One thing that is wrong. */
export interface LogProblem {
  readonly kind: ProblemKind;
  /** The row, as in `tile 0/3` or `body 1f2e3d4c`. */
  readonly where: string;
  readonly detail: string;
}

/** `incomplete`: something is missing and nothing is wrong. `corrupt`: something is wrong. */
export type Verdict = "sound" | "incomplete" | "corrupt";

/** What a check of the whole log found. */
export interface LogReport {
  readonly verdict: Verdict;
  /** Size and root that the head states; 0 and `undefined` if there is no head to read. */
  readonly size: number;
  readonly root: Uint8Array | undefined;
  /** Why and when it was closed for good, as the store or else the anchor says. */
  readonly frozen?: Frozen | undefined;
  /** How much was recomputed and found as stored. Less than `size` entries if a bundle is lost. */
  readonly checked: {
    readonly entries: number;
    readonly tiles: number;
    readonly bodies: number;
    readonly checkpoints: number;
  };
  /** The first of them, at most 1000. */
  readonly problems: readonly LogProblem[];
  readonly problemCount: number;
}

const MAX_PROBLEMS = 1000;

/** Collects problems, and remembers all of them in the verdict even when it keeps no more. */
export class Findings {
  // Owned by add.
  readonly #problems: LogProblem[] = [];
  readonly #seen = new Set<string>();
  #count = 0;
  #verdict: Verdict = "sound";

  /** Adds a problem; the same one again, as when a row is read twice, is not counted again. */
  add(kind: ProblemKind, where: string, detail: string): void {
    const name = [kind, where, detail].join();
    if (this.#seen.has(name)) return;
    this.#count++;
    if (this.#problems.length < MAX_PROBLEMS) {
      this.#problems.push({ kind, where, detail });
      this.#seen.add(name);
    }
    if (kind !== "missing") this.#verdict = "corrupt";
    else if (this.#verdict === "sound") this.#verdict = "incomplete";
  }

  report(): Pick<LogReport, "verdict" | "problems" | "problemCount"> {
    return { verdict: this.#verdict, problems: [...this.#problems], problemCount: this.#count };
  }
}
