import { decodeBundle, MerkleError } from "@tallystick/merkle";

import { LogError, toLogError } from "./error.js";
import { formatKey, type Kind, openRow, rangeFrom } from "./layout.js";
import type { Store } from "./store.js";

/** Reads rows that must be there. */
export class Rows {
  readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  async find(key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const value = await this.store.get(key);
      return value === undefined ? undefined : openRow({ key, value });
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }

  async require(key: Uint8Array): Promise<Uint8Array> {
    const payload = await this.find(key);
    if (payload === undefined) throw corrupt(`${formatKey(key)} is missing`);
    return payload;
  }

  async requireMany(keys: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    try {
      const values = await this.store.getMany(keys);
      return keys.map((key, i) => {
        const value = values[i];
        if (value === undefined) throw corrupt(`${formatKey(key)} is missing`);
        return openRow({ key, value });
      });
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }

  /** A row beyond the head shows that the head is older than what was once written (I8). */
  async requireNone(kind: Kind, from: Uint8Array): Promise<void> {
    try {
      for await (const key of this.store.keys({ ...rangeFrom(kind, from), limit: 1 })) {
        throw corrupt(`${formatKey(key)} lies beyond the head`);
      }
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }
}

/** Yields the entries of a stored bundle, called `name` if that is none. */
export function decodeEntries(payload: Uint8Array, name = "bundle"): readonly Uint8Array[] {
  try {
    return decodeBundle(payload);
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    throw new LogError("LOG_CORRUPT", `at boot: ${name}: ${error.message}`, { cause: error });
  }
}

/** Yields what is thrown when stored rows contradict each other at boot. */
export function corrupt(what: string): LogError {
  return new LogError("LOG_CORRUPT", `at boot: ${what}`);
}
