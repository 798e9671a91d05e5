import { isTakenOver } from "@tallystick/content";
import type { Content } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

/** Bytes of memory, about, that kept statements take up; beyond, the index reads them from the log. */
const MAX_BYTES = 16_777_216;

/** Of these, up to which what has been read of payloads is kept too: statements are worth more. */
const MAX_READ_BYTES = 8_388_608;

/** What a decoded statement takes up, about, besides its headers and payload, which are there twice. */
const OBJECT_BYTES = 2048;

/** What each byte of a payload takes up, at most and about, once it is read: an item may have one. */
const READ_BYTES = 64;

/** A statement, and its payload where that has been read and need not be read again. */
export interface RecentStatement {
  readonly statement: SignedStatement;
  readonly content: Content | undefined;
}

interface Kept extends RecentStatement {
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
   * whether it does. Whoever offered one that did not become a new entry takes it back. `read` is the
   * payload as the policy has read it, and is kept where there is room and the index may take it over.
   */
  offer(statement: SignedStatement, submittedBytes: number, read?: Content): boolean {
    const key = statement.entryId;
    const plain = OBJECT_BYTES + 2 * submittedBytes;
    if (this.#isStopped || this.#kept.has(key) || this.#bytes + plain > MAX_BYTES) return false;
    const { payload } = statement;
    const isTaken = read !== undefined && payload !== null && isTakenOver(payload, read);
    const bytes = plain + (isTaken ? READ_BYTES * payload.length : 0);
    const isKept = isTaken && this.#bytes + bytes <= MAX_READ_BYTES;
    const kept = isKept ? { bytes, content: read } : { bytes: plain, content: undefined };
    this.#kept.set(key, { statement, ...kept });
    this.#bytes += kept.bytes;
    return true;
  }

  /** Forgets all, and keeps nothing more: there is nobody left who takes them. */
  stop(): void {
    this.#isStopped = true;
    this.#kept.clear();
    this.#bytes = 0;
  }

  /** Yields the statement that an entry is of, and forgets it; `undefined` if it is not here. */
  take(entry: Uint8Array): RecentStatement | undefined {
    const key = encodeHex(entry);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
    return kept;
  }

  /** Whether half of the memory is taken. */
  get isFilling(): boolean {
    return this.#bytes > MAX_BYTES / 2;
  }

  /** How many are kept. */
  get count(): number {
    return this.#kept.size;
  }
}
