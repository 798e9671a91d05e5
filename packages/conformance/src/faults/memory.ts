import { encodeHex } from "@tallystick/cose";
import { RightEdge, leafHash } from "@tallystick/merkle";
import { SignedStatement, parseEntryId } from "@tallystick/statement";

/** What a receipt said, once it was verified. */
export interface Seen {
  readonly entryId: string;
  readonly index: number;
  readonly size: number;
  /** Hexadecimal. */
  readonly root: string;
  /** Seconds since the epoch. */
  readonly time: number;
}

/** What is known of the tree of one size. */
export interface Tree {
  /** Hexadecimal. */
  readonly root: string;
  /** Seconds since the epoch. */
  readonly time: number;
}

/** A statement that was sent. */
export interface Sent {
  readonly entryId: string;
  /** As sent; the same as stored, for it has no unprotected header. */
  readonly bytes: Uint8Array;
  /** The first acknowledgement; none as long as nobody promised anything. */
  acknowledged?: Seen;
}

/** Everything that was ever sent to a log or seen of it. It forgets nothing and believes nothing. */
export class Memory {
  readonly sent: Map<string, Sent> = new Map<string, Sent>();
  /** Root and time by tree size. */
  readonly trees: Map<number, Tree> = new Map<number, Tree>();
  readonly #entryIds = new Map<number, string>();
  readonly #indexes = new Map<string, number>();

  /** Remembers a statement before it is sent. */
  send(bytes: Uint8Array): Sent {
    const { entryId } = SignedStatement.decode(bytes);
    const known = this.sent.get(entryId);
    if (known !== undefined) return known;
    const sent: Sent = { entryId, bytes };
    this.sent.set(entryId, sent);
    return sent;
  }

  /** Remembers what a verified receipt says, and yields what it contradicts. */
  see(seen: Seen): readonly string[] {
    const { entryId, index, size, root, time } = seen;
    const problems: string[] = [];
    const other = this.#entryIds.get(index);
    if (other !== undefined && other !== entryId) {
      problems.push(`index ${index} is of ${entryId} and of ${other}`);
    }
    const before = this.#indexes.get(entryId);
    if (before !== undefined && before !== index) {
      problems.push(`${entryId} is at index ${before} and at ${index}`);
    }
    const tree = this.trees.get(size);
    if (tree !== undefined && (tree.root !== root || tree.time !== time)) {
      problems.push(`two checkpoints of size ${size}: ${tree.root} and ${root}`);
    }
    this.#entryIds.set(index, entryId);
    this.#indexes.set(entryId, index);
    this.trees.set(size, { root, time });
    return problems;
  }

  indexOf(entryId: string): number | undefined {
    return this.#indexes.get(entryId);
  }

  /** Yields what was known when no more than these statements had been acknowledged. */
  asOf(acknowledged: ReadonlySet<string>): Memory {
    const past = new Memory();
    for (const sent of this.sent.values()) {
      const isKnown = sent.acknowledged !== undefined && acknowledged.has(sent.entryId);
      const copy: Sent = { entryId: sent.entryId, bytes: sent.bytes };
      past.sent.set(sent.entryId, isKnown ? { ...sent } : copy);
      if (isKnown && sent.acknowledged !== undefined) past.see(sent.acknowledged);
    }
    return past;
  }

  get acknowledged(): readonly (Sent & { readonly acknowledged: Seen })[] {
    return [...this.sent.values()].filter((sent) => sent.acknowledged !== undefined) as (Sent & {
      readonly acknowledged: Seen;
    })[];
  }

  get unacknowledged(): readonly Sent[] {
    return [...this.sent.values()].filter(({ acknowledged }) => acknowledged === undefined);
  }

  /** Sizes that checkpoints were seen of, smallest first. */
  get sizes(): readonly number[] {
    return [...this.trees.keys()].sort((a, b) => a - b);
  }

  /** Yields where time goes back while the tree grows (I6). */
  timeProblems(): readonly string[] {
    const { sizes } = this;
    return sizes.flatMap((size, i) => {
      const previous = this.trees.get(sizes[i - 1] ?? size);
      const tree = this.trees.get(size);
      const isBack = previous !== undefined && tree !== undefined && tree.time < previous.time;
      return isBack ? [`the checkpoint of size ${size} is older than the one before`] : [];
    });
  }

  /**
   * Computes every tree from the entries alone, `first` ahead of those that were sent, and yields
   * which roots seen are others. An index below `size` that no entry is known of is a problem itself.
   */
  rootProblems({ size, first }: { size: number; first: readonly string[] }): readonly string[] {
    const problems: string[] = [];
    const edge = RightEdge.empty();
    for (let index = 0; index < size; index++) {
      const entry = parseEntryId(first[index] ?? this.#entryIds.get(index) ?? "");
      if (entry === undefined) return [...problems, `index ${index} is of no entry that was sent`];
      edge.append(leafHash(entry));
      const seen = this.trees.get(edge.size);
      if (seen !== undefined && seen.root !== encodeHex(edge.root())) {
        problems.push(`the root of size ${edge.size} is not that of the entries`);
      }
    }
    return problems;
  }
}
