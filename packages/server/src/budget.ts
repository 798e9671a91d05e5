import { ServerError } from "./error.js";

/** Bytes of request bodies that the process holds at once, over all connections. */
export const MAX_BYTES_IN_FLIGHT = 268_435_456;

/** Bytes of completeness proofs that the process holds at once: made, or being made. */
export const MAX_PROOF_BYTES_HELD = 67_108_864;

/** The part of what is bounded for all that one client has at most. */
export const CLIENT_SHARE: number = 1 / 4;

/** The part of the bytes for single bodies that one client has at most. */
export const BODY_SHARE: number = 1 / 16;

/** What bounds something that many clients share. */
export interface SharedLimits {
  /** Most of it for all together. */
  readonly most: number;
  /** Most of it for one client. */
  readonly mostOfOne: number;
  /** What is counted, in the plural. */
  readonly what: string;
}

/**
 * What the requests under way may take up together, so that many cannot fill the memory, and those of
 * one client, so that it cannot keep the others out: bytes or places.
 *
 * Who holds nothing is not remembered.
 */
export class SharedBudget {
  readonly #limits: SharedLimits;
  // Owned by #add: what is held, by all and by client.
  #held = 0;
  readonly #byClient = new Map<string, number>();

  constructor(limits: SharedLimits) {
    this.#limits = limits;
  }

  /** Yields whether a client may take as much now. */
  hasRoom(amount: number, client: string): boolean {
    return this.#isFree(amount) && this.#isWithinShare(amount, client);
  }

  /**
   * Yields the way to give it back, once.
   *
   * @throws {@link ServerError} `SERVER_BUSY` where there is no room for anybody, `SERVER_RATE_LIMITED`
   * where there is none for this client
   */
  take(amount: number, client: string): () => void {
    const { mostOfOne, what } = this.#limits;
    if (!this.#isFree(amount)) {
      throw new ServerError("SERVER_BUSY", `too many ${what} are under way`);
    }
    if (!this.#isWithinShare(amount, client)) {
      const message = `${Math.floor(mostOfOne)} ${what} of one client under way at once`;
      throw new ServerError("SERVER_RATE_LIMITED", message, { retryAfter: 1 });
    }
    this.#add(amount, client);
    let isHeld = true;
    return () => {
      if (isHeld) this.#add(-amount, client);
      isHeld = false;
    };
  }

  #isFree(amount: number): boolean {
    return this.#held + amount <= this.#limits.most;
  }

  // The first of a client, however large, is always let in: how large it may be is for others to say.
  #isWithinShare(amount: number, client: string): boolean {
    const before = this.#byClient.get(client) ?? 0;
    return before === 0 || before + amount <= this.#limits.mostOfOne;
  }

  #add(amount: number, client: string): void {
    this.#held += amount;
    const held = (this.#byClient.get(client) ?? 0) + amount;
    if (held > 0) this.#byClient.set(client, held);
    else this.#byClient.delete(client);
  }
}
