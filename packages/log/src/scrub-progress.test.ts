import { describe, expect, test } from "@jest/globals";
import { encodeCbor } from "@tallystick/cose";

import { decodeScrub, encodeScrub, FRESH, type ScrubState } from "./scrub-progress.js";

const PASS = { verifiedSize: 512, startedAt: 10, completedAt: 9, completedSize: 700 };
const LINK = { size: 300, digest: new Uint8Array(32).fill(2) };
const INDEX = { size: 600, count: 0, after: undefined };
const BEGUN = { ...INDEX, count: 5, after: Uint8Array.of(0x64, 1) };
const MARK = { size: 512, root: new Uint8Array(32).fill(1), link: LINK };

describe("the scrub's note to itself", () => {
  test.each<[string, ScrubState]>([
    ["before the first pass", FRESH],
    ["within one", { tree: { ...PASS, mark: MARK, index: undefined }, bodies: PASS }],
    ["before the index rows", { tree: { ...PASS, mark: undefined, index: INDEX }, bodies: PASS }],
    ["within the index rows", { tree: { ...PASS, mark: undefined, index: BEGUN }, bodies: PASS }],
    ["between two", { tree: { ...PASS, mark: undefined, index: undefined }, bodies: PASS }],
  ])("is read as it was written %s", (_, state) => {
    expect(decodeScrub(encodeScrub(state))).toEqual(state);
  });

  test.each([
    ["nothing", new Uint8Array()],
    ["no map", encodeCbor(1)],
    ["a map without passes", encodeCbor(new Map())],
    [
      "counts that are none",
      encodeCbor(
        new Map([
          ["tree", new Map([["verifiedSize", -1]])],
          ["bodies", new Map()],
        ]),
      ),
    ],
  ])("that is %s means to begin anew", (_, payload) => {
    expect(decodeScrub(payload)).toEqual(FRESH);
  });
});
