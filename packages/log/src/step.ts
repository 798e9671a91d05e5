/** The steps of a commit, in order; numbered from 1. */
export const COMMIT_STEPS = [
  "built",
  "recounted",
  "guarded",
  "signed",
  "committed",
  "readBack",
  "anchored",
  "published",
  "released",
] as const;

/** One of {@link COMMIT_STEPS}. */
export type StepName = (typeof COMMIT_STEPS)[number];

/** A step that a round has just completed. */
export interface CommitStep {
  readonly name: StepName;
  /** Place in the order of the steps, from 1. */
  readonly number: number;
  /** Tree size that the round leads to. */
  readonly size: number;
}

/**
 * Told of each step right after it; the round waits for the answer. Whatever it throws stops the log,
 * as an error of the step would.
 */
export type OnStep = (step: CommitStep) => void | Promise<void>;

/** Tells `onStep`, if there is one, that a round to `size` has completed a step. */
export async function reachStep(
  onStep: OnStep | undefined,
  name: StepName,
  size: number,
): Promise<void> {
  await onStep?.({ name, number: COMMIT_STEPS.indexOf(name) + 1, size });
}
