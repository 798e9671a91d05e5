/** Bytes of request bodies that the process holds at once, over all connections. */
export const MAX_BYTES_IN_FLIGHT = 268_435_456;

/** Bytes of completeness proofs that the process holds at once: made, or being made. */
export const MAX_PROOF_BYTES_HELD = 67_108_864;

/** What the bodies under way may take up together, so that many slow senders cannot fill the memory. */
export class BodyBudget {
  readonly #maxBytes: number;
  // Owned by take: what the requests under way may still send or have sent.
  #inFlight = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Yields the way to give the bytes back, once; `undefined` where there is no room for them. */
  take(bytes: number): (() => void) | undefined {
    if (this.#inFlight + bytes > this.#maxBytes) return undefined;
    this.#inFlight += bytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#inFlight -= bytes;
      isHeld = false;
    };
  }
}
