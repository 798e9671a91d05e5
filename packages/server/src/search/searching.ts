import type { IndexedLog, Term } from "@tallystick/catalog";
import type { Log, Space } from "@tallystick/log";

import { ServerError } from "../error.js";
import { Follower, openIndex } from "./follower.js";
import type { SearchPlace } from "./follower.js";
import { Heads } from "./heads.js";
import type { HeadOptions, HeadParts } from "./heads.js";
import { PayloadReader } from "./payload-reader.js";
import { IndexProver } from "./prover.js";
import type { Proven } from "./prover.js";
import { RecentCheckpoints } from "./recent-checkpoints.js";
import { RecentStatements } from "./recent.js";
import { searchPage } from "./query.js";
import type { SearchPage, SearchQuery } from "./query.js";
import type { CheckpointTime, SearchIndex } from "./search-index.js";

/** How a service is searched. */
export interface SearchingOptions {
  /** Where the index lives; there is none unless given. */
  readonly place: SearchPlace | undefined;
  readonly name: IndexedLog;
  /** Told once when the index fails; opening throws where it is not given. */
  readonly onFailure: ((error: unknown) => void) | undefined;
  /** Room that there must be for the index to grow. */
  readonly space?: Space | undefined;
}

interface Following {
  readonly recent: RecentStatements;
  readonly checkpoints: RecentCheckpoints;
  readonly follower: Follower;
  readonly prover: IndexProver;
}

/** The search index of a service, what proves out of it, and what commits to it; there may be none. */
export class Searching {
  readonly #name: IndexedLog;
  readonly #following: Following | undefined;
  // Owned by commitWith.
  #heads: Heads | undefined;

  private constructor(name: IndexedLog, following?: Omit<Following, "prover">) {
    this.#name = name;
    this.#following = following && {
      ...following,
      prover: new IndexProver(following.follower.index),
    };
  }

  /** Where registration leaves statements for the index; `undefined` where there is none. */
  get recent(): RecentStatements | undefined {
    return this.#following?.recent;
  }

  /**
   * Opens the index of a log, which it follows from here on whenever it is woken.
   *
   * @throws what keeps the index from opening, where nobody is told of it
   */
  static async open(options: SearchingOptions, log: Log): Promise<Searching> {
    const { place, name, onFailure, space } = options;
    if (place === undefined) return new Searching(name);
    try {
      const recent = new RecentStatements();
      const checkpoints = new RecentCheckpoints(log.head().checkpoint.size);
      const reader = new PayloadReader({ isShared: true });
      const index = await openIndex(
        place,
        { log: name, recent, checkpoints, reader },
        log.replay(),
      );
      const failed = (error: unknown): void => {
        recent.stop();
        onFailure?.(error);
      };
      const follower = new Follower(index, log, { onFailure: failed, space, reader, recent });
      return new Searching(name, { recent, checkpoints, follower });
    } catch (error) {
      if (onFailure === undefined) throw error;
      // What is derived keeps no service from starting.
      onFailure(error);
      return new Searching(name);
    }
  }

  /** Has heads committed, by themselves as the options say. */
  commitWith(
    options: HeadOptions,
    parts: Pick<HeadParts, "now" | "size" | "register">,
  ): Heads | undefined {
    if (this.#following === undefined) return undefined;
    const { follower, prover } = this.#following;
    const wake = (): void => {
      follower.wake();
    };
    const heads = new Heads(options, {
      ...{ index: follower.index, log: this.#name, wake },
      prover: { root: (extent) => follower.use(() => prover.root(extent)) },
      ...parts,
    });
    follower.onCaughtUp(() => heads.tick());
    this.#heads = heads;
    return heads;
  }

  /** Has it look whether there is more; does not wait. */
  wake(): void {
    this.#following?.follower.wake();
  }

  /** Takes note of a checkpoint that is published, `before` the size of the one before it, and wakes it. */
  published(checkpoint: CheckpointTime, before: number): void {
    this.#following?.checkpoints.saw(checkpoint, before);
    this.wake();
  }

  /** The index, whether it can be used or not; `undefined` where there is none. */
  get index(): SearchIndex | undefined {
    return this.#following?.follower.index;
  }

  /**
   * Yields the index, as far as it has got.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`
   */
  require(): SearchIndex {
    return this.#require().follower.require();
  }

  /**
   * Yields a page of what the index has.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`; LogError
   */
  async page(query: SearchQuery): Promise<SearchPage> {
    return this.#require().follower.use((index) => searchPage(index, query));
  }

  /**
   * Yields all entries of a term, and what shows that they are all; see {@link IndexProver.prove}.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`, and what proving throws
   */
  async prove(term: Term): Promise<Proven> {
    const { follower, prover } = this.#require();
    return follower.use(() => prover.prove(term));
  }

  /**
   * Commits a head once the index has caught up; see {@link Heads.commit}.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`; what registration
   * throws; TypeError where no key signs heads
   */
  async commitHead(): Promise<number | undefined> {
    await this.settled();
    this.require();
    if (this.#heads === undefined) throw new TypeError("no key signs heads");
    return this.#heads.commit();
  }

  /** Resolves once the index has all that the log had at the call, or has failed. */
  async settled(): Promise<void> {
    await this.#following?.follower.settled();
  }

  /** Stops committing and following, and closes the index. */
  async close(): Promise<void> {
    this.#following?.recent.stop();
    await this.#heads?.stop();
    await this.#following?.follower.close();
  }

  #require(): Following {
    if (this.#following !== undefined) return this.#following;
    throw new ServerError("SERVER_SEARCH_OFF", "it was started without one");
  }
}

/** What a service says of its search. */
export interface Searched {
  readonly issuer: string;
  readonly origin: string;
  readonly search?: SearchPlace;
  readonly space?: Space;
  readonly onSearchFailure?: (error: unknown) => void;
}

/** Opens the search of a service, as {@link Searching.open}. */
export function searchingOf(
  { search: place, issuer, origin, space, onSearchFailure: onFailure }: Searched,
  log: Log,
): Promise<Searching> {
  return Searching.open({ place, name: { issuer, origin }, onFailure, space }, log);
}
