import {
  CatalogError,
  IndexMap,
  MAX_HEAD_LAG,
  committedKeys,
  decodeHead,
  isHeadStatement,
} from "@tallystick/catalog";
import type { IndexHead, IndexedLog, Leaf } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

import { isSame } from "./collateral.js";
import type { ReadEntry } from "./entry.js";
import { AuditorError } from "./error.js";
import { WaitingEntries } from "./waiting.js";
import type { Waiting } from "./waiting.js";

/** What an audit of the index goes on from. */
export interface IndexAuditParts {
  /** How many entries are in the map. */
  readonly size: number;
  readonly leaves: Iterable<Leaf>;
  /** The entries behind them, in order. */
  readonly waiting: Iterable<Waiting>;
  /** How many heads were recomputed. */
  readonly heads: number;
}

/**
 * Recomputes the verifiable index of a log out of its entries, and demands that every head on the log
 * commits to it.
 *
 * A head covers fewer entries than stand before it, by {@link MAX_HEAD_LAG} at most, so as many wait
 * before they enter the map.
 */
export class IndexAudit {
  readonly #map = new IndexMap();
  // Owned by take and #apply: the entries from #size on.
  readonly #waiting = new WaitingEntries();
  #size: number;
  #heads: number;

  constructor({ size, leaves, waiting, heads }: IndexAuditParts = NOTHING) {
    for (const leaf of leaves) this.#map.set(leaf);
    this.#size = size;
    for (const one of waiting) this.#waiting.push(one);
    this.#heads = heads;
  }

  /** How many heads were recomputed. */
  get heads(): number {
    return this.#heads;
  }

  /** What a later audit goes on from. */
  get parts(): IndexAuditParts {
    const [leaves, waiting] = [this.#map.leaves(), this.#waiting];
    return { size: this.#size, leaves, waiting, heads: this.#heads };
  }

  /**
   * Takes the next entry of the log; one that is a head of this log has to commit to the index that
   * the entries before it make.
   *
   * @throws {@link AuditorError} `AUDITOR_INDEX_MISMATCH`
   */
  take({ index, statement }: ReadEntry, { issuer, origin }: Partial<IndexedLog>): void {
    const isKnown = issuer !== undefined && origin !== undefined;
    if (isKnown && isHeadStatement(statement, { issuer, origin })) this.#check(statement, index);
    this.#waiting.push({ entry: statement.entry, keys: committedKeys(statement) });
    if (this.#waiting.size > MAX_HEAD_LAG) this.#apply(this.#size + 1);
  }

  #check(statement: SignedStatement, index: number): void {
    const where = { index, entryId: statement.entryId };
    const { size, root } = headOf(statement, where);
    if (size < this.#size || size > index) {
      const reason = `commits to the index of ${size} entries, want ${this.#size} to ${index}`;
      throw new AuditorError("AUDITOR_INDEX_MISMATCH", reason, where);
    }
    this.#apply(size);
    const right = this.#map.root();
    if (!isSame(right, root)) {
      const [stated, found] = [encodeHex(root), encodeHex(right)];
      const reason = `commits to an index of root ${stated}, and ${size} entries make ${found}`;
      throw new AuditorError("AUDITOR_INDEX_MISMATCH", reason, where);
    }
    this.#heads++;
  }

  #apply(size: number): void {
    while (this.#size < size) {
      const next = this.#waiting.shift();
      if (next === undefined) throw new TypeError("the entry is not there");
      for (const key of next.keys) this.#map.add(key, { index: this.#size, entry: next.entry });
      this.#size++;
    }
  }
}

const NOTHING: IndexAuditParts = { size: 0, leaves: [], waiting: [], heads: 0 };

function headOf(
  { payload }: SignedStatement,
  where: { readonly index: number; readonly entryId: string },
): IndexHead {
  try {
    return decodeHead(payload ?? new Uint8Array());
  } catch (cause) {
    if (!(cause instanceof CatalogError)) throw cause;
    throw new AuditorError("AUDITOR_INDEX_MISMATCH", cause.message, { ...where, cause });
  }
}
