// Test vectors are the contract with other implementations, so each file comes from a recipe in
// scripts/vectors/*.mjs that yields it byte for byte, and published files never change. Recipes use
// the small reference code beside them and Node's crypto, never the packages under test.
//
//   node scripts/gen-vectors.mjs             writes what is missing, refuses to change what is there
//   node scripts/gen-vectors.mjs --check     compares the files with their recipes
//   node scripts/gen-vectors.mjs --replace   changes files too: for vectors not yet published
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { filesBelow, readText, ROOT } from "./repository.mjs";

const FOLDER = "test-vectors";
const FIELDS = ["kind", "behaviour", "description", "spec", "expect", "input", "output"];
const KIND = /^[a-z]+(\/[a-z0-9]+)*$/;
const BEHAVIOUR = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const EXPECT = /^(ok|[A-Z]+(_[A-Z0-9]+)+)$/;

function recipeProblem(recipe) {
  const fields = Object.keys(recipe);
  if (fields.length !== FIELDS.length || !FIELDS.every((field) => fields.includes(field))) {
    return `has the fields ${fields.join(", ")}, want ${FIELDS.join(", ")}`;
  }
  if (!KIND.test(recipe.kind)) return `has the kind ${recipe.kind}`;
  if (!BEHAVIOUR.test(recipe.behaviour)) return `has the behaviour ${recipe.behaviour}`;
  if (!EXPECT.test(recipe.expect)) return `expects ${recipe.expect}`;
  if (recipe.description === "" || recipe.spec === "") return "has no description or no clause";
  if ((recipe.output === null) === (recipe.expect === "ok")) return "has an output only if ok";
  return undefined;
}

function vectorText({ description, spec, expect, input, output }) {
  return `${JSON.stringify({ description, spec, expect, input, output }, null, 2)}\n`;
}

/** Yields all files that the recipes make, as path below test-vectors → text. */
export function renderVectors(books) {
  const files = new Map();
  const entries = [];
  for (const { name, recipes } of books) {
    for (const recipe of recipes) {
      const problem = recipeProblem(recipe);
      const file = `${recipe.kind}/${recipe.behaviour}.json`;
      if (problem !== undefined) throw new Error(`${name}: ${file} ${problem}`);
      if (files.has(file)) throw new Error(`${name}: ${file} has two recipes`);
      files.set(file, vectorText(recipe));
      entries.push({ file, recipe: name, expect: recipe.expect });
    }
  }
  entries.sort((a, b) => (a.file < b.file ? -1 : 1));
  files.set("manifest.json", `${JSON.stringify({ vectors: entries }, null, 2)}\n`);
  const sums = [...files.keys()].sort().map((file) => {
    return `${createHash("sha256").update(files.get(file)).digest("hex")}  ${file}\n`;
  });
  files.set("SHA256SUMS", sums.join(""));
  return files;
}

// These two list the others, so that they change with every addition.
const INDEXES = new Set(["manifest.json", "SHA256SUMS"]);

function strayFiles(root, files) {
  const present = filesBelow(root, FOLDER).map((path) => path.slice(FOLDER.length + 1));
  return present.filter(
    (path) => path.endsWith(".json") && !path.startsWith("third-party/") && !files.has(path),
  );
}

/** Compares the files below `root` with what the recipes yield. */
export function compareVectors(root, files) {
  const problems = [];
  for (const [file, text] of files) {
    const path = `${FOLDER}/${file}`;
    if (!existsSync(join(root, path))) problems.push(`${path}: missing; run npm run vectors`);
    else if (readText(root, path) !== text) problems.push(`${path}: differs from its recipe`);
  }
  for (const file of strayFiles(root, files)) problems.push(`${FOLDER}/${file}: has no recipe`);
  return problems;
}

/** Writes the files below `root`; a file that is there is changed only with `replace`. */
export function writeVectors(root, files, { replace }) {
  const problems = [];
  for (const [file, text] of files) {
    const path = join(root, FOLDER, file);
    const isChange = existsSync(path) && readText(root, `${FOLDER}/${file}`) !== text;
    if (isChange && !replace && !INDEXES.has(file)) {
      problems.push(`${FOLDER}/${file}: published vectors never change; add one beside it`);
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  for (const file of strayFiles(root, files)) {
    if (replace) rmSync(join(root, FOLDER, file));
    else problems.push(`${FOLDER}/${file}: has no recipe`);
  }
  return problems;
}

/** Yields the recipes of every file in scripts/vectors. */
async function readBooks() {
  const folder = join(ROOT, "scripts/vectors");
  const names = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
  const books = [];
  for (const name of names.sort()) {
    const { recipes } = await import(pathToFileURL(join(folder, name)).href);
    books.push({ name: name.slice(0, -".mjs".length), recipes });
  }
  return books;
}

async function main(flags) {
  const files = renderVectors(await readBooks());
  const problems = flags.includes("--check")
    ? compareVectors(ROOT, files)
    : writeVectors(ROOT, files, { replace: flags.includes("--replace") });
  for (const problem of problems) console.error(`  ${problem}`);
  if (problems.length > 0) {
    console.error(`gen-vectors: ${String(problems.length)} problem(s)`);
    process.exitCode = 1;
  } else {
    console.log(`gen-vectors: ok, ${String(files.size - INDEXES.size)} vectors`);
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2));
}
