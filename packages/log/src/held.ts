import type { Anchor } from "./anchor.js";
import { toLogError } from "./error.js";
import type { Store } from "./store.js";

/** What an open log holds, for itself alone. */
export interface Held {
  readonly store: Store;
  readonly anchor: Anchor;
}

/**
 * Opens something over a store and an anchor, and lets go of both if that fails.
 *
 * @throws {@link LogError} what `open` throws, `LOG_UNAVAILABLE` for what is none of them; TypeError
 */
export async function owning<T>(held: Held, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await release(held);
    if (error instanceof TypeError) throw error;
    throw toLogError(error, "LOG_UNAVAILABLE", "the log could not be opened");
  }
}

/**
 * Closes both, whatever becomes of the other.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE`
 */
export async function release({ store, anchor }: Held): Promise<void> {
  const [closedStore, closedAnchor] = await Promise.allSettled([store.close(), anchor.close()]);
  for (const closed of [closedStore, closedAnchor]) {
    if (closed.status === "fulfilled") continue;
    throw toLogError(closed.reason, "LOG_UNAVAILABLE", "close failed");
  }
}
