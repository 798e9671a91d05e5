import { LogError, toLogError } from "./error.js";
import { formatKey, openRow } from "./layout.js";
import type { RowSource } from "./pinned.js";
import type { Findings } from "./report.js";
import type { KeyRange } from "./store.js";

/** Reads rows for a check: what is wrong with one becomes a finding, and the check goes on. */
export class Survey {
  readonly findings: Findings;
  readonly #rows: RowSource;

  constructor(rows: RowSource, findings: Findings) {
    this.#rows = rows;
    this.findings = findings;
  }

  /**
   * Yields the payloads in order, `undefined` for rows that are missing or damaged.
   *
   * @throws {@link LogError} `LOG_UNAVAILABLE`
   */
  async require(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.#values(keys);
    return keys.map((key, i) => {
      const value = values[i];
      if (value instanceof LogError) return undefined;
      if (value !== undefined) return this.#open(key, value);
      this.findings.add("missing", formatKey(key), "no such row");
      return undefined;
    });
  }

  /** Yields what `decode` makes of a payload, `undefined` if that is not what the row must hold. */
  decode<T>(
    key: Uint8Array,
    payload: Uint8Array,
    decode: (payload: Uint8Array) => T,
  ): T | undefined {
    try {
      return decode(payload);
    } catch (error) {
      if (error instanceof LogError && error.code === "LOG_SCHEMA_UNSUPPORTED") throw error;
      this.findings.add("malformed", formatKey(key), reasonOf(error));
      return undefined;
    }
  }

  /**
   * Yields the keys in a range.
   *
   * @throws {@link LogError} `LOG_UNAVAILABLE`
   */
  async *keys(range: KeyRange): AsyncIterable<Uint8Array> {
    try {
      for await (const key of this.#rows.keys(range)) yield key;
    } catch (error) {
      const failure = toLogError(error, "LOG_UNAVAILABLE", "read failed");
      if (failure.code !== "LOG_CORRUPT") throw failure;
      this.findings.add("unreadable", formatKey(range.from), failure.message);
    }
  }

  async #values(
    keys: readonly Uint8Array[],
  ): Promise<readonly (Uint8Array | LogError | undefined)[]> {
    if (keys.length === 0) return [];
    try {
      return await this.#rows.getMany(keys);
    } catch (error) {
      const failure = toLogError(error, "LOG_UNAVAILABLE", "read failed");
      if (failure.code !== "LOG_CORRUPT") throw failure;
      const [first] = keys;
      if (keys.length === 1 && first !== undefined) {
        this.findings.add("unreadable", formatKey(first), failure.message);
        return [failure];
      }
      // One damaged row fails the whole read; one by one the others can still be had.
      const values = [];
      for (const key of keys) values.push(...(await this.#values([key])));
      return values;
    }
  }

  #open(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    try {
      return openRow({ key, value });
    } catch (error) {
      this.findings.add("checksum", formatKey(key), reasonOf(error));
      return undefined;
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
