// Conformance is a claim that readers check by following it. docs/spec-map.md leads from each
// requirement to the code and to the test; this script fails when a row points at nothing, when a
// requirement has no row, and when the code cites an id that the page does not explain.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, isTestFile, readText, runCheck } from "./repository.mjs";

const PAGE = "docs/spec-map.md";

function range(family, first, last) {
  return Array.from({ length: last - first + 1 }, (_, at) => family + String(first + at));
}

/** Requirements that must each have exactly one row. */
export const REQUIRED = [
  ...[range("T", 1, 23), range("IS", 1, 8), range("C", 1, 1), range("V", 1, 3)].flat(), // RFC 9943
  ...range("R", 1, 16), // RFC 9942
  ...range("S", 1, 34), // SCRAPI
  ...range("H", 1, 4), // RFC 9995
  ...range("N", 1, 9), // normalised statement, entry and leaf
  ...range("D", 1, 9), // derived security rules
];

/** Rules that code may cite as well; a cited one needs a row that explains it. */
export const CITABLE = [
  ...[range("R", 17, 23), range("X", 1, 1), range("H", 5, 7)].flat(),
  ...[range("CF", 1, 7), range("W", 1, 17), range("D", 10, 10), range("I", 1, 10)].flat(),
];

// A row that is not met says whose it is, or what is missing, in a sentence.
const OPEN = /^(not yet|operator|issuer|relying party|specification|option): \S.*\.$/;
const TARGET = /^`([^`]+)` `([^`]+)`$/;
const TEST = /^`([^`]+)` "([^"]+)"$/;
const NONE = "–";
const ID = "(?:T|IS|C|V|R|S|D|X|N|H|CF|W|I)\\d{1,2}";
const IDS = `${ID}(?:(?:, |; | and |–)${ID})*`;
const CITATION = new RegExp(
  `// ?(${IDS})(?=[:;.]|$)|(?:^\\s*(?:\\*|//|/\\*\\*).*)\\((${IDS})\\)`,
  "gm",
);

/** The cells of a table row; a `|` inside a cell is written `\|`. */
function cellsOf(line) {
  const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  return cells.slice(1, -1);
}

/** The rows of the page whose first cell is an id, with their line numbers. */
export function parseRows(text) {
  const rows = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (!line.startsWith("|")) continue;
    const cells = cellsOf(line);
    if (new RegExp(`^${ID}$`).test(cells[0] ?? ""))
      rows.push({ id: cells[0], line: at + 1, cells });
  }
  return rows;
}

function hasSymbol(text, symbol) {
  const escaped = symbol.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\w$])${escaped}(?![\\w$])`).test(text);
}

function* targetProblems(root, cell) {
  for (const part of cell.split("<br>")) {
    const [, path, symbol] = TARGET.exec(part.trim()) ?? [];
    if (path === undefined) yield `where is neither \`file\` \`symbol\` nor an open state: ${part}`;
    else if (!existsSync(join(root, path))) yield `no file ${path}`;
    else if (isTestFile(path)) yield `${path} is a test, not the place that meets it`;
    else if (!hasSymbol(readText(root, path), symbol)) yield `${path} has no ${symbol}`;
  }
}

function* testProblems(root, cell) {
  for (const part of cell.split("<br>")) {
    const [, path, title] = TEST.exec(part.trim()) ?? [];
    if (path === undefined) yield `test is not \`file\` "title": ${part}`;
    else if (!existsSync(join(root, path))) yield `no file ${path}`;
    else if (!isTestFile(path) && !path.includes(".test.")) yield `${path} is not a test file`;
    else if (
      !['"', "'", "`"].some((quote) => readText(root, path).includes(quote + title + quote))
    ) {
      yield `${path} has no test "${title}"`;
    }
  }
}

function* rowProblems(root, row) {
  const [, , level, requirement, where, test] = row.cells;
  if (row.cells.length !== 6) {
    yield `${String(row.cells.length)} cells, want 6`;
    return;
  }
  if (level === "" || requirement === "") yield "level and requirement must not be empty";
  if (OPEN.test(where)) {
    if (test !== NONE) yield `an open row has the test cell ${NONE}`;
    return;
  }
  yield* targetProblems(root, where);
  yield* testProblems(root, test);
}

/** The ids that comments in a source text cite. */
export function citedIds(text) {
  const found = [];
  for (const match of text.matchAll(CITATION)) {
    const ids = (match[1] ?? match[2]).split(/, |; | and |–/);
    found.push(...ids.map((id) => ({ id, line: text.slice(0, match.index).split("\n").length })));
  }
  return found;
}

function* citationProblems(root, explained) {
  for (const path of filesBelow(root, "packages")) {
    if (!/\/src\/.*\.ts$/.test(path)) continue;
    for (const { id, line } of citedIds(readText(root, path))) {
      if (!explained.has(id))
        yield `${path}:${String(line)}: cites ${id}, which has no row in ${PAGE}`;
    }
  }
}

/** Follows every row of the map below `root`, and every citation back to a row. */
export function checkSpecs(root) {
  if (!existsSync(join(root, PAGE))) return { problems: [`${PAGE}: missing`], summary: "" };
  const rows = parseRows(readText(root, PAGE));
  const problems = [];
  for (const row of rows) {
    const at = `${PAGE}:${String(row.line)}: ${row.id}:`;
    if (REQUIRED.includes(row.id)) {
      for (const problem of rowProblems(root, row)) problems.push(`${at} ${problem}`);
    } else if (!CITABLE.includes(row.id)) {
      problems.push(`${at} no such requirement`);
    } else if (row.cells.length !== 2 || row.cells[1] === "") {
      problems.push(`${at} want an id and the rule`);
    }
  }
  const counts = new Map();
  for (const { id } of rows) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const id of REQUIRED) if (!counts.has(id)) problems.push(`${PAGE}: no row for ${id}`);
  for (const [id, count] of counts) if (count > 1) problems.push(`${PAGE}: ${id} has several rows`);
  problems.push(...citationProblems(root, counts));
  return { problems, summary: summarise(rows) };
}

function summarise(rows) {
  const required = rows.filter((row) => REQUIRED.includes(row.id));
  const open = required.filter((row) => OPEN.test(row.cells[4] ?? ""));
  const missing = open.filter((row) => row.cells[4].startsWith("not yet"));
  const met = required.length - open.length;
  return `${String(met)} met, ${String(missing.length)} not yet, ${String(open.length - missing.length)} not for code`;
}

await runCheck(import.meta.url, "check-specs", checkSpecs);
