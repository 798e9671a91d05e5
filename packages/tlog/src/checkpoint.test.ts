import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { formatCheckpoint, parseCheckpoint } from "./checkpoint.js";
import { parseNote } from "./note.js";
import { COSIGNED } from "./testing/published.js";
import { refusal } from "./testing/refusal.js";
import { hasControl } from "./text.js";

const ROOT = Buffer.alloc(32, 7).toString("base64");

describe("parseCheckpoint", () => {
  test("reads the example of tlog-cosignature", () => {
    const { origin, size, root, extensions } = parseCheckpoint(
      parseNote(new TextEncoder().encode(COSIGNED)).text,
    );
    expect([origin, size, extensions]).toEqual(["example.com/behind-the-sofa", 20852163, []]);
    expect(Buffer.from(root).toString("base64")).toBe(
      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    );
  });

  test.each([
    ["size 0", `o\n0\n${ROOT}\n`, 0],
    ["the largest size", `o\n9007199254740991\n${ROOT}\n`, Number.MAX_SAFE_INTEGER],
    ["an origin with a space and a plus", `go.sum database tree+\n5\n${ROOT}\n`, 5],
  ])("reads %s", (_name, text, size) => {
    expect(parseCheckpoint(text).size).toBe(size);
  });

  test("keeps extension lines", () => {
    expect(parseCheckpoint(`o\n1\n${ROOT}\nx\ny\n`).extensions).toEqual(["x", "y"]);
  });

  test.each([
    ["nothing", ""],
    ["two lines", "o\n1\n"],
    ["no newline at the end", `o\n1\n${ROOT}`],
    ["no origin", `\n1\n${ROOT}\n`],
    ["an empty extension line", `o\n1\n${ROOT}\n\n`],
    ["an empty line between", `o\n1\n${ROOT}\n\nx\n`],
    ["a leading zero", `o\n01\n${ROOT}\n`],
    ["a sign", `o\n+1\n${ROOT}\n`],
    ["a negative size", `o\n-1\n${ROOT}\n`],
    ["an exponent", `o\n1e3\n${ROOT}\n`],
    ["a hexadecimal size", `o\n0x1\n${ROOT}\n`],
    ["white space", `o\n1 \n${ROOT}\n`],
    ["digits of another script", `o\n١\n${ROOT}\n`],
    ["a size of 2^53", `o\n9007199254740992\n${ROOT}\n`],
    ["a size of 2^64", `o\n18446744073709551616\n${ROOT}\n`],
    ["a root of 31 bytes", `o\n1\n${Buffer.alloc(31).toString("base64")}\n`],
    ["a root of 33 bytes", `o\n1\n${Buffer.alloc(33).toString("base64")}\n`],
    ["a root without padding", `o\n1\n${ROOT.replace("=", "")}\n`],
    ["a root in hexadecimal", `o\n1\n${"07".repeat(32)}\n`],
  ])("refuses %s", (_name, text) => {
    expect(refusal(() => parseCheckpoint(text))).toBe("TLOG_CHECKPOINT_MALFORMED");
  });
});

describe("formatCheckpoint", () => {
  test.each([
    ["an empty origin", { origin: "", size: 1, root: new Uint8Array(32) }],
    ["an origin of two lines", { origin: `o\n1\n${ROOT}`, size: 1, root: new Uint8Array(32) }],
    [
      "an origin with a control character",
      { origin: "o\u0001", size: 1, root: new Uint8Array(32) },
    ],
    ["half a tree", { origin: "o", size: 0.5, root: new Uint8Array(32) }],
    ["a short root", { origin: "o", size: 1, root: new Uint8Array(20) }],
  ])("refuses %s", (_name, head) => {
    expect(refusal(() => formatCheckpoint(head))).toBe("TLOG_CHECKPOINT_MALFORMED");
  });

  test("what it writes reads back", () => {
    const head = fc.record({
      origin: fc
        .string({ minLength: 1, unit: "grapheme" })
        .filter((s) => !hasControl(s) && !s.includes("\n")),
      size: fc.maxSafeNat(),
      root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    });
    fc.assert(
      fc.property(head, (one) => {
        expect(parseCheckpoint(formatCheckpoint(one))).toEqual({ ...one, extensions: [] });
      }),
    );
  });
});
