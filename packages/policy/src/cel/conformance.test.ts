import { describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";

import { CelProgram } from "./program.js";

/** The sections of the public conformance cases that rules rest on, with how many cases each has. */
const SECTIONS: readonly (readonly [string, number])[] = [
  ["basic", 43],
  ["conversions", 87],
  ["fp_math", 30],
  ["integer_math", 64],
  ["lists", 39],
  ["logic", 30],
  ["macros", 44],
  ["namespace", 3],
  ["plumbing", 5],
  ["string", 51],
  ["timestamps", 73],
];

/** Cases that fail in other sections: most are of messages, optionals and extensions. */
const PARTLY: readonly (readonly [string, string])[] = [
  ["comparisons", "362 of 406"],
  ["fields", "53 of 60"],
  ["parse", "193 of 202"],
];

describe("the library passes the public conformance cases of", () => {
  const output = execFileSync("node", ["scripts/cel-conformance.mjs"], { encoding: "utf8" });
  const rows = new Map(
    output.split("\n").map((line) => {
      const [section = "", passed = "", , cases = ""] = line.split(/\s+/);
      return [section, `${passed} of ${cases}`];
    }),
  );

  test.each(SECTIONS)("%s", (section, count) => {
    expect(rows.get(section)).toBe(`${count} of ${count}`);
  });

  test.each(PARTLY)("%s, as far as known", (section, passed) => {
    expect(rows.get(section)).toBe(passed);
  });
});

describe("what docs/formats/rules.md says is not there", () => {
  test.each([
    ["messages", "TestAllTypes{} == null"],
    ["wrappers", "google.protobuf.BoolValue{value: true}"],
    ["enumerations", "GlobalEnum.GAR == 1"],
    ["text", "'a'.charAt(0) == 'a'"],
    ["mathematics", "math.greatest(5) == 5"],
    ["base64", "base64.encode(b'x') == 'eA=='"],
    ["bindings", "cel.bind(t, true, t)"],
    ["optionals", "optional.of(1).hasValue()"],
    ["macros with two variables", "[1, 2].exists(i, v, v > 1)"],
    ["members in backquotes", "{'a-b': true}.`a-b`"],
  ])("%s: is refused before it is evaluated", (_name, expression) => {
    expect(() => CelProgram.compile(expression, new Map())).toThrow();
  });

  test("but for a key that a map literal has as two types of number", () => {
    expect(() => CelProgram.compile("{0: 1, 0u: 2}[0] == 1", new Map())).not.toThrow();
  });
});
