// The project's own bill of materials, made by CycloneDX's tool from the lock file alone: the same
// lock file gives the same bytes wherever it is run, without a network. It lists what users run, so
// development dependencies and the private test package stay out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packageNames, readJson, ROOT } from "./repository.mjs";

const OUTPUT = "build/tallystick.cdx.json";
const TOOL = "node_modules/@cyclonedx/cyclonedx-npm/bin/cyclonedx-npm-cli.js";

function fail(message) {
  console.error(`make-sbom: ${message}`);
  process.exit(1);
}

/** The manifests of the packages that are published. */
function publishedNames() {
  const manifests = packageNames(ROOT).map((name) =>
    readJson(ROOT, `packages/${name}/package.json`),
  );
  return manifests.filter((manifest) => manifest.private !== true).map(({ name }) => name);
}

const names = publishedNames();
if (!existsSync(join(ROOT, TOOL))) fail("CycloneDX's tool is not installed; run npm ci first");
mkdirSync(join(ROOT, "build"), { recursive: true });
// A bill that could not be made must not be mistaken for the last one that could.
rmSync(join(ROOT, OUTPUT), { force: true });
const run = spawnSync(
  process.execPath,
  [
    ...[TOOL, "--package-lock-only", "--omit", "dev", "--output-reproducible"],
    ...["--spec-version", "1.6", "--output-format", "JSON", "--output-file", OUTPUT],
    ...names.flatMap((name) => ["--workspace", name]),
    "--include-workspace-root",
  ],
  { cwd: ROOT, encoding: "utf8" },
);
if (run.status !== 0) fail(`CycloneDX's tool failed:\n${run.stderr}${run.error?.message ?? ""}`);

const bill = readJson(ROOT, OUTPUT);
if (bill === undefined) fail(`CycloneDX's tool wrote no ${OUTPUT}`);
const listed = (bill.components ?? []).map(({ group, name }) =>
  group ? `${group}/${name}` : name,
);
const missing = names.filter((name) => !listed.includes(name));
if (missing.length > 0) fail(`the bill lacks ${missing.join(", ")}`);
console.log(`${OUTPUT}: ${bill.specVersion}, ${String(listed.length)} components`);
