import { beforeAll, describe, expect, test } from "@jest/globals";
import { consistencyNodes, consistencyPath, verifyConsistency } from "./consistency.js";
import { RightEdge } from "./edge.js";
import { emptyRoot, leafHash } from "./hash.js";
import { inclusionNodes, inclusionPath, verifyInclusion } from "./inclusion.js";
import type { NodeId } from "./node.js";
import { rootFromNodes, rootNodes, treeRoot } from "./root.js";
import * as reference from "./testing/reference.js";
import { outcomeOf } from "./testing/refusal.js";
import { nodeFromTile, TILE_HEIGHT, TILE_WIDTH, tileOf, tileWidth } from "./tile.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const leafAt = (index: number): Uint8Array => leafHash(reference.entryAt(index));

/** What a log keeps: the hashes of every eighth level, in order of their index. */
class Tiles {
  readonly #levels: Uint8Array[][] = [];

  add(id: NodeId, hash: Uint8Array): void {
    if (id.level % TILE_HEIGHT !== 0) return;
    const level = (this.#levels[id.level / TILE_HEIGHT] ??= []);
    if (level.length !== id.index) throw new Error(`hash ${id.index} out of turn`);
    level.push(hash);
  }

  /** The tile as served at that size: never more than the size allows. */
  read(level: number, index: number, size: number): Uint8Array {
    const width = tileWidth(level, index, size);
    const start = index * TILE_WIDTH;
    return Uint8Array.from(Buffer.concat((this.#levels[level] ?? []).slice(start, start + width)));
  }

  nodes(ids: readonly NodeId[], size: number): readonly Uint8Array[] {
    return ids.map((id) => {
      const position = tileOf(id);
      return nodeFromTile(this.read(position.level, position.index, size), position, id);
    });
  }
}

describe("a tree that grows to 130 leaves", () => {
  test("edge, completed nodes and restored edge are right at every size", () => {
    const entries = reference.entriesTo(130);
    const edge = RightEdge.empty();
    expect(edge.root()).toEqual(emptyRoot());
    for (let index = 0; index < entries.length; index++) {
      const size = index + 1;
      const completed = edge.append(leafAt(index));
      const levels = completed.map(({ id }) => id.level);
      expect(levels).toEqual(levels.map((_, i) => i));
      for (const { id, hash } of completed) {
        const end = (id.index + 1) * 2 ** id.level;
        expect(end).toBe(size);
        expect(hex(hash)).toBe(hex(reference.mth(entries, end - 2 ** id.level, end)));
      }
      expect(size % 2 ** (completed.length - 1)).toBe(0);
      expect(size % 2 ** completed.length).not.toBe(0);

      const root = hex(reference.mth(entries, 0, size));
      expect([edge.size, hex(edge.root())]).toEqual([size, root]);
      const restored = RightEdge.from(size, edge.hashes());
      expect([restored.size, hex(restored.root())]).toEqual([size, root]);
      expect(hex(rootFromNodes(size, restored.hashes()))).toBe(root);
    }
  });
});

describe("a tree of three tile levels", () => {
  const SIZE = TILE_WIDTH ** 2 + TILE_WIDTH + 77;
  const tiles = new Tiles();
  const roots: Uint8Array[] = [];

  beforeAll(() => {
    const edge = RightEdge.empty();
    roots.push(edge.root());
    for (let index = 0; index < SIZE; index++) {
      for (const { id, hash } of edge.append(leafAt(index))) tiles.add(id, hash);
      roots.push(edge.root());
    }
  });

  const rootOf = (size: number): Uint8Array => roots[size] ?? emptyRoot();
  const sizes = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, SIZE];

  test.each(sizes)("root at size %i from tiles alone", (size) => {
    expect(rootFromNodes(size, tiles.nodes(rootNodes(size), size))).toEqual(rootOf(size));
  });

  test("root agrees with the level by level one", () => {
    const leaves = Array.from({ length: SIZE }, (_, index) => leafAt(index));
    expect(treeRoot(leaves)).toEqual(rootOf(SIZE));
  });

  test.each(sizes)("inclusion paths at size %i from tiles alone", (size) => {
    const indexes = [0, 1, 254, 255, 256, 257, 4096, 65_279, 65_535, 65_536, size - 2, size - 1];
    for (const index of indexes.filter((i) => i >= 0 && i < size)) {
      const path = inclusionPath(index, size, tiles.nodes(inclusionNodes(index, size), size));
      verifyInclusion({ index, size, path }, leafAt(index), rootOf(size));
    }
  });

  test.each(sizes)("consistency paths to size %i from tiles alone", (newSize) => {
    for (const oldSize of sizes.filter((size) => size <= newSize)) {
      const ids = consistencyNodes(oldSize, newSize);
      const path = consistencyPath(oldSize, newSize, tiles.nodes(ids, newSize));
      verifyConsistency({ oldSize, newSize, path }, rootOf(oldSize), rootOf(newSize));
    }
  });
});

describe("right edge", () => {
  const grown = (size: number): RightEdge => {
    const edge = RightEdge.empty();
    for (let index = 0; index < size; index++) edge.append(leafAt(index));
    return edge;
  };

  test("a clone grows on its own", () => {
    const edge = grown(7);
    const before = hex(edge.root());
    const clone = edge.clone();
    clone.append(leafAt(7));
    expect([edge.size, hex(edge.root())]).toEqual([7, before]);
    expect([clone.size, hex(clone.root())]).toEqual([8, hex(grown(8).root())]);
  });

  test("writing to what was handed in or to the list handed out changes nothing", () => {
    const leaf = leafAt(0);
    const edge = RightEdge.empty();
    edge.append(leaf);
    const stored = edge.hashes().map((hash) => new Uint8Array(hash));
    const restored = RightEdge.from(1, stored);
    leaf.fill(0);
    stored[0]?.fill(0);
    (edge.hashes() as Uint8Array[]).length = 0;
    expect([edge.root(), restored.root()]).toEqual([leafAt(0), leafAt(0)]);
  });

  test.each([
    { name: "a hash missing", size: 7, hashes: 2, code: "MERKLE_PATH_LENGTH" },
    { name: "a hash too many", size: 7, hashes: 4, code: "MERKLE_PATH_LENGTH" },
    { name: "a hash at size 0", size: 0, hashes: 1, code: "MERKLE_PATH_LENGTH" },
    { name: "a negative size", size: -1, hashes: 0, code: "MERKLE_SIZE_INVALID" },
    { name: "a size of 2^53", size: 2 ** 53, hashes: 1, code: "MERKLE_SIZE_INVALID" },
  ])("is not restored from $name", ({ size, hashes, code }) => {
    const given = Array.from({ length: hashes }, (_, index) => leafAt(index));
    expect(outcomeOf(() => RightEdge.from(size, given))).toBe(code);
  });

  test("is not restored from a short hash", () => {
    expect(outcomeOf(() => RightEdge.from(1, [new Uint8Array(31)]))).toBe("MERKLE_HASH_LENGTH");
  });

  test("a refused leaf leaves it as it was", () => {
    const edge = grown(7);
    const before = hex(edge.root());
    expect(outcomeOf(() => edge.append(new Uint8Array(33)))).toBe("MERKLE_HASH_LENGTH");
    expect([edge.size, hex(edge.root())]).toEqual([7, before]);
    edge.append(leafAt(7));
    expect(hex(edge.root())).toBe(hex(grown(8).root()));
  });

  test("appends past 2^32 and stops at the largest size", () => {
    const size = 2 ** 53 - 2;
    const hashes = rootNodes(size).map((_, i) => leafAt(i));
    const edge = RightEdge.from(size, hashes);
    expect(edge.append(leafAt(0)).map(({ id }) => id)).toEqual([{ level: 0, index: size }]);
    expect(edge.root()).toEqual(rootFromNodes(size + 1, edge.hashes()));
    expect(outcomeOf(() => edge.append(leafAt(1)))).toBe("MERKLE_SIZE_INVALID");
    expect(edge.size).toBe(size + 1);

    const half = RightEdge.from(
      2 ** 33 - 1,
      rootNodes(2 ** 33 - 1).map((_, i) => leafAt(i)),
    );
    const top = half.append(leafAt(99)).at(-1);
    expect(top?.id).toEqual({ level: 33, index: 0 });
    expect(half.hashes()).toEqual([top?.hash]);
  });
});
