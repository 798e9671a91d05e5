import { expect, test } from "@jest/globals";

import { RecentCheckpoints } from "./recent-checkpoints.js";

const at = (size: number) => ({ size, time: 1000 + size });

/** Yields checkpoints of sizes that follow one another, behind the first size. */
function following(first: number, ...sizes: readonly number[]): RecentCheckpoints {
  const recent = new RecentCheckpoints(first);
  let before = first;
  for (const size of sizes) {
    recent.saw(at(size), before);
    before = size;
  }
  return recent;
}

test("all checkpoints of a range are there, above its beginning and with its end", () => {
  const recent = following(5, 7, 10, 12);
  expect(recent.within({ above: 5, upTo: 12 })).toStrictEqual([at(7), at(10), at(12)]);
  expect(recent.within({ above: 7, upTo: 11 })).toStrictEqual([at(10)]);
  expect(recent.within({ above: 5, upTo: 5 })).toStrictEqual([]);
});

test("a range that is not covered is not answered", () => {
  const recent = following(5, 7, 10, 12);
  expect(recent.within({ above: 4, upTo: 12 })).toBeUndefined();
  // Of a tree that has a checkpoint which was not seen yet.
  expect(recent.within({ above: 5, upTo: 13 })).toBeUndefined();
});

test("nothing before a gap is answered", () => {
  const recent = following(5, 7);
  recent.saw(at(12), 10);
  expect(recent.within({ above: 5, upTo: 12 })).toBeUndefined();
  expect(recent.within({ above: 10, upTo: 12 })).toBeUndefined();
  recent.saw(at(13), 12);
  expect(recent.within({ above: 12, upTo: 13 })).toStrictEqual([at(13)]);
});

test("a checkpoint that was seen before adds nothing", () => {
  const recent = following(5, 7, 10);
  recent.saw(at(7), 5);
  recent.saw(at(10), 7);
  expect(recent.within({ above: 5, upTo: 10 })).toStrictEqual([at(7), at(10)]);
});

test("what is indexed is forgotten, and what is not is kept", () => {
  const recent = following(5, 7, 10, 12);
  recent.forget(11);
  expect(recent.count).toBe(1);
  expect(recent.within({ above: 7, upTo: 12 })).toBeUndefined();
  expect(recent.within({ above: 11, upTo: 12 })).toStrictEqual([at(12)]);
  recent.forget(12);
  recent.saw(at(14), 12);
  expect(recent.within({ above: 12, upTo: 14 })).toStrictEqual([at(14)]);
});

test("4,096 are kept at most, the newest", () => {
  const sizes = Array.from({ length: 10_000 }, (_, i) => i + 1);
  const recent = following(0, ...sizes);
  expect(recent.count).toBeLessThanOrEqual(4096);
  expect(recent.within({ above: 0, upTo: 10_000 })).toBeUndefined();
  expect(recent.within({ above: 9000, upTo: 10_000 })).toHaveLength(1000);
});
