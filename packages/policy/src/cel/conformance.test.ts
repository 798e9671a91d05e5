import { describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";

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
