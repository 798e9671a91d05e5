// Whether the packed command, which starts in half the time, is what would be packed now.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";

const FOLDER = "packed/";

/** What the packed command was made from, beside it. */
export const STAMP = "stamp.json";

/** Size and time of a file: enough to tell that nobody has written to it since. */
export function markOf(name, base) {
  const about = statSync(new URL(name, base), { throwIfNoEntry: false });
  return about === undefined ? "none" : `${about.size} ${about.mtimeMs}`;
}

/** One digest over names and contents; a file that is missing is told from an empty one. */
export function digestOf(names, base) {
  const hash = createHash("sha256");
  for (const name of names) {
    const file = new URL(name, base);
    const bytes = existsSync(file) ? readFileSync(file) : undefined;
    hash.update(`${name}\n${bytes?.length ?? "none"}\n`).update(bytes ?? "");
  }
  return hash.digest("hex");
}

/**
 * Whether the package at `base` has a packed command that is no older than the modules it was made from.
 * A package as published has no sources and is not built again, so nothing is compared there.
 */
export function isPacked(base) {
  const folder = new URL(FOLDER, base);
  if (!existsSync(new URL("main.js", folder))) return false;
  if (!existsSync(new URL("src", base))) return true;
  const { inputs = {}, digest } = readStamp(new URL(STAMP, folder));
  return isCurrent({ inputs, digest }, base);
}

function readStamp(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")) ?? {};
  } catch {
    return {};
  }
}

// Files that were copied have other times, so then what they hold decides.
function isCurrent({ inputs, digest }, base) {
  const names = Object.keys(inputs);
  if (names.length === 0) return false;
  return (
    names.every((name) => markOf(name, base) === inputs[name]) || digestOf(names, base) === digest
  );
}
