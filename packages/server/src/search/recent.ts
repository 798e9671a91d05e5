import { encodeHex } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

/** Bytes of memory, about, that kept statements take up; beyond, the index reads them from the log. */
const MAX_BYTES = 16_777_216;

/** What a decoded statement takes up, about, besides its headers and payload, which are there twice. */
const OBJECT_BYTES = 2048;

interface Kept {
  readonly statement: SignedStatement;
  readonly bytes: number;
}

/**
 * Statements on their way into the log, for the index that follows it: what registration has decoded
 * is neither read nor decoded again. Bounded; a statement that is not here is on the log all the same.
 */
export class RecentStatements {
  // Owned by offer and take; by entry, in hexadecimal.
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;
  // Owned by stop.
  #isStopped = false;

  /**
   * Keeps a statement that came as so many bytes until it is taken, where there is room, and yields
   * whether it does. Whoever offered one that did not become a new entry takes it back.
   */
  offer(statement: SignedStatement, submittedBytes: number): boolean {
    const key = statement.entryId;
    const bytes = OBJECT_BYTES + 2 * submittedBytes;
    if (this.#isStopped || this.#kept.has(key) || this.#bytes + bytes > MAX_BYTES) return false;
    this.#kept.set(key, { statement, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** Forgets all, and keeps nothing more: there is nobody left who takes them. */
  stop(): void {
    this.#isStopped = true;
    this.#kept.clear();
    this.#bytes = 0;
  }

  /** Yields the statement that an entry is of, and forgets it; `undefined` if it is not here. */
  take(entry: Uint8Array): SignedStatement | undefined {
    const key = encodeHex(entry);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
    return kept.statement;
  }

  /** How many are kept. */
  get count(): number {
    return this.#kept.size;
  }
}
