import { createHash } from "node:crypto";

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { EntryFilter } from "./entry-filter.js";

const entryOf = (n: number): Uint8Array => createHash("sha256").update(n.toString()).digest();

/** Yields a filter of the entries from 0 up to, but not including, `count`. */
function filterOf(count: number): EntryFilter {
  const filter = new EntryFilter();
  for (let n = 0; n < count; n++) filter.add(entryOf(n));
  return filter;
}

describe("an entry filter", () => {
  test("has nothing at first", () => {
    expect(new EntryFilter().mayHave(entryOf(1))).toBe(false);
  });

  test("never rules out what was added, over several segments", () => {
    const filter = filterOf(500_000);
    expect(filter.count).toBe(500_000);
    for (let n = 0; n < 500_000; n += 7) expect(filter.mayHave(entryOf(n))).toBe(true);
  });

  test("rules out nearly all that was not", () => {
    // Both where a segment is full and where it has just begun.
    for (const count of [131_072, 131_073, 393_216]) {
      const filter = filterOf(count);
      let wrong = 0;
      for (let n = 0; n < 20_000; n++) if (filter.mayHave(entryOf(1_000_000 + n))) wrong++;
      expect(wrong).toBeLessThan(60);
    }
  });

  test("takes entries of any bits", () => {
    const entry = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const filter = new EntryFilter();
        for (const one of entries) filter.add(one);
        expect(entries.every((one) => filter.mayHave(one))).toBe(true);
      }),
    );
  });
});
