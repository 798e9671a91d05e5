// Changes each thing that a packed command is made from, and expects the command to notice.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { digestOf, isPacked, markOf } from "../packages/cli/bin/packed.js";
import { foreignPackages, noticeOf, packagesWithFiles } from "./pack-tally.mjs";
import { ROOT } from "./repository.mjs";
import { writeTree } from "./testing/fixture.mjs";

const INPUTS = ["dist/main.js", "dist/part.js"];

const saying = (text) => `export const main = (argv) => console.log("${text}", ...argv) ?? 0;\n`;

/** A package whose packed command is current, and its folder as a URL. */
function packedTree() {
  const root = writeTree({
    "package.json": { type: "module" },
    "src/main.ts": "",
    "dist/main.js": saying("plain"),
    "dist/part.js": "export {};\n",
    "packed/main.js": saying("packed"),
  });
  const base = pathToFileURL(join(root, "/"));
  const inputs = Object.fromEntries(INPUTS.map((name) => [name, markOf(name, base)]));
  const stamp = { inputs, digest: digestOf(INPUTS, base) };
  writeFileSync(join(root, "packed/stamp.json"), JSON.stringify(stamp));
  return { root, base };
}

const write = (name, text) => (root) => writeFileSync(join(root, name), text);
const remove = (name) => (root) => rmSync(join(root, name), { recursive: true });

const changes = {
  "nothing changed": [() => undefined, true],
  "a copy with other times": [(root) => utimesSync(join(root, "dist/main.js"), 1, 1), true],
  "published: no sources, and no stamp": [
    (root) => ["src", "packed/stamp.json"].forEach((name) => remove(name)(root)),
    true,
  ],
  "a module of another length": [write("dist/main.js", saying("changed")), false],
  "a module of the same length": [write("dist/main.js", saying("plaim")), false],
  "a module that is gone": [remove("dist/part.js"), false],
  "a module that is empty": [write("dist/part.js", ""), false],
  "a stamp that is gone": [remove("packed/stamp.json"), false],
  "a stamp cut short": [write("packed/stamp.json", '{"inputs":{'), false],
  "a stamp of nothing": [write("packed/stamp.json", "{}"), false],
  "a stamp that is null": [write("packed/stamp.json", "null"), false],
  "nothing packed": [remove("packed"), false],
  "published without": [(root) => ["src", "packed"].forEach((name) => remove(name)(root)), false],
};

for (const [name, [change, want]] of Object.entries(changes)) {
  test(`${name}: ${want ? "packed" : "plain"}`, () => {
    const { root, base } = packedTree();
    try {
      change(root);
      assert.equal(isPacked(base), want);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
}

test("the command starts what is current, and says so where nothing was built", () => {
  const { root } = packedTree();
  mkdirSync(join(root, "bin"));
  for (const name of ["tally.js", "packed.js"]) {
    copyFileSync(join(ROOT, "packages/cli/bin", name), join(root, "bin", name));
  }
  const said = () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [
      join(root, "bin/tally.js"),
      "x",
    ]);
    return `${String(stdout)}${String(stderr)}${String(status)}`;
  };
  try {
    assert.equal(said(), "packed x\n0");
    write("dist/main.js", saying("newer"))(root);
    assert.equal(said(), "newer x\n0");
    remove("dist")(root);
    assert.match(said(), /^tally: not built yet, .*\n2$/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("foreign packages are found below any node_modules, once each", () => {
  const paths = ["packages/cli/dist/main.js", "node_modules/a/i.js", "node_modules/a/lib/j.js"];
  paths.push("node_modules/@s/b/i.js", "node_modules/a/node_modules/c/i.js");
  const folders = ["node_modules/@s/b", "node_modules/a", "node_modules/a/node_modules/c"];
  assert.deepEqual(foreignPackages(paths), folders);
});

test("packages that look for files beside their own are told, unless they never do here", () => {
  const sources = {
    "node_modules/cjs/i.js": "require('node:fs').readFileSync(__dirname + '/schema.json');\n",
    "node_modules/@s/esm/i.js": "export const at = new URL('a.wasm', import.meta.url);\n",
    "node_modules/pure/i.js": "export const my__dirname = 1;\n",
    "node_modules/pino/i.js": "module.exports = __dirname;\n",
    "packages/cli/dist/main.js": "export const at = import.meta.url;\n",
  };
  const root = writeTree(sources);
  try {
    const found = packagesWithFiles(root, Object.keys(sources));
    assert.deepEqual(found, ["node_modules/@s/esm", "node_modules/cjs"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a notice has name, version and licence, and all texts", () => {
  const root = writeTree({
    "good/package.json": { name: "good", version: "1.0.0", license: "MIT" },
    "good/LICENSE.md": "Copyright Somebody\n",
    "good/NOTICE": "Also\n",
    "bare/package.json": { name: "bare", version: "1.0.0" },
  });
  try {
    assert.equal(noticeOf(root, "good"), "good 1.0.0 (MIT)\n\nCopyright Somebody\n\nAlso");
    assert.throws(() => noticeOf(root, "bare"), /bare states no licence/);
  } finally {
    rmSync(root, { recursive: true });
  }
});
