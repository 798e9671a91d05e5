// npm workspaces link every package into the root node_modules, so an import that goes the wrong
// way compiles and runs. This script compares the imports of every package with the table of
// layers, with its package.json and with its tsconfig references, and names each difference.
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import ts from "typescript";
import {
  filesBelow,
  isTestFile,
  packageNames,
  readJson,
  readText,
  runCheck,
} from "./repository.mjs";

const SCOPE = "@tallystick/";

/** What each package may import of the others, lowest layer first. */
export const LAYERS = {
  merkle: [],
  cose: [],
  statement: ["cose"],
  receipt: ["cose", "merkle"],
  tlog: ["cose", "merkle"],
  content: ["cose", "statement"],
  evidence: ["content", "cose", "statement"],
  policy: ["content", "cose", "statement"],
  catalog: ["cose", "statement"],
  verifier: ["catalog", "cose", "merkle", "receipt", "statement", "tlog"],
  appraisal: [
    ...["content", "cose", "evidence", "merkle"],
    ...["policy", "receipt", "statement", "verifier"],
  ],
  auditor: ["catalog", "cose", "merkle", "policy", "receipt", "statement"],
  log: ["cose", "merkle", "receipt"],
  witness: ["cose", "merkle", "tlog"],
  client: ["cose", "receipt", "statement", "verifier"],
  mirror: ["client", "cose", "merkle", "policy", "receipt", "statement", "tlog", "verifier"],
  server: [
    ...["auditor", "catalog", "content", "cose", "log", "merkle", "policy"],
    ...["receipt", "statement", "tlog", "verifier", "witness"],
  ],
  cli: [
    ...[
      "appraisal",
      "auditor",
      "catalog",
      "client",
      "content",
      "cose",
      "evidence",
      "log",
      "merkle",
    ],
    ...["mirror", "policy", "receipt", "server", "statement", "tlog", "verifier", "witness"],
  ],
  conformance: [
    ...["auditor", "cli", "client", "content", "cose", "evidence", "log"],
    ...["merkle", "policy", "receipt", "server", "statement", "tlog", "verifier"],
  ],
};

/** These also run in a browser. */
const BROWSER_BOUND = new Set([
  ...["merkle", "cose", "statement", "receipt", "tlog"],
  ...["policy", "content", "evidence", "catalog", "verifier", "appraisal", "auditor", "client"],
]);

/** These may reach the network; no other browser-bound package may. */
const OPENS_SOCKETS = new Set(["client"]);
const SOCKET_GLOBALS = new Set(["fetch", "XMLHttpRequest", "WebSocket", "EventSource"]);

/** Which packages may import a third-party library in published source. */
const THIRD_PARTY = {
  "@bufbuild/cel": ["policy"],
  "@bufbuild/protobuf": ["policy"],
  "@noble/curves": ["cose"],
  "@noble/ed25519": ["cose"],
  "@noble/hashes": ["cose", "merkle"],
  "@noble/post-quantum": ["cose"],
  "@peculiar/asn1-schema": ["statement"],
  "@peculiar/asn1-x509": ["statement"],
  "@cyclonedx/cyclonedx-library": ["content"],
  "@xmldom/xmldom": ["content"],
  "ae-cvss-calculator": ["content"],
  ajv: ["content", "policy"],
  "cbor-x": ["cose"],
  commander: ["cli"],
  express: ["server"],
  level: ["log"],
  pino: ["server"],
  "prom-client": ["server"],
  "xml-crypto": ["content"],
};

/** Libraries that another one loads by itself where they are installed. */
const BEHIND = {
  "ajv-formats": "@cyclonedx/cyclonedx-library",
  "ajv-formats-draft2019": "@cyclonedx/cyclonedx-library",
};

/** Parts of a package that are no part of its index, which browsers do without. */
const PARTS = new Set(["@tallystick/content/swid-signature", "@tallystick/content/schema"]);

/** Libraries that only the tests of the named packages may import. */
const TEST_ONLY = { "cose-kit": ["conformance"] };

/** What tests of any package may import from outside of it. */
const FOR_TESTS = new Set(["scripts/shared-data.mjs"]);

/** The import specifiers of a source file, and the socket globals it names, with their lines. */
export function scanSource(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports = [];
  const sockets = [];
  const lineOf = (node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const add = (node, specifier) => {
    const literal = specifier !== undefined && ts.isStringLiteralLike(specifier);
    imports.push({ specifier: literal ? specifier.text : undefined, line: lineOf(node) });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier);
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(node, node.moduleSpecifier);
    else if (ts.isImportTypeNode(node)) add(node, node.argument.literal);
    else if (ts.isExternalModuleReference(node)) add(node, node.expression);
    else if (ts.isCallExpression(node) && isLoader(node)) add(node, node.arguments[0]);
    else if (ts.isIdentifier(node) && SOCKET_GLOBALS.has(node.text) && !isMemberName(node)) {
      sockets.push({ name: node.text, line: lineOf(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, sockets };
}

// A module has no require of its own, so one with anything but a literal is a function of that name.
function isLoader({ expression, arguments: [first] }) {
  if (expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  const isRequire = ts.isIdentifier(expression) && expression.text === "require";
  return isRequire && first !== undefined && ts.isStringLiteralLike(first);
}

// globalThis.fetch is the global as well, so only the members of other objects are let through.
function isMemberName(node) {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return parent.expression.getText() !== "globalThis";
  }
  const isName = "name" in parent && parent.name === node;
  return isName && !ts.isExportSpecifier(parent);
}

/** "express" of "express/lib/x", "@noble/hashes" of "@noble/hashes/sha2.js". */
function packageOf(specifier) {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** The source files that an `imports` condition of package.json maps to. */
function mappedSources(manifest, condition) {
  const conditions = Object.values(manifest.imports ?? {});
  return conditions.flatMap((entry) => {
    const target = typeof entry === "object" ? entry[condition] : undefined;
    return target === undefined ? [] : [target.replace("./dist/", "src/").replace(/\.js$/, ".ts")];
  });
}

/** Everything the rules need to know about one package, read once. */
function describePackage(root, name) {
  const base = `packages/${name}`;
  const manifest = readJson(root, `${base}/package.json`);
  const paths = [...filesBelow(root, `${base}/src`), ...filesBelow(root, `${base}/bin`)];
  return {
    name,
    base,
    manifest,
    config: readJson(root, `${base}/tsconfig.json`) ?? {},
    nodeFiles: new Set(mappedSources(manifest, "node").map((path) => `${base}/${path}`)),
    files: paths
      .filter((path) => /\.[cm]?[jt]s$/.test(path))
      .map((path) => ({
        path,
        isTest: isTestFile(path),
        ...scanSource(path, readText(root, path)),
      })),
  };
}

/** Which of the file's own package a relative specifier names, as a source path. */
function relativeTarget(file, specifier) {
  const path = posix.join(posix.dirname(file.path), specifier);
  return path.replace(/\.js$/, ".ts");
}

function* relativeProblems(pack, file, specifier) {
  const target = relativeTarget(file, specifier);
  const home = file.path.startsWith(`${pack.base}/src/`) ? `${pack.base}/src/` : `${pack.base}/`;
  if (file.isTest && FOR_TESTS.has(target)) return;
  if (!target.startsWith(home)) {
    yield `relative import "${specifier}" leaves the package`;
  } else if (!file.isTest && isTestFile(target)) {
    yield `published source imports the test file "${specifier}"`;
  } else if (!file.isTest && BROWSER_BOUND.has(pack.name) && pack.nodeFiles.has(target)) {
    yield `imports "${specifier}" past the "imports" map of package.json`;
  }
}

function* builtinProblems(pack, file, specifier) {
  if (!specifier.startsWith("node:")) {
    yield `bare builtin "${specifier}"; write "node:${specifier}"`;
  }
  if (file.isTest || !BROWSER_BOUND.has(pack.name)) return;
  const bare = specifier.replace(/^node:/, "");
  if (!pack.nodeFiles.has(file.path)) {
    yield `"${specifier}" in a browser-bound package`;
  } else if (bare !== "crypto") {
    yield `"${specifier}" in the node-only file, which may import node:crypto alone`;
  }
}

function* siblingProblems(pack, file, specifier) {
  const name = packageOf(specifier).slice(SCOPE.length);
  if (name === pack.name) {
    yield `imports itself as "${specifier}"`;
    return;
  }
  if (specifier !== SCOPE + name && !PARTS.has(specifier)) yield `deep import "${specifier}"`;
  if (!(name in LAYERS)) yield `imports "${specifier}", which is no package here`;
  else if (!LAYERS[pack.name].includes(name)) yield `${pack.name} may not import ${name}`;
  yield* declarationProblems(pack, file, SCOPE + name);
}

function* libraryProblems(pack, file, specifier, rootManifest) {
  const name = packageOf(specifier);
  const owners = THIRD_PARTY[name];
  const testOwners = TEST_ONLY[name];
  if (testOwners !== undefined && !(file.isTest && testOwners.includes(pack.name))) {
    yield `"${name}" belongs to the tests of ${testOwners.join(", ")} only`;
    return;
  }
  if (file.isTest && name in (rootManifest.devDependencies ?? {})) return;
  if (!file.isTest && owners === undefined) {
    yield `"${name}" is not one of the libraries that published source may import`;
  } else if (!file.isTest && !owners.includes(pack.name)) {
    yield `"${name}" may be imported by ${owners.join(", ")} only`;
  }
  yield* declarationProblems(pack, file, name);
}

function* declarationProblems(pack, file, dependency) {
  const { dependencies = {}, devDependencies = {} } = pack.manifest;
  if (dependency in dependencies) return;
  if (file.isTest && dependency in devDependencies) return;
  yield `imports "${dependency}" without declaring it in package.json`;
}

function* specifierProblems(pack, file, specifier, rootManifest) {
  if (specifier === undefined) {
    // A computed import hides where it goes; tests load drivers by path.
    if (!file.isTest) yield "import of something that is not a string literal";
  } else if (/^\.{1,2}(\/|$)/.test(specifier)) {
    yield* relativeProblems(pack, file, specifier);
  } else if (specifier.startsWith("#")) {
    if (!(specifier in (pack.manifest.imports ?? {}))) yield `"${specifier}" is not mapped`;
  } else if (specifier.startsWith("node:") || builtinModules.includes(specifier)) {
    yield* builtinProblems(pack, file, specifier);
  } else if (specifier.startsWith(SCOPE)) {
    yield* siblingProblems(pack, file, specifier);
  } else if (/^[a-z]+:|^\//.test(specifier)) {
    yield `import of the address "${specifier}"`;
  } else {
    yield* libraryProblems(pack, file, specifier, rootManifest);
  }
}

function* fileProblems(pack, file, rootManifest) {
  for (const { specifier, line } of file.imports) {
    for (const problem of specifierProblems(pack, file, specifier, rootManifest)) {
      yield `${file.path}:${String(line)}: ${problem}`;
    }
  }
  if (file.isTest || !BROWSER_BOUND.has(pack.name) || OPENS_SOCKETS.has(pack.name)) return;
  for (const { name, line } of file.sockets) {
    yield `${file.path}:${String(line)}: "${name}" in a package that opens no socket`;
  }
}

function importedPackages(files) {
  const specifiers = files.flatMap((file) => file.imports.map((entry) => entry.specifier ?? ""));
  return new Set(specifiers.filter((text) => /^[@a-z]/.test(text)).map(packageOf));
}

// The private suite also starts commands as processes; such a package is used without an import.
function isRunAsCommand(root, pack, name) {
  const { bin } = readJson(root, `packages/${name}/package.json`) ?? {};
  return pack.manifest.private === true && bin !== undefined;
}

function* manifestProblems(root, pack) {
  const isPrivate = pack.manifest.private === true;
  const published = importedPackages(pack.files.filter((file) => isPrivate || !file.isTest));
  const everywhere = importedPackages(pack.files);
  const where = `${pack.base}/package.json`;
  for (const name of Object.keys(pack.manifest.dependencies ?? {})) {
    if (published.has(name) || isRunAsCommand(root, pack, name.replace(SCOPE, ""))) continue;
    if (published.has(BEHIND[name])) continue;
    const why = everywhere.has(name) ? "imported by tests alone" : "never imported";
    yield `${where}: dependency "${name}" is declared but ${why}`;
  }
  for (const name of Object.keys(pack.manifest.devDependencies ?? {})) {
    if (!everywhere.has(name))
      yield `${where}: devDependency "${name}" is declared but never imported`;
  }
}

function* referenceProblems(root, pack) {
  const where = `${pack.base}/tsconfig.json`;
  const referenced = (pack.config.references ?? []).map((entry) => posix.basename(entry.path));
  const imported = [...importedPackages(pack.files)]
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => name.slice(SCOPE.length));
  for (const name of imported) {
    if (name !== pack.name && !referenced.includes(name)) yield `${where}: no reference to ${name}`;
  }
  for (const name of referenced) {
    if (!LAYERS[pack.name].includes(name)) yield `${where}: ${pack.name} may not refer to ${name}`;
    else if (!imported.includes(name) && !isRunAsCommand(root, pack, name)) {
      yield `${where}: reference to ${name}, which is not imported`;
    }
  }
}

function* rootProblems(root, names) {
  const references = readJson(root, "tsconfig.json")?.references ?? [];
  const built = references.map((entry) => posix.basename(entry.path));
  for (const name of names) {
    if (!built.includes(name)) yield `tsconfig.json: no reference to packages/${name}`;
  }
  for (const { path } of references) {
    if (!existsSync(join(root, path))) {
      yield `tsconfig.json: reference to ${path}, which does not exist`;
    }
  }
}

/** Compares the packages below `root` with the table. */
export function checkLayers(root) {
  const names = packageNames(root);
  const rootManifest = readJson(root, "package.json") ?? {};
  const problems = [...rootProblems(root, names)];
  let count = 0;
  for (const name of names) {
    if (!(name in LAYERS)) {
      problems.push(`packages/${name}: not in the table of layers`);
      continue;
    }
    const pack = describePackage(root, name);
    for (const file of pack.files) {
      count += file.imports.length;
      problems.push(...fileProblems(pack, file, rootManifest));
    }
    problems.push(...manifestProblems(root, pack), ...referenceProblems(root, pack));
  }
  return { problems, summary: `${String(names.length)} packages, ${String(count)} imports` };
}

await runCheck(import.meta.url, "check-layers", checkLayers);
