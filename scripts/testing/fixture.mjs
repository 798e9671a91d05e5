// Small trees in a temporary folder, on which the tests of the check scripts plant one fault each.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Writes `files` (path → text, or a value written as JSON) and yields the folder. */
export function writeTree(files) {
  const root = mkdtempSync(join(tmpdir(), "tallystick-check-"));
  for (const [path, content] of Object.entries(files)) {
    if (content === undefined) continue;
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  }
  return root;
}

/** Runs `check` on a tree of `files` and yields its problems. */
export async function problemsOf(check, files) {
  const root = writeTree(files);
  try {
    return (await check(root)).problems;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
