// Changes each thing that a packed command is made from, and expects the command to notice.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { digestOf, isPacked, markOf } from "../packages/cli/bin/packed.js";
import { foreignPackages, noticeOf, packagesWithFiles, swapFolders } from "./pack-tally.mjs";
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

/** Has a tree hold the command, and yields what it says when it is called. */
function commandIn(root) {
  mkdirSync(join(root, "bin"));
  for (const name of ["tally.js", "packed.js"]) {
    copyFileSync(join(ROOT, "packages/cli/bin", name), join(root, "bin", name));
  }
  return () => {
    const args = [join(root, "bin/tally.js"), "x"];
    const { stdout, stderr, status } = spawnSync(process.execPath, args);
    return `${String(stdout)}${String(stderr)}${String(status)}`;
  };
}

test("the command starts what is current, and says so where nothing was built", () => {
  const { root } = packedTree();
  const said = commandIn(root);
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

const unloadable = {
  "a part that is gone": 'import "./chunk-gone.js";\n',
  "a part cut short": "export const main = (argv",
  "a module that throws": 'throw new Error("not here\\nor there");\n',
  "a module that throws nothing": "throw undefined;\n",
};

for (const [name, text] of Object.entries(unloadable)) {
  test(`the command says that it cannot be loaded, which is no "no": ${name}`, () => {
    const { root } = packedTree();
    try {
      write("packed/main.js", text)(root);
      assert.match(commandIn(root)(), /^tally: cannot be loaded, build .* again: .+\n2$/);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
}

const foldersIn = (root) => ({
  fresh: join(root, "fresh"),
  folder: join(root, "folder"),
  aside: join(root, "aside"),
});

const swaps = {
  "where there was one": [{ "fresh/a": "new", "folder/a": "old", "folder/b": "" }, true],
  "where there was none": [{ "fresh/a": "new" }, true],
  "with what a killed one left aside": [
    { "fresh/a": "new", "folder/a": "old", "aside/a": "older" },
    true,
  ],
};

for (const [name, [files, want]] of Object.entries(swaps)) {
  test(`a packed folder is put in place ${name}`, () => {
    const root = writeTree(files);
    try {
      assert.equal(swapFolders(foldersIn(root)), want);
      assert.deepEqual(readdirSync(root), ["folder"]);
      assert.deepEqual(readdirSync(join(root, "folder")), ["a"]);
      assert.equal(readFileSync(join(root, "folder/a"), "utf8"), "new");
    } finally {
      rmSync(root, { recursive: true });
    }
  });
}

test("a packed folder that another one put in place meanwhile stays", () => {
  const root = writeTree({ "fresh/a": "new", "folder/a": "winner" });
  try {
    const renamed = [];
    // To this one there was none to set aside: the other one came in between.
    const rename = (from, to) => {
      renamed.push(from);
      if (renamed.length === 1) throw Object.assign(new Error("none"), { code: "ENOENT" });
      renameSync(from, to);
    };
    assert.equal(swapFolders(foldersIn(root), rename), false);
    assert.equal(readFileSync(join(root, "folder/a"), "utf8"), "winner");
    assert.deepEqual(renamed, [join(root, "folder"), join(root, "fresh")]);
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
