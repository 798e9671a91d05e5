import { spaceShortage } from "@tallystick/log";
import type { Log, LogReplay, Space, Store } from "@tallystick/log";

import { closingOnFailure } from "../closing.js";
import { ServerError } from "../error.js";
import type { PayloadReader } from "./payload-reader.js";
import type { RecentStatements } from "./recent.js";
import { SearchIndex } from "./search-index.js";
import type { SearchIndexOptions } from "./search-index.js";

type IndexOptions = Omit<SearchIndexOptions, "store">;

/** Where a search index lives. */
export interface SearchPlace {
  /** Opens its store, which holds nothing else and is empty at first. */
  readonly open: () => Promise<Store>;
  /** Throws away what is stored, which is closed. */
  readonly clear: () => Promise<void>;
}

/**
 * Opens the index of a log; one that is damaged, or was made of another log, is thrown away and made
 * anew.
 *
 * @throws LogError `LOG_UNAVAILABLE`, `LOG_LOCKED`
 */
export async function openIndex(
  place: SearchPlace,
  options: IndexOptions,
  replay: LogReplay,
): Promise<SearchIndex> {
  const index = await attempt(place, options, replay);
  if (index !== undefined) return index;
  await place.clear();
  const store = await place.open();
  return closingOnFailure([store], () => SearchIndex.open({ ...options, store }));
}

async function attempt(
  place: SearchPlace,
  options: IndexOptions,
  replay: LogReplay,
): Promise<SearchIndex | undefined> {
  let store: Store | undefined;
  try {
    store = await place.open();
    const index = await SearchIndex.open({ ...options, store });
    if (await index.isOf(replay)) return index;
  } catch (error) {
    if (!isDamage(error)) {
      await store?.close();
      throw error;
    }
  }
  await store?.close();
  return undefined;
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "LOG_CORRUPT";
}

/** How a {@link Follower} follows. */
export interface FollowerOptions {
  /** Reads the payloads for the index. */
  readonly reader?: PayloadReader | undefined;
  /** What it follows faster for, the more there is of it. */
  readonly recent?: RecentStatements | undefined;
  /** Told once why the index cannot be used any more. */
  readonly onFailure: (error: unknown) => void;
  /** Room that there must be, or it waits for its next call: it must not fill the disk of the log. */
  readonly space?: Space | undefined;
}

/**
 * Least milliseconds between two beginnings of catching up: each ends in a synced write, and writes each
 * list anew that has grown. The second is for when what is on its way fills half of its memory.
 */
const PACE_MS = 1000;
const PRESSED_PACE_MS = 200;

/**
 * Has an index follow a log behind its rounds. They never wait for it to end, and share the thread with
 * it: what it reads of one payload is bounded, and they have a turn behind each.
 */
export class Follower {
  readonly index: SearchIndex;
  readonly #log: Log;
  readonly #onFailure: (error: unknown) => void;
  readonly #space: Space | undefined;
  readonly #reader: PayloadReader | undefined;
  readonly #recent: RecentStatements | undefined;
  // Owned by onCaughtUp.
  #caughtUp: () => Promise<void> = () => Promise.resolve();
  // Owned by wake and #run.
  #running: Promise<void> | undefined;
  #isAsked = false;
  #failure: Error | undefined;
  #isClosed = false;
  // Owned by #pace: when it began last, and what ends the wait for the next time.
  #began = -PACE_MS;
  #hurry: (() => void) | undefined;
  // Owned by settled: how many wait for all of it.
  #hurrying = 0;
  // Owned by #fail.
  #condemning: Promise<void> | undefined;

  constructor(index: SearchIndex, log: Log, options: FollowerOptions) {
    this.index = index;
    this.#log = log;
    this.#onFailure = options.onFailure;
    this.#space = options.space;
    this.#reader = options.reader;
    this.#recent = options.recent;
  }

  /** Has a function called each time the index has caught up. */
  onCaughtUp(act: () => Promise<void>): void {
    this.#caughtUp = act;
  }

  /** Has it look whether there is more; does not wait. */
  wake(): void {
    this.#isAsked = true;
    if (this.#isClosed || this.#failure !== undefined) return;
    if (this.#left() <= 0) this.#hurry?.();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Asked between the last look and the end.
      if (this.#isAsked) this.wake();
    });
  }

  /**
   * Yields the index, as far as it has got.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_UNAVAILABLE` once it has failed
   */
  require(): SearchIndex {
    if (this.#failure === undefined) return this.index;
    const message = `the index cannot be used, restart the service: ${this.#failure.message}`;
    throw new ServerError("SERVER_SEARCH_UNAVAILABLE", message, { cause: this.#failure });
  }

  /**
   * Yields what an act on the index yields. Damage that it meets ends the use of the index, and has the
   * next start make it anew.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_UNAVAILABLE`; else what the act throws
   */
  async use<T>(act: (index: SearchIndex) => Promise<T>): Promise<T> {
    const index = this.require();
    try {
      return await act(index);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#fail(error);
      this.require();
      throw error;
    }
  }

  /**
   * Resolves once the index has all that the log had at the call, or has failed.
   *
   * @throws LogError `LOG_SPACE_LOW` where it has no room for that
   */
  async settled(): Promise<void> {
    const { size } = this.#log.head().checkpoint;
    this.#hurrying++;
    this.#reader?.hurry();
    try {
      this.wake();
      this.#hurry?.();
      while (this.#running !== undefined) await this.#running;
    } finally {
      this.#hurrying--;
      this.#reader?.relax();
    }
    if (!this.#goesOn() || this.index.size >= size) return;
    const shortage = await spaceShortage(this.#space);
    if (shortage !== undefined) throw shortage;
  }

  /** Stops after the write under way, and closes the index. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#reader?.end();
    this.#hurry?.();
    await this.#running;
    await this.#condemning;
    await this.index.close();
  }

  async #run(): Promise<void> {
    try {
      while (this.#isAsked && !this.#isClosed) {
        await this.#pace();
        this.#isAsked = false;
        if (!(await this.#hasRoom())) return;
        const replay = this.#log.replay();
        await this.index.catchUp(replay, () => this.#goesOn() && this.#hasRoom());
        // After each time, for under load there is always more.
        if (this.#goesOn() && this.index.size >= replay.size) void this.#caughtUp();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #goesOn(): boolean {
    return !this.#isClosed && this.#failure === undefined;
  }

  // Under load a beginning for every round would cost more than all that is indexed.
  async #pace(): Promise<void> {
    const left = this.#left();
    if (left > 0 && this.#hurrying === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#hurry = undefined;
    }
    this.#began = performance.now();
  }

  /** Yields how many milliseconds are left until the next beginning. */
  #left(): number {
    const pace = this.#recent?.isFilling === true ? PRESSED_PACE_MS : PACE_MS;
    return this.#began + pace - performance.now();
  }

  async #hasRoom(): Promise<boolean> {
    return (await spaceShortage(this.#space)) === undefined;
  }

  // What was derived is lost, and nothing else: the log goes on.
  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#isAsked = false;
    this.#onFailure(error);
    // Closed: what was found then will be found again.
    if (isDamage(error) && !this.#isClosed) this.#condemning = this.#condemn();
  }

  async #condemn(): Promise<void> {
    await this.#running;
    await this.index.condemn().catch(this.#onFailure);
  }
}
