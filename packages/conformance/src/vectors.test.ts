// Runs every file of test-vectors. A folder says how its files are run; a folder, a field or a code
// that nothing here knows fails the run, and so does a kind without a vector.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import * as cose from "./vectors/cose.js";
import * as merkle from "./vectors/merkle.js";
import * as receipt from "./vectors/receipt.js";
import * as statement from "./vectors/statement.js";
import { type JsonObject, type Kind, parseVector, requireFields } from "./vectors/vector.js";

/** One row for each folder below test-vectors. */
const KINDS: Readonly<Record<string, Kind>> = {
  "cose/cbor": cose.cbor,
  "cose/key": cose.key,
  "cose/sign1": cose.sign1,
  "merkle/consistency": merkle.consistency,
  "merkle/inclusion": merkle.inclusion,
  "receipt/consistency": receipt.consistency,
  "receipt/inclusion": receipt.inclusion,
  statement: statement.signed,
  transparent: statement.transparent,
};

const ROOT = fileURLToPath(new URL("../../../test-vectors", import.meta.url));

function vectorFiles(): readonly string[] {
  return readdirSync(ROOT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split("\\").join("/"))
    .filter((file) => file !== "manifest.json" && !file.startsWith("third-party/"))
    .sort();
}

/** What came of a vector: its output, or the code of what was thrown. */
async function outcomeOf(kind: Kind, input: JsonObject): Promise<unknown> {
  try {
    return { output: await kind.run(input) };
  } catch (error) {
    if (error instanceof Error && "code" in error) return { code: error.code };
    throw error;
  }
}

const files = vectorFiles();

describe.each(Object.entries(KINDS))("vectors of %s", (folder, kind) => {
  const own = files.filter((file) => dirname(file) === folder);

  test("there are some", () => {
    expect(own).not.toEqual([]);
  });

  test.each(own)("%s", async (file) => {
    const vector = parseVector(readFileSync(join(ROOT, file), "utf8"));
    requireFields(vector.input, kind);
    const wanted = vector.expect === "ok" ? { output: vector.output } : { code: vector.expect };
    expect(await outcomeOf(kind, vector.input)).toEqual(wanted);
  });
});

test("every vector stands in a folder that is run", () => {
  expect(files.filter((file) => !(dirname(file) in KINDS))).toEqual([]);
});

test("the manifest lists every vector", () => {
  const { vectors } = JSON.parse(readFileSync(join(ROOT, "manifest.json"), "utf8")) as {
    vectors: readonly { file: string }[];
  };
  expect(vectors.map(({ file }) => file).sort()).toEqual(files);
});
