import { encodeHex } from "@tallystick/cose";
import { RightEdge, leafHash } from "@tallystick/merkle";
import type { Checkpoint, VerifiedInclusion } from "@tallystick/receipt";
import type { SignedStatement } from "@tallystick/statement";
import type { VerifiedTransparentStatement } from "@tallystick/verifier";

import { AppraisalError } from "./error.js";

/** A statement at the index that a receipt of the log has it at. */
export interface PlacedEntry {
  readonly index: number;
  /**
   * That of the earliest receipt of the log that has it there, in seconds since the epoch; of the
   * checkpoint where none states one.
   */
  readonly time: number;
  readonly entryId: string;
  /** Whether a receipt of the very size of the checkpoint has it there. */
  readonly isShown: boolean;
}

/** What is known of an index. */
interface Place {
  readonly index: number;
  readonly entryId: string;
  /** What the log has there. */
  readonly entry: Uint8Array;
  readonly time: number | undefined;
  /** Of the trees that it was shown to be in. */
  readonly sizes: Set<number>;
}

/** A root that the log has signed. */
interface SignedRoot {
  readonly root: string;
  readonly by: string;
}

/** How many entries an error names. */
const MOST_NAMED = 8;

/**
 * The entries of one log that receipts place, held against each other and against a checkpoint: what
 * one log cannot have signed without a fork (I2) is an error, and no shortage.
 */
export class PlacedEntries {
  readonly #checkpoint: Checkpoint;
  // Owned by take.
  readonly #places = new Map<number, Place>();
  readonly #roots = new Map<number, SignedRoot>();

  /** Takes a checkpoint that holds under a pin: whatever is held against it is believed. */
  constructor(checkpoint: Checkpoint) {
    const { size, root } = checkpoint;
    this.#checkpoint = checkpoint;
    this.#roots.set(size, { root: encodeHex(root), by: "the checkpoint" });
  }

  /**
   * Takes what the receipts of the checkpoint's log say, and yields the indexes at which they have the
   * statement, in their order, those beyond the size of the checkpoint among them. A receipt that signs
   * no size gives none.
   *
   * @throws {@link AppraisalError} `APPRAISAL_BUNDLE_CONTRADICTION`
   */
  take({ statement, allReceipts }: VerifiedTransparentStatement): readonly number[] {
    const { issuer, origin } = this.#checkpoint;
    return allReceipts
      .filter(({ service }) => service.issuer === issuer && service.origin === origin)
      .map(({ inclusion }) => this.#place(statement, inclusion))
      .filter((index) => index !== undefined);
  }

  /**
   * Yields the entries below the size of the checkpoint by index, and whether these are all of them.
   *
   * Costs a node hash for each. From index 0 to the first that is missing, their roots are held against
   * every one that is signed.
   *
   * @throws {@link AppraisalError} `APPRAISAL_BUNDLE_CONTRADICTION`
   */
  settle(): { readonly entries: readonly PlacedEntry[]; readonly isWhole: boolean } {
    const { size, time: latest } = this.#checkpoint;
    const entries = [...this.#places.values()]
      .filter(({ index }) => index < size)
      .sort((a, b) => a.index - b.index)
      .map(({ index, entryId, time = latest, sizes }) => {
        return { index, time, entryId, isShown: sizes.has(size) };
      });
    return { entries, isWhole: this.#requireRoots() >= size };
  }

  #place(
    { entryId, entry }: SignedStatement,
    { index, root, receipt: { signedSize: size, issuedAt } }: VerifiedInclusion,
  ): number | undefined {
    if (index === undefined || size === undefined) return undefined;
    this.#requireOneRoot(size, {
      root: encodeHex(root),
      by: `a receipt of ${named({ index, entryId })}`,
    });
    const known = this.#places.get(index);
    if (known !== undefined && known.entryId !== entryId) {
      const [first = 0, ...others] = known.sizes;
      const more = others.length === 0 ? "" : ` and ${others.length} more`;
      throw contradiction(
        `two entries for index ${index}, ${known.entryId} by a receipt of size ${first}${more} and ${entryId} by one of size ${size}`,
      );
    }
    const sizes = (known?.sizes ?? new Set<number>()).add(size);
    this.#places.set(index, { index, entryId, entry, time: earlier(issuedAt, known?.time), sizes });
    return index;
  }

  #requireOneRoot(size: number, signed: SignedRoot): void {
    const first = this.#roots.get(size) ?? signed;
    if (first.root !== signed.root) {
      throw contradiction(
        `two trees of ${size} entries, by ${first.by} with the root ${first.root} and by ${signed.by} with ${signed.root}`,
      );
    }
    this.#roots.set(size, first);
  }

  /** Yields how many entries there are before the first that is missing. */
  #requireRoots(): number {
    const edge = RightEdge.empty();
    for (;;) {
      const { size } = edge;
      const signed = this.#roots.get(size);
      if (signed !== undefined && signed.root !== encodeHex(edge.root())) {
        throw contradiction(
          `a tree of ${size} entries that its entries do not make, by ${signed.by} with the root ${signed.root}${this.#strayIn(size)}`,
        );
      }
      const next = this.#places.get(size);
      if (next === undefined) return size;
      edge.append(leafHash(next.entry));
    }
  }

  /** Says which entries below a size no receipt has in the tree of that size. */
  #strayIn(size: number): string {
    const stray = [...this.#places.values()]
      .filter(({ index, sizes }) => index < size && !sizes.has(size))
      .sort((a, b) => a.index - b.index);
    const more = stray.length > MOST_NAMED ? [`${stray.length - MOST_NAMED} more`] : [];
    const names = [...stray.slice(0, MOST_NAMED).map(named), ...more];
    return names.length === 0 ? "" : `; no receipt of that size has ${names.join(", ")}`;
  }
}

function named({ index, entryId }: Pick<Place, "index" | "entryId">): string {
  return `entry ${index} ${entryId}`;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function contradiction(what: string): AppraisalError {
  const message = `the log signed ${what}; keep the bundle, it is the evidence`;
  return new AppraisalError("APPRAISAL_BUNDLE_CONTRADICTION", message);
}
