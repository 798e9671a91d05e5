import { createHash } from "node:crypto";

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { CatalogError } from "./error.js";
import { EMPTY_LIST, extendList, verifyList } from "./list.js";
import type { ListState, ListedEntry } from "./list.js";
import { IndexMap } from "./map.js";
import { partOf, pathIn, verifyPath } from "./tree.js";
import type { Leaf, MapPath } from "./tree.js";

/** What was added, in order: which of a few keys, from index 0 on. */
const history = fc.array(fc.nat(12), { maxLength: 60 });

function keyOf(name: number, bits = 256): Uint8Array {
  const key = sha256(Buffer.from(`key ${name}`));
  // Keys that share all but their last bits make long ways.
  return bits === 256 ? key : Buffer.concat([Buffer.alloc(31, 7), Buffer.of(name << 3)]);
}

function entryOf(index: number): Uint8Array {
  return sha256(Buffer.from(`entry ${index}`));
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function numbered(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** The map as docs/formats/index.md tells it, written again: sets of keys, split bit by bit. */
function naiveRoot(lists: ReadonlyMap<string, readonly ListedEntry[]>, bits = ""): Uint8Array {
  const keys = [...lists.keys()].filter((key) => binary(key).startsWith(bits));
  const [first] = keys;
  if (first === undefined) return new Uint8Array(32);
  if (keys.length > 1) {
    const [zero, one] = [naiveRoot(lists, `${bits}0`), naiveRoot(lists, `${bits}1`)];
    return sha256(Buffer.of(1), zero, one);
  }
  let chain = new Uint8Array(32);
  const list = lists.get(first) ?? [];
  for (const { index, entry } of list) {
    chain = new Uint8Array(sha256(Buffer.of(2), chain, numbered(index), entry));
  }
  return sha256(Buffer.of(0), Buffer.from(first, "hex"), numbered(list.length), chain);
}

const BINARY = new Map<string, string>();

function binary(hex: string): string {
  const bits =
    BINARY.get(hex) ??
    Array.from(hex, (digit) => parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  BINARY.set(hex, bits);
  return bits;
}

interface Made {
  readonly map: IndexMap;
  readonly lists: ReadonlyMap<string, readonly ListedEntry[]>;
  readonly leaves: readonly Leaf[];
}

function made(names: readonly number[], bits?: number): Made {
  const map = new IndexMap();
  const lists = new Map<string, ListedEntry[]>();
  names.forEach((name, index) => {
    const key = keyOf(name, bits);
    const hex = Buffer.from(key).toString("hex");
    const listed = { index, entry: entryOf(index) };
    map.add(key, listed);
    lists.set(hex, [...(lists.get(hex) ?? []), listed]);
  });
  const leaves = [...lists]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([hex, entries]) => ({
      key: new Uint8Array(Buffer.from(hex, "hex")),
      list: entries.reduce<ListState>(extendList, EMPTY_LIST),
    }));
  return { map, lists, leaves };
}

describe.each([
  ["keys as they are", 256],
  ["keys that share their beginning", 5],
])("%s", (_name, bits) => {
  test("the root is that of the format, however it is made", () => {
    fc.assert(
      fc.property(history, (names) => {
        const { map, lists, leaves } = made(names, bits);
        const root = naiveRoot(lists);
        expect(map.root()).toStrictEqual(root);
        expect(new Uint8Array(partOf(leaves).digest)).toStrictEqual(root);
        expect([...map.leaves()].map(({ key }) => key)).toEqual(leaves.map(({ key }) => key));
      }),
      { numRuns: 40 },
    );
  });

  test("the root is the same, however often it is asked for meanwhile", () => {
    fc.assert(
      fc.property(history, fc.nat(7), (names, often) => {
        const map = new IndexMap();
        names.forEach((name, index) => {
          map.add(keyOf(name, bits), { index, entry: entryOf(index) });
          if (index % (often + 1) === 0) map.root();
        });
        expect(map.root()).toStrictEqual(made(names, bits).map.root());
      }),
      { numRuns: 40 },
    );
  });

  test("a map that goes on from the leaves of another is the same", () => {
    fc.assert(
      fc.property(history, history, (before, after) => {
        const { map } = made([...before, ...after], bits);
        const resumed = new IndexMap();
        for (const leaf of made(before, bits).map.leaves()) resumed.set(leaf);
        after.forEach((name, i) => {
          const index = before.length + i;
          resumed.add(keyOf(name, bits), { index, entry: entryOf(index) });
        });
        expect(resumed.root()).toStrictEqual(map.root());
        expect([...resumed.leaves()]).toStrictEqual([...map.leaves()]);
      }),
      { numRuns: 20 },
    );
  });

  test("every key is proven to have its list, or to have none", () => {
    fc.assert(
      fc.property(history, (names) => {
        const { map, lists, leaves } = made(names, bits);
        const root = map.root();
        for (let name = 0; name <= 12; name++) {
          const key = keyOf(name, bits);
          const path = map.prove(key);
          expect(pathIn(leaves, key)).toEqual(path);
          const entries = lists.get(Buffer.from(key).toString("hex")) ?? [];
          expect(verifyList(entries, verifyPath(path, key, root))).toStrictEqual(entries);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("no way that is changed leads to another list", () => {
    const changes = fc.record({ name: fc.nat(12), at: fc.nat(400), bit: fc.nat(7) });
    fc.assert(
      fc.property(history, changes, (names, { name, at, bit }) => {
        const { map } = made(names, bits);
        const key = keyOf(name, bits);
        const path = map.prove(key);
        const right = verifyPath(path, key, map.root());
        let found: ListState;
        try {
          found = verifyPath(changed(path, at, bit), key, map.root());
        } catch (error) {
          expect(error).toBeInstanceOf(CatalogError);
          return;
        }
        expect(found).toStrictEqual(right);
      }),
      { numRuns: 100 },
    );
  });
});

/** Flips a bit of a path, or leaves its last digest out, or adds one. */
function changed({ siblings, end }: MapPath, at: number, bit: number): MapPath {
  const choice = at % 5;
  if (choice === 0) return { siblings: siblings.slice(1), end };
  if (choice === 1) return { siblings: [...siblings, new Uint8Array(32)], end };
  if (choice === 2) return { siblings, end: undefined };
  const flip = (bytes: Uint8Array): Uint8Array =>
    bytes.map((byte, i) => (i === at % bytes.length ? byte ^ (1 << bit) : byte));
  if (choice === 3 || end === undefined) {
    return {
      siblings: siblings.map((one, i) => (i === at % siblings.length ? flip(one) : one)),
      end,
    };
  }
  const { key, list } = end;
  const lists = [
    { ...list, count: list.count + 1 },
    { ...list, digest: flip(list.digest) },
  ];
  return { siblings, end: { key: at % 2 === 0 ? key : flip(key), list: lists[bit % 2] ?? list } };
}

test("a map of many keys has the root and the ways of the format", () => {
  const names = Array.from({ length: 5000 }, (_, name) => name);
  const { map, leaves } = made(names);
  expect(map.size).toBe(names.length);
  expect(map.root()).toStrictEqual(new Uint8Array(partOf(leaves).digest));
  const told = (all: Iterable<Leaf>): string =>
    Array.from(all, ({ key, list }) => Buffer.concat([key, list.digest]).toString("hex")).join();
  expect(told(map.leaves())).toBe(told(leaves));
  for (const name of [4095, 4096, 5000]) {
    expect(map.prove(keyOf(name))).toEqual(pathIn(leaves, keyOf(name)));
  }
});

test("what a map refuses to add leaves it as it was", () => {
  const { map } = made([1, 2, 3]);
  const root = map.root();
  for (const name of [1, 4]) {
    expect(() => {
      map.add(keyOf(name), { index: 3, entry: new Uint8Array(31) });
    }).toThrow(TypeError);
  }
  expect([map.size, map.root()]).toEqual([3, root]);
});

describe("a list that is not the one of the index: CATALOG_LIST_DIFFERS", () => {
  const entries = [3, 5, 8].map((index) => ({ index, entry: entryOf(index) }));
  const state = entries.reduce<ListState>(extendList, EMPTY_LIST);
  const [first, second, third] = entries as [ListedEntry, ListedEntry, ListedEntry];
  const added = { index: 9, entry: entryOf(9) };
  test.each<readonly [string, readonly ListedEntry[]]>([
    ["one is hidden", [first, third]],
    ["the last is missing", [first, second]],
    ["all are missing", []],
    ["one is added", [...entries, added]],
    ["one is added in the place of another", [first, second, added]],
    ["two have changed places", [second, first, third]],
    ["one is there twice", [first, first, third]],
    ["one is another", [first, second, { index: 8, entry: entryOf(9) }]],
    ["one has another index", [first, { ...second, index: 6 }, third]],
  ])("%s", (_name, list) => {
    expect(() => verifyList(list, state)).toThrow(
      expect.objectContaining({ code: "CATALOG_LIST_DIFFERS" }),
    );
  });
});

describe("a way that shows nothing: CATALOG_PROOF_INVALID", () => {
  const { map } = made([0, 1, 2, 3, 4, 5]);
  const key = keyOf(1);
  const absent = keyOf(99);
  const path = map.prove(key);
  test.each<readonly [string, MapPath, Uint8Array]>([
    ["too long", { ...path, siblings: Array.from({ length: 257 }, () => new Uint8Array(32)) }, key],
    ["to another key", map.prove(keyOf(2)), key],
    ["of a key that is there, for one that is not", path, absent],
    ["a leaf of another place", { ...map.prove(absent), end: { key, list: EMPTY_LIST } }, absent],
    ["a leaf without entries", { siblings: [], end: { key, list: EMPTY_LIST } }, key],
    ["nothing at all", { siblings: [], end: undefined }, key],
  ])("%s", (_name, wrong, about) => {
    expect(() => verifyPath(wrong, about, map.root())).toThrow(
      expect.objectContaining({ code: "CATALOG_PROOF_INVALID" }),
    );
  });
});
