import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { printable } from "./printable.js";

describe("printable", () => {
  test.each([
    ["plain text", "moved to https://ts2.example", "moved to https://ts2.example"],
    ["an escape sequence", "a\u001b[2Jb", "a [2Jb"],
    ["a line that is added", "a\r\nHTTP/1.1 200", "a HTTP/1.1 200"],
    ["a bidirectional override", "a\u202eb\u2066c", "a b c"],
    ["separators and a C1 control", "a\u2028b\u2029c\u009bd", "a b c d"],
    ["half a character", "a\ud800b", "a b"],
    ["a whole one", "a\u{1f512}b", "a\u{1f512}b"],
  ])("%s", (_, text, want) => {
    expect(printable(text, 100)).toBe(want);
  });

  test("leaves the beginning of a long text, and no half of a character", () => {
    expect(printable("abcdef", 6)).toBe("abcdef");
    expect(printable("abcdefg", 6)).toBe("abcdef…");
    expect(printable("abcde\u{1f512}", 6)).toBe("abcde …");
  });

  test("any text comes to one line of a bounded length that UTF-8 can carry", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat({ max: 40 }), (text, maxLength) => {
        const line = printable(text, maxLength);
        expect(line.length).toBeLessThanOrEqual(maxLength + 1);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(new TextDecoder().decode(new TextEncoder().encode(line))).toBe(line);
      }),
    );
  });
});
