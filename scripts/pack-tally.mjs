// Puts the compiled command into a few dozen files, `packages/cli/packed`, which `bin/tally.js` starts:
// finding and reading the seven hundred modules of `tally serve` takes more than half of its start. It
// is the same compiled code, in chunks that are loaded when they are in the command itself. Beside it
// go the licences of all that is in it, and a stamp of what it was made from; `bin/packed.js` says when
// that is out of date, here and at each start. Nothing is done while it is not.
//
//   node scripts/pack-tally.mjs
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { digestOf, isPacked, markOf, STAMP } from "../packages/cli/bin/packed.js";
import { filesBelow, packageNames, ROOT } from "./repository.mjs";

const CLI = join(ROOT, "packages/cli");
const BASE = pathToFileURL(join(CLI, "/"));
const FOLDER = join(CLI, "packed");
const NOTICES = "THIRD-PARTY.txt";

// What changes when other versions are installed, and what packs.
const TOOLS = ["node_modules/.package-lock.json", "scripts/pack-tally.mjs"];

// What the modules that are not ES modules call to get at what stays outside.
const REQUIRE =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** The packages among the inputs that are not ours, with their folders, sorted. */
export function foreignPackages(inputs) {
  const folders = new Set();
  for (const path of inputs) {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].sort();
}

/** Name, version and licence of the package in a folder, in its own words. Throws if it states none. */
export function noticeOf(root, folder) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(root, folder, "package.json"), "utf8"),
  );
  const files = readdirSync(join(root, folder)).filter((file) =>
    /^(?:licen[cs]e|notice|copying)/i.test(file),
  );
  if (typeof license !== "string" && files.length === 0) {
    throw new Error(`${folder} states no licence`);
  }
  const texts = files.map((file) => readFileSync(join(root, folder, file), "utf8").trim());
  return [`${name} ${version} (${license ?? "see below"})`, ...texts].join("\n\n");
}

// What has files of its own stays outside, and is found as the package that needs it finds it, wherever
// it was installed.
const OUTSIDE = new Map([
  [
    "classic-level",
    `const log = createRequire(resolve("@tallystick/log"));
module.exports = createRequire(log.resolve("level"))("classic-level");`,
  ],
  [
    "@cyclonedx/cyclonedx-library",
    'module.exports = createRequire(resolve("@tallystick/content"))("@cyclonedx/cyclonedx-library");',
  ],
]);
const FIND = 'const { createRequire } = require("node:module");\nconst { resolve } = require;\n';
const outside = {
  name: "outside",
  setup(packing) {
    packing.onResolve({ filter: /^[^./]/ }, ({ path }) =>
      OUTSIDE.has(path) ? { path, namespace: "outside" } : undefined,
    );
    packing.onLoad({ filter: /.*/, namespace: "outside" }, ({ path }) => ({
      contents: FIND + OUTSIDE.get(path),
    }));
  },
};

// Commander does in a comment alone, the others for a thread to log on, which nothing here starts.
const WITHOUT_FILES = new Set([
  ...["node_modules/commander", "node_modules/pino", "node_modules/thread-stream"],
]);

/** The packages among the inputs that look for files beside their own, which are not packed. */
export function packagesWithFiles(root, inputs) {
  const asking = inputs.filter(
    (path) =>
      path.includes("node_modules/") &&
      /\b__(?:dir|file)name\b|\bimport\.meta\.(?:url|dirname|filename)\b/.test(
        readFileSync(join(root, path), "utf8"),
      ),
  );
  return foreignPackages(asking).filter((folder) => !WITHOUT_FILES.has(folder));
}

async function packInto(folder) {
  const { build } = await import("esbuild");
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(CLI, "dist/main.js")],
    outdir: folder,
    bundle: true,
    splitting: true,
    // Less to read at each start; names stay, so a stack trace tells where it comes from.
    minifyWhitespace: true,
    minifySyntax: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [outside],
    banner: { js: REQUIRE },
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs).filter((path) => !path.startsWith("outside:"));
  const lost = packagesWithFiles(ROOT, inputs);
  if (lost.length > 0) throw new Error(`${lost.join(", ")}: look for files that are not packed`);
  return inputs;
}

function writeNotices(folder, inputs) {
  const notices = foreignPackages(inputs).map((each) => noticeOf(ROOT, each));
  const line = `\n\n${"-".repeat(72)}\n\n`;
  const first = "The packed command holds code of these packages, under these licences.";
  writeFileSync(join(folder, NOTICES), `${[first, ...notices].join(line)}\n`);
}

/** What the command may be made from, as it is at this moment, by names relative to the package. */
function marks() {
  const built = packageNames(ROOT).flatMap((name) => filesBelow(ROOT, `packages/${name}/dist`));
  const paths = [...TOOLS, ...built.filter((path) => path.endsWith(".js"))];
  return new Map(paths.map((path) => `../../${path}`).map((name) => [name, markOf(name, BASE)]));
}

/** What it was made from: our own modules one by one, the others by what installed them. */
function stampOf(inputs, before) {
  const ours = inputs.filter((path) => /^packages\/[^/]+\/dist\//.test(path));
  const names = [...TOOLS, ...ours].sort().map((path) => `../../${path}`);
  const digest = digestOf(names, BASE);
  // Or what was written meanwhile would pass for what was read.
  const now = marks();
  for (const name of names) {
    if (before.get(name) === undefined || before.get(name) !== now.get(name)) {
      throw new Error(`${name.slice("../../".length)} was written to meanwhile, build again`);
    }
  }
  return { inputs: Object.fromEntries(names.map((name) => [name, now.get(name)])), digest };
}

/**
 * Puts the fresh folder in the place of another by renames alone, so that no reader finds half of one;
 * what was there is in `aside` until it is gone. Yields whether it did: where two do so at once, one
 * does.
 */
export function swapFolders({ fresh, folder, aside }, rename = renameSync) {
  const succeeds = (from, to, codes) => {
    try {
      rename(from, to);
      return true;
    } catch (error) {
      if (codes.includes(error.code)) return false;
      throw error;
    }
  };
  rmSync(aside, { recursive: true, force: true });
  try {
    succeeds(folder, aside, ["ENOENT"]);
    return succeeds(fresh, folder, ["ENOTEMPTY", "EEXIST"]);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Packs the command, unless what is there is of what is built now. Yields whether it did. */
export async function packTally() {
  if (isPacked(BASE)) return false;
  const fresh = join(CLI, `dist/packing-${process.pid}`);
  const aside = join(CLI, `dist/packed-old-${process.pid}`);
  try {
    const before = marks();
    const inputs = await packInto(fresh);
    writeNotices(fresh, inputs);
    writeFileSync(
      new URL(STAMP, pathToFileURL(join(fresh, "/"))),
      JSON.stringify(stampOf(inputs, before)),
    );
    return swapFolders({ fresh, folder: FOLDER, aside });
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (existsSync(join(CLI, "dist/main.js"))) await packTally();
  else {
    console.error("pack-tally: not built yet, run npm run build first");
    process.exitCode = 1;
  }
}
