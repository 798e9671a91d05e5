import { encodeHex } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

/** Bytes of statements that are kept for the index; beyond, it reads them from the log. */
const MAX_BYTES = 8_388_608;

/**
 * Statements on their way into the log, for the index that follows it: what registration has decoded
 * is neither read nor decoded again. Bounded; a statement that is not here is on the log all the same.
 */
export class RecentStatements {
  // Owned by offer and take; by entry, in hexadecimal.
  readonly #kept = new Map<string, SignedStatement>();
  #bytes = 0;

  /**
   * Keeps a statement until it is taken, where there is room, and yields whether it does. Whoever
   * offered one that did not become a new entry takes it back.
   */
  offer(statement: SignedStatement): boolean {
    const key = encodeHex(statement.entry);
    const { length } = statement.normalised;
    if (this.#kept.has(key) || this.#bytes + length > MAX_BYTES) return false;
    this.#kept.set(key, statement);
    this.#bytes += length;
    return true;
  }

  /** Yields the statement that an entry is of, and forgets it; `undefined` if it is not here. */
  take(entry: Uint8Array): SignedStatement | undefined {
    const key = encodeHex(entry);
    const statement = this.#kept.get(key);
    if (statement === undefined) return undefined;
    this.#kept.delete(key);
    this.#bytes -= statement.normalised.length;
    return statement;
  }

  /** How many are kept. */
  get count(): number {
    return this.#kept.size;
  }
}
