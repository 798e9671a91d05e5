import { emptyRoot, nodeHash } from "@tallystick/merkle";

/**
 * The leaf hashes of one bundle with every perfect subtree above them, so that a bundle that widens
 * costs one hash for each new leaf and not one for each leaf. Immutable.
 */
export class LeafRows {
  static readonly none: LeafRows = new LeafRows([[]]);

  // From the leaf hashes up: each row has the hash over every whole pair of the row below.
  readonly #rows: readonly (readonly Uint8Array[])[];

  private constructor(rows: readonly (readonly Uint8Array[])[]) {
    this.#rows = rows;
  }

  static of(leaves: readonly Uint8Array[]): LeafRows {
    return LeafRows.none.widen(leaves);
  }

  get leaves(): readonly Uint8Array[] {
    return this.#rows[0] ?? [];
  }

  get width(): number {
    return this.leaves.length;
  }

  /** Yields the rows with more leaves behind those that are there. */
  widen(added: readonly Uint8Array[]): LeafRows {
    let below: readonly Uint8Array[] = [...this.leaves, ...added];
    const rows = [below];
    while (below.length > 1) {
      const row = [...(this.#rows[rows.length] ?? [])];
      for (let i = 2 * row.length; i + 1 < below.length; i += 2) {
        const [left, right] = below.slice(i, i + 2);
        if (left !== undefined && right !== undefined) row.push(nodeHash(left, right));
      }
      rows.push(row);
      below = row;
    }
    return new LeafRows(rows);
  }

  /** Yields the root over the leaves (RFC 9162 §2.1.1). */
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const row of this.#rows) {
      // What has no partner on its row is the left side of all that is smaller.
      const single = row.length % 2 === 1 ? row.at(-1) : undefined;
      if (single !== undefined) root = root === undefined ? single : nodeHash(single, root);
    }
    return root ?? emptyRoot();
  }
}
