import { ServerError } from "./error.js";

/** Bytes of request bodies that the process holds at once, over all connections. */
export const MAX_BYTES_IN_FLIGHT = 268_435_456;

/** Bytes of completeness proofs that the process holds at once: made, or being made. */
export const MAX_PROOF_BYTES_HELD = 67_108_864;

/** The part of a budget that one client has to itself. */
export const CLIENT_SHARE: number = 1 / 16;

/** What several things may take up together. */
export class ByteBudget {
  readonly #maxBytes: number;
  // Owned by take.
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Yields whether there is room for so many bytes. */
  hasRoom(bytes: number): boolean {
    return this.#held + bytes <= this.#maxBytes;
  }

  /** Yields the way to give the bytes back, once; `undefined` where there is no room for them. */
  take(bytes: number): (() => void) | undefined {
    if (!this.hasRoom(bytes)) return undefined;
    this.#held += bytes;
    let isHeld = true;
    return () => {
      if (isHeld) this.#held -= bytes;
      isHeld = false;
    };
  }
}

/**
 * What the bodies under way may take up together, so that many slow senders cannot fill the memory,
 * and those of one client, so that it cannot keep the others out. A body counts from its headers on.
 */
export class BodyBudget {
  readonly #all: ByteBudget;
  readonly #maxOfOne: number;
  // Owned by take: what the requests under way may still send or have sent, by client.
  readonly #byClient = new Map<string, number>();

  /** `share` is what one client may have of it, all unless given. */
  constructor(maxBytes: number, share = 1) {
    this.#all = new ByteBudget(maxBytes);
    this.#maxOfOne = maxBytes * share;
  }

  /** Yields whether there is room for a body of a client. */
  hasRoom(bytes: number, client: string): boolean {
    return this.#all.hasRoom(bytes) && this.#isWithinShare(bytes, client);
  }

  /**
   * Yields the way to give the bytes back, once.
   *
   * @throws {@link ServerError} `SERVER_BUSY` where there is no room for anybody, `SERVER_RATE_LIMITED`
   * where there is none for this client
   */
  take(bytes: number, client: string): () => void {
    if (this.#all.hasRoom(bytes) && !this.#isWithinShare(bytes, client)) {
      const message = `${this.#maxOfOne} bytes of one client under way at once`;
      throw new ServerError("SERVER_RATE_LIMITED", message, { retryAfter: 1 });
    }
    const release = this.#all.take(bytes);
    if (release === undefined)
      throw new ServerError("SERVER_BUSY", "too many bodies are under way");
    this.#add(client, bytes);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      release();
      this.#add(client, -bytes);
    };
  }

  // One body of any length is always let in: how long it may be is for others to say.
  #isWithinShare(bytes: number, client: string): boolean {
    const before = this.#byClient.get(client) ?? 0;
    return before === 0 || before + bytes <= this.#maxOfOne;
  }

  #add(client: string, bytes: number): void {
    const held = (this.#byClient.get(client) ?? 0) + bytes;
    if (held > 0) this.#byClient.set(client, held);
    else this.#byClient.delete(client);
  }
}
