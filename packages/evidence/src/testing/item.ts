import { concatBytes, encodeCbor } from "@tallystick/cose";

/** An item of CBOR, tags among it. */
export type Item = number | bigint | string | boolean | null | Uint8Array | Tag | Items | ItemMap;
type Items = readonly Item[];
type ItemMap = ReadonlyMap<number | string, Item>;

/** A tagged item. */
export class Tag {
  readonly tag: number;
  readonly value: Item;

  constructor(tag: number, value: Item) {
    this.tag = tag;
    this.value = value;
  }
}

/** Yields a map by its entries. */
export function mapOf(...entries: readonly (readonly [number | string, Item])[]): ItemMap {
  return new Map(entries);
}

/** Yields the encoding of an item, lengths definite, members in their order. */
export function encodeItem(item: Item): Uint8Array {
  if (item instanceof Tag) return concatBytes([head(6, item.tag), encodeItem(item.value)]);
  if (Array.isArray(item)) {
    const items = item as Items;
    return concatBytes([head(4, items.length), ...items.map(encodeItem)]);
  }
  if (item instanceof Map) {
    const entries = [...(item as ItemMap)].flat();
    return concatBytes([head(5, entries.length / 2), ...entries.map(encodeItem)]);
  }
  return encodeCbor(item as number | string | Uint8Array);
}

function head(major: number, argument: number): Uint8Array {
  const start = major << 5;
  if (argument < 24) return Uint8Array.of(start | argument);
  if (argument < 256) return Uint8Array.of(start | 24, argument);
  return Uint8Array.of(start | 25, argument >> 8, argument & 255);
}
