// The command in a few files for the tests that start it hundreds of times: finding and reading the
// seven hundred modules of `tally serve` takes most of its start. It is the same compiled code, in
// chunks that are loaded when they are in the command itself; what users start is not touched.
import { copyFileSync, mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "./repository.mjs";

const CLI = join(ROOT, "packages/cli");

// What the modules that are not ES modules call to get at what stays outside.
const REQUIRE =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** Packs the command into a new folder, and yields the folder and the file to start. */
export async function packTally() {
  // Below node_modules, for the native addon is found from there.
  const cache = join(ROOT, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "tally-"));
  await build({
    absWorkingDir: ROOT,
    entryPoints: [join(CLI, "dist/main.js")],
    outdir: join(folder, "dist"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["classic-level"],
    banner: { js: REQUIRE },
    legalComments: "none",
    logLevel: "warning",
  });
  mkdirSync(join(folder, "bin"));
  for (const name of ["package.json", "bin/tally.js"]) {
    copyFileSync(join(CLI, name), join(folder, name));
  }
  return { folder, command: join(folder, "bin/tally.js") };
}
