import { CLIENT_SHARE } from "./budget.js";
import { ServerError } from "./error.js";

/** How many registrations may be under way, and how many bytes of statements. */
export interface QueueLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** A statement that is to be registered. */
interface Arrival {
  readonly bytes: number;
  readonly client: string;
  /** Whether it came in a batch. */
  readonly isBatch: boolean;
}

interface Waiting {
  readonly arrival: Arrival;
  readonly enter: (leave: () => void) => void;
}

/** A statement of a batch that is to wait for its place. */
export interface RoomRequest {
  readonly bytes: number;
  readonly client: string;
  /** Aborted once nobody waits for the place any more. */
  readonly signal: AbortSignal;
}

/** How many statements there are, and how many bytes they have. */
export interface Load {
  readonly entries: number;
  readonly bytes: number;
}

const NOTHING: Load = { entries: 0, bytes: 0 };

/**
 * The registrations under way: from the moment a statement is whole until it is on the log or refused,
 * whether somebody still waits for the answer or not. Bounded by count and by bytes, for all and for
 * each client, which has a quarter.
 *
 * Batches wait for room and use half of it, so that single registrations find the other half. A client
 * has its quarter for either, so that its batches do not keep out what it sends beside them.
 */
export class RegistrationQueue {
  readonly #limits: QueueLimits;
  // Owned by #add: what is under way, what of it came in batches, and what of either by client.
  #all = NOTHING;
  #batches = NOTHING;
  readonly #single = new Map<string, Load>();
  readonly #batched = new Map<string, Load>();
  // Owned by room and #admitWaiting; in order of arrival.
  readonly #waiting: Waiting[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** How many registrations are under way. */
  get entries(): number {
    return this.#all.entries;
  }

  /** How many bytes their statements have. */
  get bytes(): number {
    return this.#all.bytes;
  }

  /** What waits for room. */
  get waiting(): Load {
    const bytes = this.#waiting.reduce((sum, { arrival }) => sum + arrival.bytes, 0);
    return { entries: this.#waiting.length, bytes };
  }

  /**
   * Takes a place for a statement of a client, and yields the way to leave again, to be gone once.
   *
   * @throws {@link ServerError} `SERVER_BUSY` where there is no room for anybody, `SERVER_RATE_LIMITED`
   * where there is none for this client
   */
  take(bytes: number, client: string): () => void {
    const arrival = { bytes, client, isBatch: false };
    if (!this.#isFree(bytes)) {
      throw new ServerError("SERVER_BUSY", "too many registrations are under way");
    }
    if (!this.#isWithinShare(arrival)) {
      const most = Math.max(1, Math.floor(this.#limits.maxEntries * CLIENT_SHARE));
      const message = `${most} registrations of one client under way at once`;
      throw new ServerError("SERVER_RATE_LIMITED", message, { retryAfter: 1 });
    }
    return this.#enter(arrival);
  }

  /**
   * Waits for room in the half of batches, behind who came before and may enter; yields the way to
   * leave again, or `undefined` where the signal came first: then nothing is held.
   */
  room({ bytes, client, signal }: RoomRequest): Promise<(() => void) | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const abandon = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        resolve(undefined);
        // Who stood behind it may fit where it did not.
        this.#admitWaiting();
      };
      const enter = (leave: () => void): void => {
        signal.removeEventListener("abort", abandon);
        resolve(leave);
      };
      const waiting = { arrival: { bytes, client, isBatch: true }, enter };
      signal.addEventListener("abort", abandon, { once: true });
      this.#waiting.push(waiting);
      this.#admitWaiting();
    });
  }

  // What is larger than the whole queue is let in when nothing else is there, or it could never be.
  #isFree(bytes: number): boolean {
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#all.entries === 0) return true;
    return this.#all.entries < maxEntries && this.#all.bytes + bytes <= maxBytes;
  }

  #isFreeForBatch(bytes: number): boolean {
    return this.#isFree(bytes) && this.#isWithin(this.#batches, bytes, 1 / 2);
  }

  #isWithinShare({ bytes, client, isBatch }: Arrival): boolean {
    const held = (isBatch ? this.#batched : this.#single).get(client) ?? NOTHING;
    return this.#isWithin(held, bytes, CLIENT_SHARE);
  }

  // The first one is always within its part.
  #isWithin(held: Load, bytes: number, part: number): boolean {
    const { maxEntries, maxBytes } = this.#limits;
    if (held.entries === 0) return true;
    return held.entries < maxEntries * part && held.bytes + bytes <= maxBytes * part;
  }

  #enter(arrival: Arrival): () => void {
    this.#add(arrival, 1);
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#add(arrival, -1);
      this.#admitWaiting();
    };
  }

  #add({ bytes, client, isBatch }: Arrival, sign: 1 | -1): void {
    const sum = ({ entries, bytes: before }: Load): Load => ({
      entries: entries + sign,
      bytes: before + sign * bytes,
    });
    this.#all = sum(this.#all);
    if (isBatch) this.#batches = sum(this.#batches);
    const clients = isBatch ? this.#batched : this.#single;
    const held = sum(clients.get(client) ?? NOTHING);
    if (held.entries > 0) clients.set(client, held);
    else clients.delete(client);
  }

  // Who waits for its own client to make room is passed over; who waits for all is not, however large.
  #admitWaiting(): void {
    for (let at = 0; at < this.#waiting.length;) {
      const next = this.#waiting[at];
      if (next === undefined) return;
      if (!this.#isWithinShare(next.arrival)) {
        at++;
        continue;
      }
      if (!this.#isFreeForBatch(next.arrival.bytes)) return;
      this.#waiting.splice(at, 1);
      next.enter(this.#enter(next.arrival));
    }
  }
}
