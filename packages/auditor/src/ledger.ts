import { EntryTable } from "./entry-table.js";
import type { Revocation } from "./policy-history.js";

/** Sums that only grow. */
export interface Sums {
  readonly signatures: number;
  readonly checkpoints: number;
  readonly chains: number;
  readonly bytes: number;
  /** Longest time, in seconds, from a decision to the first checkpoint that covers its entry. */
  readonly longestWait: number;
}

export const NO_SUMS: Sums = {
  signatures: 0,
  checkpoints: 0,
  chains: 0,
  bytes: 0,
  longestWait: 0,
};

/** The entries of a log with their signers, each of whom has a number and is named by its keys. */
export class Ledger {
  readonly table: EntryTable;
  // Owned by add.
  readonly #numbers: Map<string, number>;

  constructor(table: EntryTable = new EntryTable(), signers: readonly string[] = []) {
    this.table = table;
    this.#numbers = new Map(signers.map((signer, number) => [signer, number]));
  }

  /** The signers, by number. */
  get signers(): readonly string[] {
    return [...this.#numbers.keys()];
  }

  add(entry: Uint8Array, signer: string): void {
    const number = this.#numbers.get(signer) ?? this.#numbers.size;
    this.#numbers.set(signer, number);
    this.table.add(entry, number);
  }

  /** Yields how many entries are disowned by policies that came after them. */
  disowned(revocations: readonly Revocation[]): number {
    const ranges = new Map<number, readonly Revocation[]>();
    for (const [signer, number] of this.#numbers) {
      const keys = new Set(signer.split(" "));
      const own = revocations.filter(({ key }) => keys.has(key));
      if (own.length > 0) ranges.set(number, own);
    }
    if (ranges.size === 0) return 0;
    let count = 0;
    for (let index = 0; index < this.table.size; index++) {
      const own = ranges.get(this.table.signer(index)) ?? [];
      if (own.some(({ from, at }) => from <= index && index < at)) count++;
    }
    return count;
  }
}
