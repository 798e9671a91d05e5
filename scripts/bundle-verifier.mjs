// One file each of what browsers run, with all that it needs, also for anybody who wants to keep a
// verifier beside the statements. What it must not need, Node, is checked in the output.
//
//   node scripts/bundle-verifier.mjs [NAME...]
import { mkdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ROOT } from "./repository.mjs";

const NAMES = ["verifier", "appraisal"];
const PORTABLE = ["packages/cose/dist/portable.js", "packages/merkle/dist/portable.js"];

/** What ties a bundle to Node. */
function nodeTies({ inputs, outputs }) {
  const ties = Object.keys(inputs).filter((path) => path.endsWith("/dist/native.js"));
  for (const { imports } of Object.values(outputs)) ties.push(...imports.map(({ path }) => path));
  for (const path of PORTABLE) if (!(path in inputs)) ties.push(`no ${path}`);
  return ties;
}

function textTies(text) {
  const specifiers = [...text.matchAll(/\b(?:require|from|import)\s*\(?\s*["']([^"']+)["']/g)];
  const names = specifiers.map((match) => match[1]);
  return names.filter((name) => name.startsWith("node:") || builtinModules.includes(name));
}

async function bundle(name, minify) {
  const file = `build/${name}${minify ? ".min" : ""}.js`;
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`packages/${name}/dist/index.js`],
    outfile: file,
    bundle: true,
    minify,
    format: "esm",
    platform: "browser",
    target: "es2022",
    metafile: true,
    legalComments: "eof",
    logLevel: "warning",
  });
  const bytes = readFileSync(join(ROOT, file));
  const ties = [...nodeTies(metafile), ...textTies(bytes.toString())];
  if (ties.length > 0) throw new Error(`${file} needs Node: ${[...new Set(ties)].join(", ")}`);
  const sizes = [bytes.length, gzipSync(bytes, { level: 9 }).length];
  const [plain, zipped] = sizes.map((size) => `${(size / 1024).toFixed(1)} KiB`);
  console.log(`${file}: ${plain}, ${zipped} gzipped`);
}

mkdirSync(join(ROOT, "build"), { recursive: true });
try {
  const asked = process.argv.slice(2);
  for (const name of asked.length === 0 ? NAMES : asked) {
    await bundle(name, false);
    await bundle(name, true);
  }
} catch (error) {
  console.error(`bundle-verifier: ${error.message} (built? npm run build)`);
  process.exitCode = 1;
}
