// An error code is part of the interface: callers switch on it and operators look it up. This
// script holds four places together: the closed union of each package, the throw sites, the page
// docs/errors.md, and the tests and vectors that show each code happening.
import ts from "typescript";
import { filesBelow, isTestFile, packageNames, readText, runCheck } from "./repository.mjs";
import { existsSync } from "node:fs";
import { join } from "node:path";

const PAGE = "docs/errors.md";
const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/;

function parse(path, text) {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** The codes of every exported `…ErrorCode` union in a source file. */
function declaredCodes(source) {
  const codes = [];
  for (const statement of source.statements) {
    if (!ts.isTypeAliasDeclaration(statement) || !statement.name.text.endsWith("ErrorCode"))
      continue;
    const members = ts.isUnionTypeNode(statement.type) ? statement.type.types : [statement.type];
    for (const member of members) {
      if (ts.isLiteralTypeNode(member) && ts.isStringLiteral(member.literal)) {
        codes.push(member.literal.text);
      }
    }
  }
  return codes;
}

const COMPARISONS = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
]);

// A code that is compared, or that keys a table, is read there and not raised.
function raisesNothing(literal) {
  const parent = literal.parent;
  return (
    ts.isLiteralTypeNode(parent) ||
    ts.isCaseClause(parent) ||
    (ts.isPropertyAssignment(parent) && parent.name === literal) ||
    (ts.isBinaryExpression(parent) && COMPARISONS.has(parent.operatorToken.kind))
  );
}

/** Codes that stand as values in a source file, where a throw can take them from. */
function raisedCodes(source) {
  const codes = new Set();
  const visit = (node) => {
    if (ts.isStringLiteralLike(node) && CODE.test(node.text) && !raisesNothing(node)) {
      codes.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return codes;
}

function scanPackage(root, name) {
  const declared = [];
  const raised = new Set();
  let tests = "";
  for (const path of filesBelow(root, `packages/${name}/src`)) {
    if (!path.endsWith(".ts")) continue;
    const text = readText(root, path);
    if (isTestFile(path)) {
      tests += text;
      continue;
    }
    const source = parse(path, text);
    declared.push(...declaredCodes(source));
    for (const code of raisedCodes(source)) raised.add(code);
  }
  return { name, declared, raised, tests };
}

/** The `expect` of every vector, with the file it stands in. */
function vectorCodes(root) {
  const codes = new Map();
  for (const path of filesBelow(root, "test-vectors")) {
    if (!path.endsWith(".json") || path.startsWith("test-vectors/third-party/")) continue;
    const { expect } = JSON.parse(readText(root, path));
    if (expect !== undefined && expect !== "ok") codes.set(expect, path);
  }
  return codes;
}

/** The codes that have a heading of their own on the page, each as often as it occurs. */
function documentedCodes(root) {
  if (!existsSync(join(root, PAGE))) return undefined;
  const headings = readText(root, PAGE).matchAll(/^#{2,4} +`?([^`\n]+?)`? *$/gm);
  return [...headings].map((match) => match[1]).filter((text) => CODE.test(text));
}

function* codeProblems(pack, code, { documented, vectors, tests }) {
  const prefix = `${pack.name.toUpperCase()}_`;
  if (!code.startsWith(prefix)) yield `${code}: a code of ${pack.name} starts with ${prefix}`;
  if (!documented.has(code)) yield `${code}: no heading in ${PAGE}`;
  if (!pack.raised.has(code)) yield `${code}: never thrown in packages/${pack.name}`;
  if (!vectors.has(code) && !new RegExp(`\\b${code}\\b`).test(tests)) {
    yield `${code}: no vector and no test names it`;
  }
}

function* duplicates(items) {
  const seen = new Set();
  for (const item of items) {
    if (seen.has(item)) yield item;
    seen.add(item);
  }
}

/** Compares codes, throws, page and tests below `root`. */
export function checkErrors(root) {
  const packs = packageNames(root).map((name) => scanPackage(root, name));
  const declared = packs.flatMap((pack) => pack.declared);
  const known = new Set(declared);
  const problems = [];
  const headings = documentedCodes(root);
  if (headings === undefined) problems.push(`${PAGE}: missing`);
  const evidence = {
    documented: new Set(headings),
    vectors: vectorCodes(root),
    tests: packs.map((pack) => pack.tests).join("\n"),
  };
  for (const pack of packs) {
    for (const code of pack.declared) problems.push(...codeProblems(pack, code, evidence));
  }
  for (const code of duplicates(declared)) problems.push(`${code}: declared twice`);
  for (const code of duplicates(headings ?? [])) problems.push(`${code}: two headings in ${PAGE}`);
  for (const code of evidence.documented) {
    if (!known.has(code)) problems.push(`${code}: heading in ${PAGE}, but no package declares it`);
  }
  for (const [code, path] of evidence.vectors) {
    if (!known.has(code)) problems.push(`${code}: expected by ${path}, but no package declares it`);
  }
  return { problems, summary: `${String(known.size)} codes` };
}

await runCheck(import.meta.url, "check-errors", checkErrors);
