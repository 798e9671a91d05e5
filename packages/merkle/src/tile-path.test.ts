import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { outcomeOf } from "./testing/refusal.js";
import { formatBundlePath, formatTilePath, parseBundlePath, parseTilePath } from "./tile-path.js";

const cases = [
  { path: "0/000", id: { level: 0, index: 0, width: 256 } },
  { path: "0/067", id: { level: 0, index: 67, width: 256 } },
  { path: "1/999", id: { level: 1, index: 999, width: 256 } },
  { path: "2/x001/000", id: { level: 2, index: 1000, width: 256 } },
  { path: "0/x001/x234/067", id: { level: 0, index: 1_234_067, width: 256 } },
  { path: "0/x001/x234/067.p/8", id: { level: 0, index: 1_234_067, width: 8 } },
  { path: "0/x001/x000/000", id: { level: 0, index: 1_000_000, width: 256 } },
  { path: "63/000.p/1", id: { level: 63, index: 0, width: 1 } },
  { path: "10/255.p/255", id: { level: 10, index: 255, width: 255 } },
  // The tiles of C2SP tlog-tiles' example tree of 70,000 leaves.
  { path: "0/272", id: { level: 0, index: 272, width: 256 } },
  { path: "0/273.p/112", id: { level: 0, index: 273, width: 112 } },
  { path: "1/000", id: { level: 1, index: 0, width: 256 } },
  { path: "1/001.p/17", id: { level: 1, index: 1, width: 17 } },
  { path: "2/000.p/1", id: { level: 2, index: 0, width: 1 } },
  { path: "0/x016/x777/216.p/7", id: { level: 0, index: 2 ** 24, width: 7 } },
  {
    path: "0/x009/x007/x199/x254/x740/991",
    id: { level: 0, index: Number.MAX_SAFE_INTEGER, width: 256 },
  },
];

describe("tile paths", () => {
  test.each(cases)("$path", ({ path, id }) => {
    expect(formatTilePath(id)).toBe(path);
    expect(parseTilePath(path)).toEqual(id);
  });

  test.each(cases)("entries of $path", ({ path, id }) => {
    const bundlePath = path.slice(path.indexOf("/") + 1);
    const { index, width } = id;
    expect(formatBundlePath(index, width)).toBe(bundlePath);
    expect(parseBundlePath(bundlePath)).toEqual({ index, width });
  });
});

describe("refused paths", () => {
  test.each([
    "",
    "/",
    "0",
    "0/",
    "000",
    "0/0",
    "0/00",
    "0/0000",
    "0/67",
    "0/x067",
    "0/001/067",
    "0/x001/x234",
    "0/x001/x234/x067",
    "0/x001/67",
    "0/x01/067",
    "0/x000/067",
    "0/x000/x001/234",
    "0/X001/067",
    "0/x001//067",
    "0/x001/067/",
    "/0/067",
    "tile/0/067",
    "00/067",
    "01/067",
    "64/067",
    "100/067",
    "-1/067",
    "+1/067",
    "0x1/067",
    "1e1/067",
    "0/-67",
    "0/067.p",
    "0/067.p/",
    "0/067.p/0",
    "0/067.p/08",
    "0/067.p/256",
    "0/067.p/257",
    "0/067.p/1000",
    "0/067.p/-1",
    "0/067.p/8/",
    "0/067.p/8.p/8",
    "0/067.P/8",
    "0/067p/8",
    "0/067 ",
    " 0/067",
    "0/067\n",
    "0\n/067",
    "0/067.p/8\n",
    "0/٠٦٧",
    "entries/067",
    "0/x009/x007/x199/x254/x740/992",
    "0/x999/x999/x999/x999/x999/999",
    "0/x001/x000/x000/x000/x000/x000/000",
    `0/${"x001/".repeat(10_000)}067`,
  ])("%j", (path) => {
    expect(outcomeOf(() => parseTilePath(path))).toBe("MERKLE_TILE_INVALID");
    const bundlePath = path.startsWith("0/") ? path.slice(2) : path;
    if (bundlePath !== "000") {
      expect(outcomeOf(() => parseBundlePath(bundlePath))).toBe("MERKLE_TILE_INVALID");
    }
  });

  test("the message holds none of the path", () => {
    expect(() => parseTilePath("0/<script>")).toThrow(/^malformed tile path of 8 characters$/);
  });
});

describe("refused ids", () => {
  test.each([
    { name: "level 64", level: 64, index: 0, width: 1 },
    { name: "level -1", level: -1, index: 0, width: 1 },
    { name: "level 0.5", level: 0.5, index: 0, width: 1 },
    { name: "index -1", level: 0, index: -1, width: 1 },
    { name: "index 2^53", level: 0, index: 2 ** 53, width: 1 },
    { name: "width 0, which is never served", level: 0, index: 0, width: 0 },
    { name: "width 257", level: 0, index: 0, width: 257 },
    { name: "width 1.5", level: 0, index: 0, width: 1.5 },
    { name: "width NaN", level: 0, index: 0, width: Number.NaN },
  ])("$name", (id) => {
    expect(outcomeOf(() => formatTilePath(id))).toBe("MERKLE_TILE_INVALID");
  });
});

describe("properties", () => {
  const width = fc.integer({ min: 1, max: 256 });

  test("every tile id comes back from its path", () => {
    const id = fc.record({ level: fc.nat(63), index: fc.maxSafeNat(), width });
    fc.assert(
      fc.property(id, (tile) => {
        expect(parseTilePath(formatTilePath(tile))).toEqual(tile);
      }),
    );
  });

  test("any text is refused or is the one path of its tile", () => {
    const piece = fc.constantFrom(
      "0",
      "1",
      "63",
      "64",
      "/",
      "x",
      "000",
      "001",
      "067",
      ".p/",
      "256",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 8 }).map((p) => p.join("")),
    );
    fc.assert(
      fc.property(text, (path) => {
        if (outcomeOf(() => parseTilePath(path)) === "ok") {
          expect(formatTilePath(parseTilePath(path))).toBe(path);
        }
        if (outcomeOf(() => parseBundlePath(path)) === "ok") {
          const id = parseBundlePath(path);
          expect(formatBundlePath(id.index, id.width)).toBe(path);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
