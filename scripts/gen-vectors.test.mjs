// Vectors are published once: what the generator refuses matters as much as what it writes.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compareVectors, renderVectors, writeVectors } from "./gen-vectors.mjs";
import { writeTree } from "./testing/fixture.mjs";
import { head, int } from "./vectors/reference/cbor.mjs";
import {
  consistencyPath,
  foldConsistency,
  foldInclusion,
  inclusionLength,
  inclusionPath,
  leafHash,
  LEAVES,
  root,
} from "./vectors/reference/tree.mjs";

const RECIPE = {
  kind: "merkle/inclusion",
  behaviour: "only-leaf",
  description: "An empty path",
  spec: "RFC 9162 §2.1.3.2",
  expect: "ok",
  input: { index: 0 },
  output: { root: "00" },
};
const FILE = "merkle/inclusion/only-leaf.json";

function render(changes = {}) {
  return renderVectors([{ name: "merkle", recipes: [{ ...RECIPE, ...changes }] }]);
}

function inTree(run) {
  const root = writeTree({ "test-vectors/README.md": "# Vectors\n" });
  try {
    return run(root, join(root, "test-vectors", FILE));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("what was written compares equal", () => {
  inTree((root) => {
    assert.deepEqual(writeVectors(root, render(), {}), []);
    assert.deepEqual(compareVectors(root, render()), []);
  });
});

test("a changed file and a changed recipe are named, and neither is overwritten", () => {
  inTree((root, path) => {
    writeVectors(root, render(), {});
    const before = readFileSync(path, "utf8");
    const changed = render({ description: "Another" });
    assert.match(compareVectors(root, changed)[0], /only-leaf.json: differs from its recipe/);
    assert.match(writeVectors(root, changed, {})[0], /published vectors never change/);
    assert.equal(readFileSync(path, "utf8"), before);
    assert.deepEqual(writeVectors(root, changed, { replace: true }), []);
    assert.deepEqual(compareVectors(root, changed), []);
  });
});

test("a missing file and one without a recipe are named", () => {
  inTree((root, path) => {
    writeVectors(root, render(), {});
    writeFileSync(join(path, "../stray.json"), "{}");
    rmSync(path);
    const problems = compareVectors(root, render()).join("\n");
    assert.match(problems, /only-leaf.json: missing/);
    assert.match(problems, /stray.json: has no recipe/);
  });
});

const refused = {
  "an unknown field": [{ surplus: 1 }, /has the fields/],
  "an expectation that is no code": [{ expect: "fails", output: null }, /expects fails/],
  "an output beside a code": [{ expect: "MERKLE_PATH_LENGTH" }, /output only if ok/],
  "ok without an output": [{ output: null }, /output only if ok/],
  "a name that is no behaviour": [{ behaviour: "Only_Leaf" }, /has the behaviour/],
};

for (const [name, [changes, expected]] of Object.entries(refused)) {
  test(`refuses ${name}`, () => {
    assert.throws(() => render(changes), expected);
  });
}

test("refuses two recipes for one file", () => {
  assert.throws(
    () => renderVectors([{ name: "merkle", recipes: [RECIPE, RECIPE] }]),
    /has two recipes/,
  );
});

test("the reference tree agrees with its own verification at every size", () => {
  for (let size = 1; size <= LEAVES.length; size += 1) {
    const leaves = LEAVES.slice(0, size);
    for (let index = 0; index < size; index += 1) {
      const path = inclusionPath(index, leaves);
      assert.equal(path.length, inclusionLength(index, size));
      const leaf = leafHash(leaves[index]);
      assert.deepEqual(foldInclusion({ index, size, leaf, path }), root(leaves));
    }
    for (const oldSize of [3, 5, 6, 7].filter((oldSize) => oldSize < size)) {
      const path = consistencyPath(oldSize, leaves);
      assert.deepEqual(foldConsistency({ oldSize, newSize: size, path }), {
        oldRoot: root(leaves.slice(0, oldSize)),
        newRoot: root(leaves),
      });
    }
  }
});

test("the reference tree has the published root", () => {
  assert.equal(
    root(LEAVES).toString("hex"),
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  );
});

test("the CBOR writer gives the examples of RFC 8949 appendix A", () => {
  const examples = { 0: "00", 24: "1818", 1000: "1903e8", "-1": "20", "-1000": "3903e7" };
  for (const [value, hex] of Object.entries(examples)) {
    assert.equal(int(value).toString("hex"), hex);
  }
  assert.equal(int(-(2n ** 64n)).toString("hex"), "3bffffffffffffffff");
  assert.equal(head(0, 10, 2).toString("hex"), "19000a");
});
