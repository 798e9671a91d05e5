import { describe, expect, test } from "@jest/globals";
import {
  consistencyNodes,
  consistencyPath,
  consistencyPathLength,
  rootFromConsistencyPath,
  verifyConsistency,
} from "./consistency.js";
import { leafHash } from "./hash.js";
import {
  inclusionNodes,
  inclusionPath,
  inclusionPathLength,
  rootFromInclusionPath,
  verifyInclusion,
} from "./inclusion.js";
import type { NodeId } from "./node.js";
import { rootFromNodes, rootNodes, treeRoot } from "./root.js";
import * as reference from "./testing/reference.js";
import { flipBit, outcomeOf } from "./testing/refusal.js";

// Every tree of up to this many leaves, and every index or older size in it.
const LAST = 130;

const entries = reference.entriesTo(LAST);
const trees = Array.from({ length: LAST + 1 }, (_, size) => entries.slice(0, size));
const roots = trees.map((tree) => reference.mth(tree));
const leaves = entries.map(leafHash);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const rootOf = (size: number): Uint8Array => roots[size] ?? new Uint8Array(0);
const treeOf = (size: number): readonly Uint8Array[] => trees[size] ?? [];
const leafOf = (index: number): Uint8Array => leaves[index] ?? new Uint8Array(0);

/** The stored node that an id names, by definition; throws if it is not complete at `size`. */
function read(size: number, nodes: readonly NodeId[]): readonly Uint8Array[] {
  return nodes.map(({ level, index }) => {
    const end = (index + 1) * 2 ** level;
    if (end > size) throw new Error(`node ${level}/${index} is not complete at size ${size}`);
    return reference.mth(entries, index * 2 ** level, end);
  });
}

/** Calls with each (low, size), low from `first` to size - 1 + `first`. */
function forEachPair(first: 0 | 1, call: (low: number, size: number) => void): void {
  for (let size = 1; size <= LAST; size++) {
    for (let low = first; low < size + first; low++) call(low, size);
  }
}

/** One hash over all that a run yields, so that one pinned line stands for all of it. */
class Rolling {
  #state: Uint8Array = reference.sha256();

  add(items: readonly Uint8Array[]): void {
    this.#state = reference.sha256(this.#state, Uint8Array.of(items.length), ...items);
  }

  hex(): string {
    return hex(this.#state);
  }
}

describe("roots, every size to 130", () => {
  const PINNED = "7814c87b0e2d7117c9772b72421066204de0982f5f75c3c34a891c7a329e2c21";

  test("agree with the recursive definition, both ways", () => {
    const rolling = new Rolling();
    for (let size = 0; size <= LAST; size++) {
      const want = hex(rootOf(size));
      const folded = rootFromNodes(size, read(size, rootNodes(size)));
      expect([size, hex(treeRoot(leaves.slice(0, size))), hex(folded)]).toEqual([size, want, want]);
      rolling.add([folded]);
    }
    expect(rolling.hex()).toBe(PINNED);
  });
});

describe("inclusion, every index and size to 130", () => {
  const PINNED = "7b5ef9f3baee23e72befbe356d25c1ea62a20cd28714ff3ae52578e54abca3e3";

  test("paths agree with the recursive definition and verify", () => {
    const rolling = new Rolling();
    const wrong: string[] = [];
    forEachPair(0, (index, size) => {
      const path = inclusionPath(index, size, read(size, inclusionNodes(index, size)));
      rolling.add(path);
      const want = reference.path(index, treeOf(size));
      if (path.map(hex).join() !== want.map(hex).join()) wrong.push(`path ${index} ${size}`);
      if (inclusionPathLength(index, size) !== want.length) wrong.push(`length ${index} ${size}`);
      verifyInclusion({ index, size, path }, leafOf(index), rootOf(size));
    });
    expect(wrong).toEqual([]);
    expect(rolling.hex()).toBe(PINNED);
  });

  test("one flipped bit in any path element, the leaf or the root is refused", () => {
    const accepted: string[] = [];
    let elements = 0;
    forEachPair(0, (index, size) => {
      const path = reference.path(index, treeOf(size));
      const [leaf, root] = [leafOf(index), rootOf(size)];
      const bit = (index * 131 + size * 17) % 256;
      const mismatch = (run: () => void, what: string): void => {
        if (outcomeOf(run) !== "MERKLE_ROOT_MISMATCH") accepted.push(`${what} ${index} ${size}`);
      };
      path.forEach((element, i) => {
        elements++;
        const bent = path.with(i, flipBit(element, (bit + i) % 256));
        mismatch(() => {
          verifyInclusion({ index, size, path: bent }, leaf, root);
        }, `element ${i}`);
      });
      mismatch(() => {
        verifyInclusion({ index, size, path }, flipBit(leaf, bit), root);
      }, "leaf");
      mismatch(() => {
        verifyInclusion({ index, size, path }, leaf, flipBit(root, bit));
      }, "root");
    });
    expect(accepted).toEqual([]);
    expect(elements).toBeGreaterThan(50_000);
  });

  test("a path one element longer or shorter is refused by its length", () => {
    const accepted: string[] = [];
    forEachPair(0, (index, size) => {
      const path = reference.path(index, treeOf(size));
      const others = [[...path, leafOf(0)], [leafOf(0), ...path], ...cut(path)];
      others.forEach((other, i) => {
        const code = outcomeOf(() =>
          rootFromInclusionPath({ index, size, path: other }, leafOf(index)),
        );
        if (code !== "MERKLE_PATH_LENGTH") accepted.push(`${i} ${index} ${size}`);
      });
    });
    expect(accepted).toEqual([]);
  });
});

describe("consistency, every two sizes to 130", () => {
  const PINNED = "758a812236308b8f44e5ec39a7aded9d8032b1422e2e29c99fda310bff460a6b";

  test("paths agree with the recursive definition and verify", () => {
    const rolling = new Rolling();
    const wrong: string[] = [];
    forEachPair(1, (oldSize, newSize) => {
      const nodes = read(newSize, consistencyNodes(oldSize, newSize));
      const path = consistencyPath(oldSize, newSize, nodes);
      rolling.add(path);
      const want = reference.proof(oldSize, treeOf(newSize));
      const length = consistencyPathLength(oldSize, newSize);
      if (path.map(hex).join() !== want.map(hex).join()) wrong.push(`path ${oldSize} ${newSize}`);
      if (length !== want.length) wrong.push(`length ${oldSize} ${newSize}`);
      verifyConsistency({ oldSize, newSize, path }, rootOf(oldSize), rootOf(newSize));
    });
    expect(wrong).toEqual([]);
    expect(rolling.hex()).toBe(PINNED);
  });

  test("one flipped bit in any path element or either root is refused", () => {
    const accepted: string[] = [];
    forEachPair(1, (oldSize, newSize) => {
      const path = reference.proof(oldSize, treeOf(newSize));
      const [oldRoot, newRoot] = [rootOf(oldSize), rootOf(newSize)];
      const bit = (oldSize * 131 + newSize * 17) % 256;
      const mismatch = (run: () => void, what: string): void => {
        const code = outcomeOf(run);
        if (code !== "MERKLE_ROOT_MISMATCH") accepted.push(`${what} ${oldSize} ${newSize}`);
      };
      path.forEach((element, i) => {
        const bent = path.with(i, flipBit(element, (bit + i) % 256));
        mismatch(() => {
          verifyConsistency({ oldSize, newSize, path: bent }, oldRoot, newRoot);
        }, `element ${i}`);
      });
      mismatch(() => {
        verifyConsistency({ oldSize, newSize, path }, flipBit(oldRoot, bit), newRoot);
      }, "old root");
      mismatch(() => {
        verifyConsistency({ oldSize, newSize, path }, oldRoot, flipBit(newRoot, bit));
      }, "new root");
    });
    expect(accepted).toEqual([]);
  });

  test("a path one element longer or shorter is refused by its length", () => {
    const accepted: string[] = [];
    forEachPair(1, (oldSize, newSize) => {
      const path = reference.proof(oldSize, treeOf(newSize));
      const others = [[...path, leafOf(0)], [rootOf(oldSize), ...path], ...cut(path)];
      others.forEach((other, i) => {
        const proof = { oldSize, newSize, path: other };
        const code = outcomeOf(() => rootFromConsistencyPath(proof, rootOf(oldSize)));
        if (code !== "MERKLE_PATH_LENGTH") accepted.push(`${i} ${oldSize} ${newSize}`);
      });
    });
    expect(accepted).toEqual([]);
  });
});

/** The path without its last and without its first element, where it has one. */
function cut(path: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  return path.length === 0 ? [] : [path.slice(0, -1), path.slice(1)];
}
