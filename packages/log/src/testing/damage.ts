import { openRow, sealRow } from "../layout.js";
import type { MemoryStore } from "../memory.js";
import type { Row } from "../store.js";

/** A way to damage one row; `other` is another row of the same kind, if there is one. */
export interface Damage {
  readonly name: string;
  readonly apply: (store: MemoryStore, row: Row, other: Row | undefined) => void;
}

/** Yields the bytes with one bit turned. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const place = Math.floor(bit / 8);
  copy[place] = (copy[place] ?? 0) ^ (1 << (bit % 8));
  return copy;
}

const damages: readonly Damage[] = [
  {
    name: "first bit turned",
    apply: (store, { key, value }) => {
      store.damage(key, flipped(value, 0));
    },
  },
  {
    name: "last bit turned",
    apply: (store, { key, value }) => {
      store.damage(key, flipped(value, 8 * value.length - 1));
    },
  },
  {
    name: "a bit in the middle turned",
    apply: (store, { key, value }) => {
      store.damage(key, flipped(value, 4 * value.length));
    },
  },
  {
    name: "cut short",
    apply: (store, { key, value }) => {
      store.damage(key, value.slice(0, -1));
    },
  },
  {
    name: "emptied",
    apply: (store, { key }) => {
      store.damage(key, new Uint8Array());
    },
  },
  {
    name: "deleted",
    apply: (store, { key }) => {
      store.damage(key, undefined);
    },
  },
  {
    name: "exchanged with another",
    apply: (store, row, other) => {
      if (other === undefined) return;
      store.damage(row.key, other.value);
      store.damage(other.key, row.value);
    },
  },
  {
    name: "exchanged with another, under fitting checksums",
    apply: (store, row, other) => {
      if (other === undefined) return;
      store.damage(row.key, sealRow(row.key, openRow(other)).value);
      store.damage(other.key, sealRow(other.key, openRow(row)).value);
    },
  },
  {
    name: "a bit turned under a fitting checksum",
    apply: (store, row) => {
      const payload = openRow(row);
      // Close to the start: in every kind of row something that is checked stands there.
      store.damage(
        row.key,
        sealRow(row.key, flipped(payload, 8 * Math.min(5, payload.length - 1))).value,
      );
    },
  },
];

/** Yields what befalls stored bytes, through disks and through hands that know the checksum. */
export function allDamages(): readonly Damage[] {
  return damages;
}
