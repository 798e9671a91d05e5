import { HASH_BYTES } from "@tallystick/merkle";

const CHUNK = 4096;
const FIRST_SLOTS = 1024;

/**
 * The entries of a log by index, and which of them are there. Takes 32 bytes for each entry, 4 for
 * its signer and 4 to 8 for its place in the hash table, and nothing else that grows.
 */
export class EntryTable {
  readonly #digests: Uint8Array[] = [];
  readonly #signers: Uint32Array[] = [];
  // Index + 1 of the entry in a slot, 0 where none is; at most half full.
  #slots = new Uint32Array(FIRST_SLOTS);
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** Yields the index of an entry, `undefined` if it is not there. */
  find(entry: Uint8Array): number | undefined {
    const found = this.#slots[this.#slotOf(entry)] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  /** Adds an entry that is not there with the number of its signer. */
  add(entry: Uint8Array, signer: number): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    const at = this.#size % CHUNK;
    if (at === 0) {
      this.#digests.push(new Uint8Array(CHUNK * HASH_BYTES));
      this.#signers.push(new Uint32Array(CHUNK));
    }
    this.#digests.at(-1)?.set(entry, at * HASH_BYTES);
    this.#signers.at(-1)?.set([signer], at);
    this.#slots[this.#slotOf(entry)] = ++this.#size;
  }

  /** Yields the digest at an index. */
  digest(index: number): Uint8Array {
    const chunk = this.#digests[Math.floor(index / CHUNK)] ?? new Uint8Array();
    const at = (index % CHUNK) * HASH_BYTES;
    return chunk.subarray(at, at + HASH_BYTES);
  }

  /** Yields the number of the signer of the entry at an index. */
  signer(index: number): number {
    return this.#signers[Math.floor(index / CHUNK)]?.[index % CHUNK] ?? 0;
  }

  #slotOf(entry: Uint8Array): number {
    const mask = this.#slots.length - 1;
    // The first bytes of a digest are as good a hash as any.
    const [a = 0, b = 0, c = 0, d = 0] = entry;
    let slot = (a | (b << 8) | (c << 16) | (d << 24)) & mask;
    for (;;) {
      const found = this.#slots[slot] ?? 0;
      if (found === 0 || isEqual(this.digest(found - 1), entry)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let index = 0; index < this.#size; index++) {
      this.#slots[this.#slotOf(this.digest(index))] = index + 1;
    }
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < HASH_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}
