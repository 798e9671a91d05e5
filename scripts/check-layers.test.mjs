// Plants each fault that check-layers exists for in a small tree and expects it to be named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLayers } from "./check-layers.mjs";
import { problemsOf } from "./testing/fixture.mjs";

const CRYPTO_MAP = {
  "#crypto": { node: "./dist/native.js", default: "./dist/portable.js" },
};

function packageFiles(name, { dependencies = {}, references = [], source = "", ...rest }) {
  return {
    [`packages/${name}/package.json`]: { name: `@tallystick/${name}`, dependencies, ...rest },
    [`packages/${name}/tsconfig.json`]: {
      references: references.map((path) => ({ path: `../${path}` })),
    },
    [`packages/${name}/src/index.ts`]: source,
  };
}

/** A sound tree: cose (with native code) ← statement ← policy, and a log with a database. */
function soundTree() {
  return {
    "package.json": { devDependencies: { "fast-check": "1" } },
    "tsconfig.json": {
      references: ["cose", "statement", "log"].map((name) => ({ path: `packages/${name}` })),
    },
    ...packageFiles("cose", {
      dependencies: { "cbor-x": "1" },
      imports: CRYPTO_MAP,
      source: 'export { decode } from "cbor-x";\nexport * from "./key.js";\n',
    }),
    "packages/cose/src/key.ts": 'import { digest } from "#crypto";\nexport const key = digest;\n',
    "packages/cose/src/native.ts":
      'import { hash } from "node:crypto";\nexport const digest = hash;\n',
    "packages/cose/src/key.test.ts":
      'import { readFileSync } from "node:fs";\nimport fc from "fast-check";\nimport "../../../scripts/shared-data.mjs";\nimport "./native.js";\n',
    ...packageFiles("statement", {
      dependencies: { "@tallystick/cose": "0" },
      references: ["cose"],
      source: 'import type { Key } from "@tallystick/cose";\nexport type Id = Key;\n',
    }),
    ...packageFiles("log", {
      dependencies: { level: "1" },
      source: 'import { Level } from "level";\nimport { join } from "node:path";\n',
    }),
  };
}

function withSource(path, text) {
  return { ...soundTree(), [path]: text };
}

const COSE = "packages/cose/src/index.ts";
const STATEMENT = "packages/statement/src/index.ts";
const SOUND_COSE = soundTree()[COSE];
const SOUND_STATEMENT = soundTree()[STATEMENT];

/** name → [files, what the one problem must say] */
const violations = {
  "an import that goes up": [
    withSource(COSE, `${SOUND_COSE}import "@tallystick/statement";`),
    /cose may not import statement/,
  ],
  "a type-only import that goes up": [
    withSource(COSE, `${SOUND_COSE}import type { X } from "@tallystick/statement";`),
    /cose may not import statement/,
  ],
  "an export-from that goes up": [
    withSource(COSE, `${SOUND_COSE}export { x } from "@tallystick/statement";`),
    /cose may not import statement/,
  ],
  "a dynamic import that goes up": [
    withSource(COSE, `${SOUND_COSE}await import("@tallystick/statement");`),
    /cose may not import statement/,
  ],
  "a require that goes up": [
    withSource(COSE, `${SOUND_COSE}require("@tallystick/statement");`),
    /cose may not import statement/,
  ],
  "an import type that goes up": [
    withSource(COSE, `${SOUND_COSE}type X = import("@tallystick/statement").X;`),
    /cose may not import statement/,
  ],
  "the log that knows statements": [
    withSource("packages/log/src/x.ts", 'import "@tallystick/statement";'),
    /log may not import statement/,
  ],
  "an undeclared sibling": [
    { ...soundTree(), "packages/statement/package.json": { name: "@tallystick/statement" } },
    /imports "@tallystick\/cose" without declaring it/,
  ],
  "an undeclared library": [
    { ...soundTree(), "packages/log/package.json": { name: "@tallystick/log" } },
    /imports "level" without declaring it/,
  ],
  "an unused dependency": [
    withSource("packages/log/src/index.ts", "export {};"),
    /dependency "level" is declared but never imported/,
  ],
  "a dependency of tests alone": [
    {
      ...withSource("packages/log/src/index.ts", "export {};"),
      "packages/log/src/store.test.ts": 'import "level";',
    },
    /"level" is declared but imported by tests alone/,
  ],
  "a missing reference": [
    { ...soundTree(), "packages/statement/tsconfig.json": {} },
    /no reference to cose/,
  ],
  "a reference that nothing imports": [
    { ...soundTree(), "packages/log/tsconfig.json": { references: [{ path: "../cose" }] } },
    /reference to cose, which is not imported/,
  ],
  "a reference that goes up": [
    { ...soundTree(), "packages/cose/tsconfig.json": { references: [{ path: "../statement" }] } },
    /cose may not refer to statement/,
  ],
  "a package missing at the root": [
    { ...soundTree(), "tsconfig.json": { references: [{ path: "packages/cose" }] } },
    /tsconfig.json: no reference to packages\/log/,
  ],
  "a deep import": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "@tallystick/cose/dist/key.js";`),
    /deep import/,
  ],
  "a package that imports itself by name": [
    withSource("packages/cose/src/key.test.ts", 'import "@tallystick/cose";'),
    /imports itself/,
  ],
  "a relative import that leaves the package": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "../../cose/src/key.js";`),
    /leaves the package/,
  ],
  "published source that imports the helper of tests": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "../../../scripts/shared-data.mjs";`),
    /leaves the package/,
  ],
  "a test that imports another script": [
    withSource("packages/cose/src/key.test.ts", 'import "../../../scripts/repository.mjs";'),
    /leaves the package/,
  ],
  "published source that imports a test file": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "./testing/keys.js";`),
    /imports the test file/,
  ],
  "a node: import in a browser-bound package": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "node:fs";`),
    /"node:fs" in a browser-bound package/,
  ],
  "more than node:crypto in the node-only file": [
    withSource("packages/cose/src/native.ts", 'import "node:fs";'),
    /may import node:crypto alone/,
  ],
  "the node-only file imported directly": [
    withSource(COSE, `${SOUND_COSE}import "./native.js";`),
    /past the "imports" map/,
  ],
  "a subpath that is not mapped": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "#crypto";`),
    /"#crypto" is not mapped/,
  ],
  "a library in the wrong package": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "express";`),
    /"express" may be imported by server only/,
  ],
  "a library nobody allowed": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "left-pad";`),
    /"left-pad" is not one of the libraries/,
  ],
  "a development library in published source": [
    withSource(STATEMENT, `${SOUND_STATEMENT}import "fast-check";`),
    /"fast-check" is not one of the libraries/,
  ],
  "the oracle in a package's own test": [
    withSource("packages/cose/src/key.test.ts", 'import "cose-kit";'),
    /belongs to the tests of conformance only/,
  ],
  "a computed import": [
    withSource(STATEMENT, `${SOUND_STATEMENT}await import(process.env.X);`),
    /not a string literal/,
  ],
  "a socket in a package that opens none": [
    withSource(STATEMENT, `${SOUND_STATEMENT}await fetch("x"); await globalThis.fetch("x");`),
    /"fetch" in a package that opens no socket/,
  ],
  "a package outside the table": [
    { ...soundTree(), ...packageFiles("gossip", {}) },
    /packages\/gossip: not in the table/,
  ],
};

test("a sound tree has no problems", async () => {
  assert.deepEqual(await problemsOf(checkLayers, soundTree()), []);
});

for (const [name, [files, expected]] of Object.entries(violations)) {
  test(`names ${name}`, async () => {
    const problems = await problemsOf(checkLayers, files);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `want ${String(expected)}, got:\n${problems.join("\n")}`,
    );
  });
}

test("takes a function called require for what it is", async () => {
  const files = withSource(STATEMENT, `${SOUND_STATEMENT}require(found, 1);`);
  assert.deepEqual(await problemsOf(checkLayers, files), []);
});

test("names a bare builtin", async () => {
  const files = withSource(STATEMENT, `${SOUND_STATEMENT}import "fs";`);
  const problems = await problemsOf(checkLayers, files);
  assert.equal(problems.length, 2);
  assert.match(problems[0], /bare builtin "fs"/);
  assert.match(problems[1], /browser-bound/);
});
