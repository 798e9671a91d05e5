import { MirrorError } from "./error.js";

/** Where the read path of a log is to be had. Nothing that it gives is trusted. */
export interface ReadPath {
  /**
   * Reads a resource by its path, without the slash before it; `undefined` where it is not there.
   *
   * @throws {@link MirrorError} `MIRROR_INCOMPLETE` where it is longer than `maxBytes`; whatever says that
   * it cannot be read
   */
  find(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Yields the names in a folder, none where it is not there. Only for places that can be listed. */
  list?(folder: string): Promise<readonly string[]>;
}

/** Where a copy of the read path is kept. */
export interface KeptPath extends ReadPath {
  /** Writes a resource durably, as a whole or not at all, in place of what was there. */
  keep(path: string, bytes: Uint8Array): Promise<void>;
}

/** What a resource is held against before anybody sees it. */
export interface Wanted<T> {
  readonly path: string;
  readonly maxBytes: number;
  /** Yields what the bytes hold, or throws a {@link MirrorError}. */
  readonly check: (bytes: Uint8Array) => T | Promise<T>;
  /** Leaves it to the caller to keep it. */
  readonly isLeft?: true;
  /** Passes over what the copy has. */
  readonly isFresh?: boolean;
}

/** Reads resources once each: from a copy where it has them, and into it where it has not. */
export class CheckedReader {
  readonly #source: ReadPath;
  readonly #copy: KeptPath | undefined;

  constructor(source: ReadPath, copy?: KeptPath) {
    this.#source = source;
    this.#copy = copy;
  }

  /**
   * Reads a resource and yields what `check` makes of it. What the copy has and `check` refuses is read
   * again and replaced.
   *
   * @throws {@link MirrorError} `MIRROR_INCOMPLETE`, and what `check` throws; what the source throws
   */
  async read<T>(wanted: Wanted<T>): Promise<T> {
    const found = await this.#get(wanted);
    if (found !== undefined) return found.value;
    throw new MirrorError("MIRROR_INCOMPLETE", `${wanted.path} is not there`);
  }

  /** Reads as {@link CheckedReader.read} does, and yields `undefined` where there is nothing. */
  async find<T>(wanted: Wanted<T>): Promise<T | undefined> {
    return (await this.#get(wanted))?.value;
  }

  /** Yields the names in a folder of the source, none where it cannot be listed. */
  async list(folder: string): Promise<readonly string[]> {
    return (await this.#source.list?.(folder)) ?? [];
  }

  /** Keeps a resource that was left to the caller. */
  async keep(path: string, bytes: Uint8Array): Promise<void> {
    await this.#copy?.keep(path, bytes);
  }

  /** Yields whether the copy has a resource that holds. */
  async has(wanted: Wanted<unknown>): Promise<boolean> {
    return (await this.#kept(wanted)) !== undefined;
  }

  async #get<T>(wanted: Wanted<T>): Promise<{ readonly value: T } | undefined> {
    const kept = wanted.isFresh === true ? undefined : await this.#kept(wanted);
    if (kept !== undefined) return kept;
    const { path, maxBytes, check, isLeft } = wanted;
    const bytes = await this.#source.find(path, maxBytes);
    if (bytes === undefined) return undefined;
    const value = await check(bytes);
    if (isLeft !== true) await this.keep(path, bytes);
    return { value };
  }

  async #kept<T>({ path, maxBytes, check }: Wanted<T>): Promise<{ readonly value: T } | undefined> {
    try {
      const bytes = await this.#copy?.find(path, maxBytes);
      return bytes === undefined ? undefined : { value: await check(bytes) };
    } catch (error) {
      // A disk may have damaged it: the source has it whole, or is at fault itself.
      if (error instanceof MirrorError) return undefined;
      throw error;
    }
  }
}
