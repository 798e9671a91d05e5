// Who sends a payload reads docs/formats/content: what it has to be, and what is checked when it is
// registered. This script fails when a kind, a media type, a type of record, a warning or a code is in
// the program and not on the pages, or the other way, when a page is not laid out like the others, and
// when a schema belongs to no page.
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { filesBelow, readJson, readText, runCheck } from "./repository.mjs";

const INDEX = "docs/formats/content.md";
const FOLDER = "docs/formats/content";
const SOURCE = "packages/content/src";
const ERRORS = ["content", "statement", "policy"].map((name) => `packages/${name}/src/error.ts`);

const PROPERTIES = ["Kind", "Content types", "Schema", "Specification"];
const HEADINGS = ["In the payload", "Read as", "Checked at registration", "Found by"];
const CHECKS = "| What is checked | When | Refused with |";
const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Nothing of it is read, so that there is nothing to describe. */
const WITHOUT_SCHEMA = ["opaque"];

function textOf(root, path) {
  return existsSync(join(root, path)) ? readText(root, path) : "";
}

function wordsIn(text, pattern) {
  return [...text.matchAll(pattern)].map((match) => match[1]);
}

/** The cells of each row of the tables of a page, without the white space that lines them up. */
function rowsOf(text) {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  return lines.map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function linksIn(text) {
  return wordsIn(text, /\]\(([^)#\s]+)(?:#[^)]*)?\)/g);
}

/** What the program knows: kinds, media types, types of records, warnings by level, codes of errors. */
function programOf(root) {
  const sources = filesBelow(root, SOURCE).filter((path) => path.endsWith(".ts"));
  const own = sources.filter((path) => !path.endsWith(".test.ts") && !path.includes("/testing/"));
  const claims = /CLAIMS[\s\S]*?\]\);/.exec(textOf(root, `${SOURCE}/media-type.ts`))?.[0] ?? "";
  const kinds = /const KINDS[^{]*\{([\s\S]*?)\}/.exec(textOf(root, `${SOURCE}/content.ts`))?.[1];
  const records = textOf(root, `${SOURCE}/release/evidence-record.ts`);
  const warnings = textOf(root, `${SOURCE}/warning.ts`);
  return {
    kinds: wordsIn(kinds ?? "", /^\s*"?([a-z-]+)"?: true/gm),
    mediaTypes: [
      ...wordsIn(claims, /"(application\/[a-z0-9.+-]+)"/g),
      ...own.flatMap((path) =>
        wordsIn(readText(root, path), /"(application\/vnd\.tallystick[^"]+)"/g),
      ),
    ],
    known: own.map((path) => readText(root, path)).join("\n"),
    recordTypes: wordsIn(
      /RECORD_TYPES[^[]*\[\]?[^[]*\[([\s\S]*?)\]/.exec(records)?.[1] ?? "",
      /"([a-z-]+)"/g,
    ),
    warnings: [...warnings.matchAll(/^ {2}"([a-z0-9-]+)": "(note|warning)"/gm)].map((match) => ({
      code: match[1],
      level: match[2],
    })),
    codes: ERRORS.flatMap((path) => wordsIn(textOf(root, path), /"([A-Z]+_[A-Z_]+)"/g)),
  };
}

function pagesOf(root) {
  const paths = filesBelow(root, FOLDER).filter((path) => path.endsWith(".md"));
  return paths.map((path) => {
    const text = readText(root, path);
    const rows = rowsOf(text);
    const property = (name) => rows.find((row) => row[0] === name)?.[1] ?? "";
    return { path, name: posix.basename(path, ".md"), text, rows, property };
  });
}

function* layoutProblems({ path, text, rows, property }) {
  for (const name of PROPERTIES)
    if (property(name) === "") yield `${path}: says nothing of ${name}`;
  const found = wordsIn(text, /^## (.+)$/gm).filter((heading) => HEADINGS.includes(heading));
  if (found.join() !== HEADINGS.join()) yield `${path}: wants the headings ${HEADINGS.join(", ")}`;
  const heads = rows.filter((row) => `| ${row.join(" | ")} |` === CHECKS);
  if (heads.length !== 1) yield `${path}: wants one table ${CHECKS}`;
  const empty = rows.find((row) => row.length === 3 && row.includes(""));
  if (empty !== undefined) yield `${path}: an empty cell in the row ${empty[0]}`;
}

function* kindProblems(program, pages, index) {
  for (const kind of program.kinds) {
    const page = pages.find(({ property }) => property("Kind").startsWith(`\`${kind}\``));
    if (page === undefined) {
      yield `${kind}: no page in ${FOLDER} begins its Kind with it`;
      continue;
    }
    const isListed = rowsOf(index).some((row) => row[2]?.startsWith(`\`${kind}\``));
    if (!isListed) yield `${kind}: no row in ${INDEX}`;
    const hasSchema = linksIn(page.property("Schema")).some((link) => !link.endsWith(".md"));
    if (!hasSchema && !WITHOUT_SCHEMA.includes(kind)) yield `${kind}: ${page.path} links no schema`;
  }
  const stated = pages.flatMap(({ path, property }) =>
    wordsIn(property("Kind").split(",")[0], /`([a-z-]+)`/g).map((kind) => ({ path, kind })),
  );
  for (const { path, kind } of stated) {
    if (!program.kinds.includes(kind)) yield `${path}: there is no kind ${kind}`;
  }
}

function* mediaTypeProblems(program, pages, index) {
  for (const type of new Set(program.mediaTypes)) {
    const isThere = pages.some(({ property }) => property("Content types").includes(`\`${type}\``));
    if (!isThere) yield `${type}: on no page in ${FOLDER}`;
    if (!index.includes(`\`${type}\``)) yield `${type}: not in ${INDEX}`;
  }
  for (const { path, property } of pages) {
    for (const type of wordsIn(property("Content types"), /`([a-z]+\/[a-z0-9.+-]+)`/g)) {
      if (!program.known.includes(`"${type}"`))
        yield `${path}: ${type} is not known to the program`;
    }
  }
}

function* schemaProblems(root, pages, index) {
  const files = filesBelow(root, FOLDER).filter((path) => !path.endsWith(".md"));
  const inIndex = linksIn(index).map((link) => posix.join(posix.dirname(INDEX), link));
  for (const path of files) {
    const name = posix.basename(path);
    const isLinked = pages.some(({ property }) => linksIn(property("Schema")).includes(name));
    if (!isLinked) yield `${path}: the schema of no page`;
    if (!inIndex.includes(path)) yield `${path}: not in ${INDEX}`;
    if (!name.endsWith(".json")) continue;
    const { $schema, $id, title } = readJson(root, path);
    if ($schema !== DIALECT) yield `${path}: is not of the dialect ${DIALECT}`;
    const wanted = `urn:tallystick:content:${name.replace(/\.schema\.json$/, "")}`;
    if ($id !== wanted) yield `${path}: wants the $id ${wanted}`;
    if (title === undefined) yield `${path}: has no title`;
  }
  for (const { path } of pages) if (!inIndex.includes(path)) yield `${path}: not in ${INDEX}`;
}

function* wordProblems(root, program, pages, index) {
  const record = pages.find(({ name }) => name === "record");
  const schema = readJson(root, `${FOLDER}/record.schema.json`)?.properties?.type?.enum ?? [];
  for (const type of program.recordTypes) {
    const hasRow = record?.rows.some((row) => row[0] === `\`${type}\``);
    if (hasRow !== true) yield `${type}: no row in ${FOLDER}/record.md`;
    if (!schema.includes(type)) yield `${type}: not in ${FOLDER}/record.schema.json`;
  }
  const warned = rowsOf(index.slice(index.indexOf("## Warnings")));
  for (const { code, level } of program.warnings) {
    const isThere = warned.some((row) => row[0] === `\`${code}\`` && row[1] === level);
    if (!isThere) yield `${code}: no row with the level ${level} among the warnings of ${INDEX}`;
  }
  for (const { path, text } of [...pages, { path: INDEX, text: index }]) {
    for (const code of wordsIn(text, /`((?:CONTENT|STATEMENT|POLICY)_[A-Z_]+)`/g)) {
      if (!program.codes.includes(code)) yield `${path}: there is no code ${code}`;
    }
  }
}

/** Holds the pages and schemas of payloads below `root` against the program. */
export function checkFormats(root) {
  const program = programOf(root);
  const index = textOf(root, INDEX);
  const pages = pagesOf(root);
  const problems = program.kinds.length === 0 ? [`${SOURCE}/content.ts: has no KINDS`] : [];
  problems.push(
    ...pages.flatMap((page) => [...layoutProblems(page)]),
    ...kindProblems(program, pages, index),
    ...mediaTypeProblems(program, pages, index),
    ...schemaProblems(root, pages, index),
    ...wordProblems(root, program, pages, index),
  );
  const { kinds, warnings } = program;
  const counts = `${String(kinds.length)} kinds, ${String(pages.length)} pages`;
  return { problems, summary: `${counts}, ${String(warnings.length)} warnings` };
}

await runCheck(import.meta.url, "check-formats", checkFormats);
