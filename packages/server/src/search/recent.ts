import { isUnread, mentionsOf } from "@tallystick/content";
import type { Content } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

import { mentionKeysOf } from "./mention-rows.js";
import type { MentionKeys } from "./mention-rows.js";

/** Bytes of memory, about, that kept statements take up; beyond, the index reads them from the log. */
const MAX_BYTES = 16_777_216;

/** What a decoded statement takes up, about, besides its headers and payload, which are there twice. */
const OBJECT_BYTES = 2048;

/** What the key of something that a statement speaks of takes up, about. */
const KEY_BYTES = 256;

/** A statement, and what it speaks of where its payload has been read. */
export interface RecentStatement {
  readonly statement: SignedStatement;
  readonly mentions: MentionKeys | undefined;
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
   * whether it does. Whoever offered one that did not become a new entry takes it back. Of `read`, which
   * is the payload as the policy has read it, the keys are kept alone.
   */
  offer(statement: SignedStatement, submittedBytes: number, read?: Content): boolean {
    const key = statement.entryId;
    const plain = OBJECT_BYTES + 2 * submittedBytes;
    if (this.#isStopped || this.#kept.has(key) || this.#bytes + plain > MAX_BYTES) return false;
    const isRead = read !== undefined && !isUnread(read);
    const mentions = isRead ? mentionKeysOf(mentionsOf(read)) : undefined;
    const bytes = plain + KEY_BYTES * (mentions?.keys.length ?? 0);
    this.#kept.set(key, { statement, mentions, bytes });
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
  take(entry: Uint8Array): RecentStatement | undefined {
    const key = encodeHex(entry);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
    return kept;
  }

  /** How many are kept. */
  get count(): number {
    return this.#kept.size;
  }
}
