import type { Anchor } from "./anchor.js";
import { type LogError, toLogError } from "./error.js";
import type { Recovered } from "./recover.js";
import { type OnStep, reachStep } from "./step.js";
import type { Store } from "./store.js";

/** What {@link settleAnchor} needs. */
export interface SettleOptions {
  readonly store: Store;
  readonly anchor: Anchor;
  readonly onStep?: OnStep | undefined;
  /** Told before the rejection: a write has failed, and the process should end as after a commit. */
  readonly onFatal?: ((error: LogError) => void) | undefined;
}

/**
 * Makes durable in the anchor what it lacks of a log that passed its checks at boot, and lets go of
 * what was kept of the store should the anchor have shown that it lost something.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE`
 */
export async function settleAnchor(
  { state, anchored, unanchored, frozen }: Recovered,
  { store, anchor, onStep, onFatal }: SettleOptions,
): Promise<void> {
  try {
    // I7: of a record whose sync failed, memory may hold what the disk lacks.
    await anchor.renew();
    // I1: shown before it is anchored, it could be lost and signed again over another tree.
    if (unanchored !== undefined) {
      await anchor.append(unanchored);
      await reachStep(onStep, "anchored", state.view.size);
    }
    if (frozen !== undefined && anchor.frozen === undefined) await anchor.appendFreeze(frozen);
    if (anchored.kind === "writer") await store.discardKept?.();
  } catch (error) {
    const fatal = toLogError(error, "LOG_UNAVAILABLE", "the anchor could not be settled");
    onFatal?.(fatal);
    throw fatal;
  }
}
