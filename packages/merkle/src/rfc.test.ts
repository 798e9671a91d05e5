import { describe, expect, test } from "@jest/globals";
import {
  consistencyNodes,
  consistencyPath,
  rootFromConsistencyPath,
  verifyConsistency,
} from "./consistency.js";
import { leafHash, sha256 } from "./hash.js";
import {
  inclusionNodes,
  inclusionPath,
  rootFromInclusionPath,
  verifyInclusion,
} from "./inclusion.js";
import type { NodeId } from "./node.js";
import { treeRoot } from "./root.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

// TV1: eight leaves, and the roots of the trees that they grow through.
const leaves = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((input) => leafHash(bytes(input)));

const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const a = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const b = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const c = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const d = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

const leafAt = (index: number): Uint8Array => leaves[index] ?? new Uint8Array(0);
const rootAt = (size: number): Uint8Array => bytes(roots[size] ?? "");
const read = (nodes: readonly NodeId[]): readonly Uint8Array[] =>
  nodes.map(({ level, index }) =>
    treeRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
  );

describe("RFC 6962 reference tree", () => {
  test.each(roots.map((root, size) => ({ root, size })))("root at size $size", ({ root, size }) => {
    expect(hex(treeRoot(leaves.slice(0, size)))).toBe(root);
  });

  test.each([
    { index: 0, size: 8, want: [hex(leafAt(1)), a, b] },
    { index: 5, size: 8, want: [hex(leafAt(4)), c, roots[4]] },
    { index: 0, size: 1, want: [] },
  ])("inclusion of leaf $index in $size", ({ index, size, want }) => {
    const path = inclusionPath(index, size, read(inclusionNodes(index, size)));
    expect(path.map(hex)).toEqual(want);
    verifyInclusion({ index, size, path }, leafAt(index), rootAt(size));
  });

  test.each([
    { oldSize: 1, newSize: 8, want: [hex(leafAt(1)), a, b] },
    { oldSize: 6, newSize: 8, want: [d, c, roots[4]] },
    { oldSize: 2, newSize: 5, want: [a, hex(leafAt(4))] },
  ])("consistency of $oldSize with $newSize", ({ oldSize, newSize, want }) => {
    const path = consistencyPath(oldSize, newSize, read(consistencyNodes(oldSize, newSize)));
    expect(path.map(hex)).toEqual(want);
    verifyConsistency({ oldSize, newSize, path }, rootAt(oldSize), rootAt(newSize));
  });
});

// From the receipts of the COSE working group: entries are the digests of "statement-0" onward.
describe("COSE working group tree", () => {
  const entries = Array.from({ length: 5 }, (_, i) =>
    sha256(new TextEncoder().encode(`statement-${i}`)),
  );
  const root3 = bytes("688928db5e565af2fb9b29db5cce83de0e0352a0f0c671b450b9dc86bed2de3c");
  const root5 = bytes("895731b5a570ea1967dd7804b5f43146175f9ac87d1565985de3ecf09c98589c");
  const leaf = leafHash(entries[3] ?? new Uint8Array(0));
  const path = [
    "3d06455dd33da4e9bbd8090677a2d0955e6dffe4b92069605a468920d1198095",
    "33a5211719e06238a191c7244a7633187da2c9aaa5bc6dec54e2cbb498255434",
    "4d75742d9ea02f7767dcd554a7878ff22cdb208be9f3d35f7aa7700b57e741c0",
  ].map(bytes);

  test("roots", () => {
    expect(treeRoot(entries.slice(0, 3).map(leafHash))).toEqual(root3);
    expect(treeRoot(entries.map(leafHash))).toEqual(root5);
  });

  test("leaf 3 of 5, and from 3 to 5", () => {
    verifyInclusion({ index: 3, size: 5, path }, leaf, root5);
    const [first = leaf, ...rest] = path;
    const longer = [first, leaf, ...rest];
    verifyConsistency({ oldSize: 3, newSize: 5, path: longer }, root3, root5);
  });

  // Why nobody may take index or size from a proof: several of them fold one path to one root.
  test("a path alone fixes neither size nor sizes", () => {
    for (const size of [6, 7, 8]) {
      expect(rootFromInclusionPath({ index: 3, size, path }, leaf)).toEqual(root5);
    }
    const [first = leaf, ...rest] = path;
    const longer = [first, leaf, ...rest];
    for (const [oldSize, newSize] of [
      [3, 6],
      [3, 8],
      [6, 9],
      [6, 16],
      [12, 17],
      [12, 19],
    ] as const) {
      const proof = { oldSize, newSize, path: longer };
      expect(rootFromConsistencyPath(proof, root3)).toEqual(root5);
    }
  });
});
