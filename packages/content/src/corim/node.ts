import { invalid } from "../record.js";
import { Tagged, type Item, type ItemMap } from "./item.js";

/** One item of a manifest and its place there: what is not as it has to be is refused by place. */
export class Node {
  readonly item: Item;
  readonly path: string;

  constructor(item: Item, path: string) {
    this.item = item;
    this.path = path;
  }

  /** The item without the tag that it may have. */
  untagged(tag: number): Node {
    const { item } = this;
    return item instanceof Tagged && item.tag === tag ? new Node(item.value, this.path) : this;
  }

  /** Yields the entry; that of a key that is not there is undefined. */
  at(key: number, name: string): Node {
    return new Node(this.#map().get(key), this.path === "" ? name : `${this.path}.${name}`);
  }

  has(key: number): boolean {
    return this.item instanceof Map && this.item.has(key);
  }

  elements(): readonly Node[] {
    if (!Array.isArray(this.item)) throw invalid(this.path, "is not a list");
    const items = this.item as readonly Item[];
    return items.map((item, i) => new Node(item, `${this.path}[${i}]`));
  }

  /** Yields a list of two. */
  pair(): readonly [Node, Node] {
    const [first, second, ...more] = this.elements();
    if (first !== undefined && second !== undefined && more.length === 0) return [first, second];
    throw invalid(this.path, "is not a list of two");
  }

  /** Yields the first two of a list of two or three. */
  leadingPair(): readonly [Node, Node] {
    const [first, second, , ...more] = this.elements();
    if (first !== undefined && second !== undefined && more.length === 0) return [first, second];
    throw invalid(this.path, "is not a list of two or three");
  }

  text(): string {
    if (typeof this.item === "string") return this.item;
    throw invalid(this.path, "is not a text");
  }

  integer(): number {
    if (typeof this.item === "number") return this.item;
    throw invalid(this.path, "is not an integer");
  }

  /** An integer of any size. */
  wide(): bigint {
    if (typeof this.item === "number" || typeof this.item === "bigint") return BigInt(this.item);
    throw invalid(this.path, "is not an integer");
  }

  /** Yields the keys of a map. */
  keys(): readonly (number | bigint | string)[] {
    return [...this.#map().keys()];
  }

  /** Yields the entries of a map. */
  entries(): readonly (readonly [number | bigint | string, Node])[] {
    return [...this.#map()].map(([key, item]) => [key, new Node(item, `${this.path}.${key}`)]);
  }

  bytes(): Uint8Array {
    if (this.item instanceof Uint8Array) return this.item;
    throw invalid(this.path, "is not a byte string");
  }

  #map(): ItemMap {
    if (this.item instanceof Map) return this.item as ItemMap;
    throw invalid(this.path === "" ? "the manifest" : this.path, "is not a map");
  }
}
