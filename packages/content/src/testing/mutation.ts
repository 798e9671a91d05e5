import fc from "fast-check";

import { decodeItem, Tagged, type Item, type ItemMap } from "../corim/item.js";
import { ContentError } from "../error.js";
import { DEFAULT_CONTENT_LIMITS } from "../limits.js";
import { encodeItem } from "./corim.js";

/** Where something is changed: of all places of a value that one. */
export interface Change<T> {
  readonly place: number;
  readonly value: T;
  readonly how: "replace" | "remove" | "add" | "repeat";
}

/** Yields changes at any place, to values that a format does not expect there, or does elsewhere. */
export function changesOf<T>(odd: fc.Arbitrary<T>): fc.Arbitrary<Change<T>> {
  return fc.record({
    place: fc.nat(10_000),
    value: odd,
    how: fc.constantFrom("replace", "replace", "replace", "remove", "add", "repeat"),
  });
}

/** Values of JSON that formats may trip over; `texts` are some of the format's own. */
export function oddJson(...texts: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(null, true, 0, 1, -1, 1.5, 1e300, "", " ", [], {}, [{}], [""]),
    fc.constantFrom(...texts, "ab".repeat(32), "AB".repeat(48), "cd".repeat(64), "ab".repeat(20)),
    fc.jsonValue({ maxDepth: 1 }),
  );
}

/** Yields the value with one place of it changed. */
export function changeJson(root: unknown, change: Change<unknown>): unknown {
  const copy = structuredClone({ root });
  const places: (readonly [Record<string, unknown> | unknown[], string])[] = [];
  const visit = (inside: unknown): void => {
    if (typeof inside !== "object" || inside === null) return;
    for (const [name, value] of Object.entries(inside)) {
      places.push([inside as Record<string, unknown>, name]);
      visit(value);
    }
  };
  visit(copy);
  const [inside, name] = places[change.place % places.length] ?? [{}, ""];
  if (Array.isArray(inside)) changeList(inside, Number(name), change);
  else changeMember(inside, name, change);
  return copy.root;
}

function changeMember(
  object: Record<string, unknown>,
  name: string,
  change: Change<unknown>,
): void {
  const value = structuredClone(change.value);
  if (change.how === "remove" && !Object.hasOwn(object, "root"))
    Reflect.deleteProperty(object, name);
  else if (change.how === "add" && !Object.hasOwn(object, "root")) object["more"] = value;
  else object[name] = value;
}

function changeList(list: unknown[], at: number, { how, value }: Change<unknown>): void {
  if (how === "remove") list.splice(at, 1);
  else if (how === "add") list.push(structuredClone(value));
  else if (how === "repeat") list.push(structuredClone(list[at]));
  else list[at] = structuredClone(value);
}

/** Items of CBOR that formats may trip over. */
export const ODD_ITEMS: fc.Arbitrary<Item> = fc.constantFrom<Item>(
  ...[null, true, 0, 1, 2, 7, -1, -43, 2 ** 40, "", "sha-256", "text"],
  ...[[], [[]], [1], new Map(), new Map<number, Item>([[0, "text"]])],
  ...[new Map<number, Item>([[1, new Map<number, Item>([[1, 1]])]])],
  ...[new Uint8Array(0), new Uint8Array(32), new Uint8Array(48), new Uint8Array(300)],
  ...[new Tagged(1, 1), new Tagged(32, "uri"), new Tagged(560, new Uint8Array(4))],
  ...[new Tagged(553, 3), new Tagged(37, new Uint8Array(16)), new Tagged(99, "text")],
);

/** Yields the bytes of the item with one place of it changed, also inside of byte strings that hold CBOR. */
export function changeItem(root: Item, change: Change<Item>): Uint8Array {
  let places = 0;
  count(root, () => places++);
  let left = change.place % places;
  const visit = (item: Item): Item => {
    if (left-- === 0) return change.value;
    if (item instanceof Tagged) return new Tagged(item.tag, visit(item.value));
    if (Array.isArray(item)) return listWith(item as readonly Item[], visit);
    if (item instanceof Map) return mapWith(item as ItemMap, visit);
    const inner = innerOf(item);
    return inner === undefined ? item : encodeItem(visit(inner));
  };
  const listWith = (list: readonly Item[], each: (item: Item) => Item): Item => {
    const isHere = change.how !== "replace" && left >= 0 && left < list.length;
    if (!isHere) return list.map(each);
    const at = left;
    left = -1;
    if (change.how === "remove") return list.filter((_, i) => i !== at);
    return [...list, change.how === "add" ? change.value : list[at]];
  };
  const mapWith = (map: ItemMap, each: (item: Item) => Item): Item => {
    const isHere = change.how !== "replace" && left >= 0 && left < map.size;
    if (!isHere) return new Map([...map].map(([key, value]) => [key, each(value)]));
    const at = left;
    left = -1;
    if (change.how === "remove") return new Map([...map].filter((_, i) => i !== at));
    return new Map([...map, [change.how === "add" ? 7 : -2, change.value]]);
  };
  return encodeItem(visit(root));
}

function count(item: Item, tell: () => void): void {
  tell();
  if (item instanceof Tagged) count(item.value, tell);
  else if (Array.isArray(item)) for (const one of item as readonly Item[]) count(one, tell);
  else if (item instanceof Map) for (const one of (item as ItemMap).values()) count(one, tell);
  else {
    const inner = innerOf(item);
    if (inner !== undefined) count(inner, tell);
  }
}

/** Yields the map or tag that a byte string holds. */
function innerOf(item: Item): Item {
  if (!(item instanceof Uint8Array) || item.length < 2) return undefined;
  try {
    const inner = decodeItem(item, DEFAULT_CONTENT_LIMITS, "inner");
    return inner instanceof Map || inner instanceof Tagged ? inner : undefined;
  } catch (error) {
    if (error instanceof ContentError) return undefined;
    throw error;
  }
}
