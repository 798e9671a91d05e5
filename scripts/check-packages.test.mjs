// Plants each fault that check-packages exists for and expects it to be named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFiles, lernaProblems, tarballProblems } from "./check-packages.mjs";
import { problemsOf } from "./testing/fixture.mjs";

const MANIFEST = {
  name: "@tallystick/merkle",
  version: "1.2.3",
  description: "Trees.",
  license: "Apache-2.0",
  type: "module",
  exports: { ".": "./dist/index.js" },
};

function tree(manifest, changes = {}) {
  return {
    "package.json": { version: "1.2.3" },
    "lerna.json": { version: "1.2.3" },
    "packages/merkle/package.json": { ...MANIFEST, ...manifest },
    "packages/merkle/README.md": "# merkle",
    "packages/merkle/src/index.ts": "export {};\n",
    ...changes,
  };
}

const violations = {
  "another version": [tree({ version: "1.2.4" }), /version 1.2.4, want 1.2.3/],
  "another version at the root": [
    tree({}, { "package.json": { version: "1.0.0" } }),
    /package.json: version differs/,
  ],
  "a sibling in another version": [
    tree({ dependencies: { "@tallystick/cose": "^1.2.3" } }),
    /depends on @tallystick\/cose \^1.2.3/,
  ],
  "a missing description": [tree({ description: undefined }), /no description/],
  "another license": [tree({ license: "MIT" }), /license MIT/],
  "a second entry point": [tree({ exports: { ".": "./a.js", "./b": "./b.js" } }), /want "." alone/],
  "an entry point beside exports": [tree({ main: "a.js" }), /beside "exports"/],
  "a missing page": [tree({}, { "packages/merkle/README.md": undefined }), /no README.md/],
  "a file that is too long": [
    tree({}, { "packages/merkle/src/tree.ts": "//\n".repeat(401) }),
    /tree.ts: 401 lines, want at most 400/,
  ],
  "a file name that says nothing": [
    tree({}, { "packages/merkle/src/tile-utils.ts": "" }),
    /"utils" says nothing/,
  ],
};

test("a sound tree has no problems", async () => {
  const full = { "packages/merkle/src/tree.ts": "//\n".repeat(400) };
  assert.deepEqual(await problemsOf(checkFiles, tree({}, full)), []);
});

test("a private package needs no page and no entry point", async () => {
  const files = tree(
    { private: true, exports: undefined },
    { "packages/merkle/README.md": undefined },
  );
  assert.deepEqual(await problemsOf(checkFiles, files), []);
});

for (const [name, [files, expected]] of Object.entries(violations)) {
  test(`names ${name}`, async () => {
    const problems = await problemsOf(checkFiles, files);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `want ${String(expected)}, got:\n${problems.join("\n")}`,
    );
  });
}

test("names the silence of lerna under a parent's lerna", () => {
  assert.match(lernaProblems([], ["cose", "merkle"])[0], /lists 0 packages, want 2/);
  assert.deepEqual(lernaProblems([{ name: "@tallystick/cose" }], ["cose"]), []);
});

test("names what does not belong into a tarball", () => {
  const files = ["dist/index.js", "dist/path.test.js", "dist/testing/keys.js", "src/index.ts"];
  const problems = [...tarballProblems({ name: "x", files: files.map((path) => ({ path })) })];
  assert.deepEqual(problems, [
    "x: publishes no dist/index.d.ts (built?)",
    "x: publishes dist/path.test.js",
    "x: publishes dist/testing/keys.js",
    "x: publishes src/index.ts",
  ]);
});

test("names what a packing that was killed has left", () => {
  const left = ["dist/packing-1/main.js", "dist/packed-old-2/main.js"];
  const files = ["dist/index.js", "dist/index.d.ts", ...left].map((path) => ({ path }));
  const problems = left.map((path) => `x: publishes ${path}`);
  assert.deepEqual([...tarballProblems({ name: "x", files })], problems);
});

test("misses the packed command in its package, and its stamp does not belong there", () => {
  const paths = ["dist/index.js", "dist/index.d.ts", "packed/main.js", "packed/stamp.json"];
  const files = paths.map((path) => ({ path }));
  assert.deepEqual(
    [...tarballProblems({ name: "@tallystick/cli", files })],
    [
      "@tallystick/cli: publishes no packed/THIRD-PARTY.txt (built?)",
      "@tallystick/cli: publishes packed/stamp.json",
    ],
  );
});
