// What the check scripts share: where packages and files are, and how a check reports. Each check
// is a function from a root folder to its problems, so that its own test can point it at a small
// tree in a temporary folder.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository this script belongs to. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const NOT_OURS = new Set(["node_modules", "dist", "packed", "build", "data", ".git", ".nx"]);
// They come and go while others look.
const PASSING = /^pack(?:ing|ed-old)-[0-9]+$/;

/** Every file below `dir`, as paths relative to `root` with forward slashes, sorted. */
export function filesBelow(root, dir) {
  const top = join(root, dir);
  if (!existsSync(top)) return [];
  const found = [];
  const visit = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (NOT_OURS.has(entry.name) || PASSING.test(entry.name)) continue;
      const path = join(at, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) found.push(relative(root, path).split(sep).join("/"));
    }
  };
  visit(top);
  return found.sort();
}

/** Files that are, or are about to be, under version control; all of them where git knows none. */
export function trackedFiles(root) {
  // A fixture inside a work tree would otherwise list the work tree's own files.
  if (existsSync(join(root, ".git"))) {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    const git = spawnSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
    if (git.status === 0) {
      const paths = git.stdout.split("\0").filter((path) => path !== "");
      return [...new Set(paths)].filter((path) => existsSync(join(root, path))).sort();
    }
  }
  return filesBelow(root, ".");
}

/** The text of a file below `root`. */
export function readText(root, path) {
  return readFileSync(join(root, path), "utf8");
}

/** The value of a JSON file below `root`; undefined when there is no such file. */
export function readJson(root, path) {
  return existsSync(join(root, path)) ? JSON.parse(readText(root, path)) : undefined;
}

/** The folder names below packages/ that hold a package. */
export function packageNames(root) {
  const top = join(root, "packages");
  if (!existsSync(top)) return [];
  return readdirSync(top, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(top, entry.name, "package.json")))
    .map((entry) => entry.name)
    .sort();
}

/** Whether a source file of a package is for tests alone and therefore not published. */
export function isTestFile(path) {
  return (
    path.startsWith("packages/conformance/") ||
    path.includes("/src/testing/") ||
    /\.test\.[cm]?[jt]s$/.test(path)
  );
}

/**
 * Runs `check(root)` when the module at `url` was started from the command line (its only argument
 * is a root other than the repository), prints its verdict and sets the exit code.
 */
export async function runCheck(url, name, check) {
  const started = process.argv[1];
  if (started === undefined || realpathSync(started) !== fileURLToPath(url)) return;
  const { problems, summary } = await check(process.argv[2] ?? ROOT);
  if (problems.length === 0) {
    console.log(`${name}: ok, ${summary}`);
    return;
  }
  console.error(`${name}: ${String(problems.length)} problem(s)`);
  for (const problem of problems) console.error(`  ${problem}`);
  process.exitCode = 1;
}
