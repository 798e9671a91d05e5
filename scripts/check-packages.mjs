// What a package promises to the registry and to its readers: one version, one entry point, a page
// of its own, a tarball without tests, and files small enough to read. Lerna is asked as well: when
// a parent folder holds a lerna of its own it finds no package and still exits with 0.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import {
  filesBelow,
  isTestFile,
  packageNames,
  readJson,
  readText,
  runCheck,
} from "./repository.mjs";

const MAX_LINES = 400;
const LICENSE = "Apache-2.0";
const NOT_A_NAME = new Set([
  ...["util", "utils", "helper", "helpers", "common", "types", "misc", "manager", "base"],
]);
const UNPUBLISHED =
  /^packed\/stamp\.json$|^dist\/pack(?:ing|ed-old)-|\.test\.|\/testing\/|\.tsbuildinfo$|^src\/|tsconfig/;

const PUBLISHED = ["dist/index.js", "dist/index.d.ts"];
const PACKED = new Map([["@tallystick/cli", ["packed/main.js", "packed/THIRD-PARTY.txt"]]]);

const run = promisify(execFile);

async function jsonOf(root, command, args) {
  const env = { ...process.env, NX_DAEMON: "false", npm_config_offline: "true" };
  const { stdout } = await run(command, args, { cwd: root, env, maxBuffer: 1 << 26 });
  return JSON.parse(stdout);
}

/** Compares what lerna lists with the packages that are there. */
export function lernaProblems(listed, names) {
  if (listed.length === names.length) return [];
  const found = listed.map((entry) => entry.name.replace("@tallystick/", ""));
  const missing = names.filter((name) => !found.includes(name));
  return [
    `lerna lists ${String(listed.length)} packages, want ${String(names.length)}` +
      ` (missing ${missing.join(", ")}; a parent folder may hold node_modules/lerna)`,
  ];
}

/** What is wrong with the tarball that npm would publish. */
export function* tarballProblems(tarball) {
  const paths = tarball.files.map((file) => file.path);
  for (const wanted of [...PUBLISHED, ...(PACKED.get(tarball.name) ?? [])]) {
    if (!paths.includes(wanted)) yield `${tarball.name}: publishes no ${wanted} (built?)`;
  }
  for (const path of paths) {
    if (UNPUBLISHED.test(path)) yield `${tarball.name}: publishes ${path}`;
  }
}

/** Parts of a package that are no part of its index, which browsers do without. */
const PARTS = { "@tallystick/content": ["./swid-signature", "./schema"] };

function* entryProblems(manifest) {
  const entries = Object.keys(manifest.exports ?? {});
  const parts = PARTS[manifest.name] ?? [];
  const others = entries.filter((entry) => !parts.includes(entry));
  if (others.join() !== ".") yield `exports ${JSON.stringify(entries)}, want "." alone`;
  if ("main" in manifest || "module" in manifest) yield 'has an entry point beside "exports"';
}

function* versionProblems(manifest, version) {
  if (manifest.version !== version) yield `version ${String(manifest.version)}, want ${version}`;
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest;
  const all = { ...peerDependencies, ...devDependencies, ...dependencies };
  for (const [name, wanted] of Object.entries(all)) {
    if (name.startsWith("@tallystick/") && wanted !== version) {
      yield `depends on ${name} ${wanted}, want ${version}`;
    }
  }
}

function* manifestProblems(root, name, version) {
  const manifest = readJson(root, `packages/${name}/package.json`);
  if (manifest.name !== `@tallystick/${name}`) yield `is named ${String(manifest.name)}`;
  if (manifest.license !== LICENSE) yield `license ${String(manifest.license)}, want ${LICENSE}`;
  if (manifest.type !== "module") yield 'type is not "module"';
  if ((manifest.description ?? "") === "") yield "has no description";
  yield* versionProblems(manifest, version);
  if (manifest.private === true) return;
  yield* entryProblems(manifest);
  if (!existsSync(join(root, `packages/${name}/README.md`))) yield "has no README.md";
}

function sourceFiles(root) {
  const paths = [...filesBelow(root, "packages"), ...filesBelow(root, "scripts")];
  return paths.filter((path) => /\.(?:[cm]?[jt]s)$/.test(path));
}

function* budgetProblems(root) {
  for (const path of sourceFiles(root)) {
    const lines = lineCount(root, path);
    if (lines > MAX_LINES)
      yield `${path}: ${String(lines)} lines, want at most ${String(MAX_LINES)}`;
    const stem = posix.basename(path).split(".")[0];
    const words = [stem, ...stem.split("-")];
    const bad = words.find((word) => NOT_A_NAME.has(word.toLowerCase()));
    if (bad !== undefined) yield `${path}: "${bad}" says nothing about what the file holds`;
    else if (stem !== stem.toLowerCase()) yield `${path}: file names are lower case`;
  }
}

function lineCount(root, path) {
  return readText(root, path).replace(/\n$/, "").split("\n").length;
}

/** Everything that needs no other program. */
export function checkFiles(root) {
  const version = readJson(root, "lerna.json")?.version;
  const names = packageNames(root);
  const problems = [];
  if (readJson(root, "package.json")?.version !== version) {
    problems.push(`package.json: version differs from ${version} in lerna.json`);
  }
  for (const name of names) {
    for (const problem of manifestProblems(root, name, version)) {
      problems.push(`packages/${name}: ${problem}`);
    }
  }
  problems.push(...budgetProblems(root));
  const lines = { source: 0, test: 0 };
  for (const path of sourceFiles(root).filter((path) => path.includes("/src/"))) {
    lines[isTestFile(path) ? "test" : "source"] += lineCount(root, path);
  }
  const summary = `${String(names.length)} packages, ${String(lines.source)} lines of source, ${String(lines.test)} of tests`;
  return { problems, summary };
}

/** The check: files, then what lerna and npm make of them. */
export async function checkPackages(root) {
  const { problems, summary } = checkFiles(root);
  const names = packageNames(root);
  const lerna = join(root, "node_modules/lerna/dist/cli.js");
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts", "--workspaces"];
  try {
    const [listed, packed] = await Promise.all([
      jsonOf(root, process.execPath, [lerna, "list", "--all", "--json", "--loglevel", "silent"]),
      jsonOf(root, "npm", pack),
    ]);
    problems.push(...lernaProblems(listed, names));
    for (const tarball of Object.values(packed)) {
      const isPrivate = listed.find((entry) => entry.name === tarball.name)?.private;
      if (isPrivate !== true) problems.push(...tarballProblems(tarball));
    }
  } catch (error) {
    problems.push(`lerna and npm could not be asked: ${String(error.message ?? error)}`);
  }
  return { problems, summary };
}

await runCheck(import.meta.url, "check-packages", checkPackages);
