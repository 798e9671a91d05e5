import { describe, expect, test } from "@jest/globals";

import { indexPartsOf, indexStateOf } from "./index-state.js";
import type { IndexState } from "./index-state.js";

const digestOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

const PARTS = {
  size: 1,
  leaves: [{ key: digestOf(1), list: { count: 2 ** 33 + 1, digest: digestOf(2) } }],
  waiting: [
    { entry: digestOf(4), keys: [digestOf(5), digestOf(6)] },
    { entry: digestOf(7), keys: [digestOf(5)] },
  ],
  heads: 3,
};

/** The entries of the log: that in the index, and those that wait. */
const ENTRIES = new Uint8Array(Buffer.concat([digestOf(3), digestOf(4), digestOf(7)]));

describe("the index of a state", () => {
  test("is read as it was written", () => {
    const { leaves, waiting, ...counts } = indexPartsOf(indexStateOf(PARTS), ENTRIES);
    expect({ ...counts, leaves: [...leaves], waiting: [...waiting] }).toEqual(PARTS);
  });

  const written = indexStateOf(PARTS);
  test.each<[string, Partial<IndexState>]>([
    ["a list that is cut short", { leaves: written.leaves.subarray(1) }],
    ["more keys of an entry than there are kinds", { waiting: Uint8Array.of(3, ...digestOf(5)) }],
    ["keys that are cut short", { waiting: written.waiting.subarray(0, -1) }],
    ["keys of an entry too many", { waiting: Uint8Array.of(...written.waiting, 0) }],
    ["more entries than the log", { size: 4, waiting: new Uint8Array() }],
  ])("with %s is refused: AUDITOR_STATE_INVALID", (_name, change) => {
    expect(() => indexPartsOf({ ...written, ...change }, ENTRIES)).toThrow(
      expect.objectContaining({ code: "AUDITOR_STATE_INVALID" }),
    );
  });
});
