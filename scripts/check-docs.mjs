// Pages go stale silently. This script follows every relative link and anchor of the Markdown
// pages, counts the cells of their tables, and keeps paths and package hosts of the machine that somebody worked on out of the
// repository.
import { existsSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { filesBelow, readJson, readText, runCheck, trackedFiles } from "./repository.mjs";

const TOP_PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

// Published as received, whatever they mention.
const FOREIGN = "test-vectors/third-party/";

const MACHINE_PATH = /(?<![\w.~-])\/(?:home|Users|root|work)\/[\w.-]+|\b[A-Z]:\\+Users\b/g;
const PACKAGE_HOST =
  /\b(?:registry|artifactory|nexus|verdaccio|goproxy)\.(?:[a-z0-9-]+\.)+[a-z]{2,}\b|\bnpmjs\.(?:org|com)\b/gi;
const PUBLIC_DEFAULT = ["https://registry", "npmjs", "org/"].join(".");

/** A page without its code, line by line, so that examples are not taken for links. */
function proseOf(text) {
  let fence;
  const lines = text.split("\n").map((line) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined && mark !== undefined) {
      fence = mark;
      return "";
    }
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
      return "";
    }
    return line.replace(/(`+)(?:(?!\1).)+\1/g, "");
  });
  return lines;
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsOf(text) {
  const anchors = new Set();
  let fenced = false;
  for (const line of text.split("\n")) {
    if (/^ {0,3}(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? undefined : /^ {0,3}#{1,6} +(.*?)(?: +#+)? *$/.exec(line)?.[1];
    if (heading !== undefined) {
      const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
      const slug = text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M}\- _]/gu, "")
        .replace(/ /g, "-");
      let unique = slug;
      for (let n = 1; anchors.has(unique); n += 1) unique = `${slug}-${String(n)}`;
      anchors.add(unique);
    }
    for (const match of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(match[1]);
  }
  return anchors;
}

/** The targets of the links of a page, with their lines. */
function linksOf(text) {
  const links = [];
  for (const [at, line] of proseOf(text).entries()) {
    const inline = line.matchAll(/\]\(\s*<?([^)<>\s]+)>?(?:\s+"[^"]*")?\s*\)/g);
    const defined = line.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^<>\s]+)>?/g);
    for (const match of [...inline, ...defined]) links.push({ target: match[1], line: at + 1 });
  }
  return links;
}

/** How many cells a line of a table has; a bar in code is one unless it is escaped, as on GitHub. */
function cellsOf(line) {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).length;
}

/** The lines of tables that have other cells than their header: what is too many is not shown. */
function* rowProblems(page, text) {
  const lines = text.split("\n");
  let header;
  let isCode = false;
  for (const [at, line] of lines.entries()) {
    if (/^ {0,3}(```|~~~)/.test(line)) isCode = !isCode;
    if (isCode || !line.includes("|")) header = undefined;
    else if (header === undefined && /^\s*\|?[ :-]*-[ :|-]*$/.test(lines[at + 1] ?? "")) {
      header = cellsOf(line);
    } else if (header !== undefined && cellsOf(line) !== header) {
      const cells = `${String(cellsOf(line))} cells, its header ${String(header)}`;
      yield `${page}:${String(at + 1)}: a row of a table has ${cells}`;
    }
  }
}

function linkProblem(root, page, target) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined;
  if (target.startsWith("/")) return "is absolute";
  const [path, anchor] = target.split("#", 2).map(decodeURIComponent);
  const file = path === "" ? page : posix.join(posix.dirname(page), path);
  if (file.startsWith("..")) return "leaves the repository";
  if (!existsSync(join(root, file))) return "names no file";
  if (anchor === undefined || statSync(join(root, file)).isDirectory()) return undefined;
  if (!file.endsWith(".md")) return undefined;
  return anchorsOf(readText(root, file)).has(anchor) ? undefined : "names no heading";
}

function pagesOf(root) {
  const packagePages = filesBelow(root, "packages").filter((path) => path.endsWith("/README.md"));
  const docs = filesBelow(root, "docs").filter((path) => path.endsWith(".md"));
  const top = [...TOP_PAGES, "test-vectors/README.md"];
  return [...top.filter((path) => existsSync(join(root, path))), ...docs, ...packagePages];
}

function* machineProblems(root) {
  for (const path of trackedFiles(root)) {
    if (path === "package-lock.json" || path.startsWith(FOREIGN)) continue;
    const text = readText(root, path);
    if (text.includes("\0")) continue;
    for (const [what, pattern] of [
      ["machine path", MACHINE_PATH],
      ["package host", PACKAGE_HOST],
    ]) {
      for (const match of text.matchAll(pattern)) {
        const line = text.slice(0, match.index).split("\n").length;
        yield `${path}:${String(line)}: ${what} ${match[0]}`;
      }
    }
  }
}

function* lockProblems(root) {
  const packages = readJson(root, "package-lock.json")?.packages ?? {};
  for (const [path, { resolved }] of Object.entries(packages)) {
    const isForeign = /^[a-z+]+:/.test(resolved ?? "") && !resolved.startsWith(PUBLIC_DEFAULT);
    if (isForeign) yield `package-lock.json: ${path} is resolved from ${resolved}`;
  }
}

/** Follows the links of all pages below `root`, counts cells, and looks for traces of a machine. */
export function checkDocs(root) {
  const problems = [];
  let count = 0;
  for (const page of pagesOf(root)) {
    const text = readText(root, page);
    problems.push(...rowProblems(page, text));
    for (const { target, line } of linksOf(text)) {
      count += 1;
      const problem = linkProblem(root, page, target);
      if (problem !== undefined) problems.push(`${page}:${String(line)}: ${target} ${problem}`);
    }
  }
  problems.push(...machineProblems(root), ...lockProblems(root));
  return { problems, summary: `${String(pagesOf(root).length)} pages, ${String(count)} links` };
}

await runCheck(import.meta.url, "check-docs", checkDocs);
