import { describe, expect, test } from "@jest/globals";
import type { CheckedEntry } from "@tallystick/mirror";
import { PassThrough } from "node:stream";

import { Output } from "./output.js";
import { tellOutput } from "./telling.js";
import { Watchlist } from "./watchlist.js";

const ENTRY: CheckedEntry = {
  ...{ index: 7, entryId: "6f", issuer: "https://vendor.example" },
  ...{ subject: "pkg", contentType: "text/plain" },
};
const watchlist = new Watchlist({ watchIssuer: ["*"] });

describe("what is told of a statement", () => {
  test.each<[what: string, change: Partial<CheckedEntry>, told: Readonly<Record<string, unknown>>]>(
    [
      ["short names", {}, {}],
      ["names of 1,024 characters", { subject: "x".repeat(1024) }, { subject: "x".repeat(1024) }],
      [
        "a longer subject",
        { subject: "x".repeat(1_000_000) },
        { subject: "x".repeat(1024), isCut: true },
      ],
      ["a longer issuer", { issuer: "y".repeat(1025) }, { issuer: "y".repeat(1024), isCut: true }],
      [
        "a longer content type",
        { contentType: "z".repeat(1025) },
        { contentType: "z".repeat(1024), isCut: true },
      ],
      [
        "a pair that is cut in two",
        { subject: `${"x".repeat(1023)}\u{1f600}` },
        { subject: "x".repeat(1023), isCut: true },
      ],
      ["a number for a content type", { contentType: 60 }, { contentType: 60 }],
    ],
  )("%s", (...[, change, told]) => {
    const { event: ignored, ...found } = watchlist.find({ ...ENTRY, ...change })?.event ?? {};
    expect(ignored).toBe("statement");
    expect(found).toEqual({ ...ENTRY, ...told });
  });

  test("a name is compared as a whole, however much of it is told", () => {
    const subject = `${"x".repeat(2000)}end`;
    const exact = new Watchlist({ watchSubject: [subject] });
    expect(exact.find({ ...ENTRY, subject })?.event).toMatchObject({ isCut: true });
    expect(exact.find({ ...ENTRY, subject: `${subject}s` })).toBeUndefined();
  });

  test("a line feed in a name makes no line of its own", async () => {
    const stdout = new PassThrough();
    const output = new Output({ stdout, stderr: new PassThrough() });
    const told = watchlist.find({ ...ENTRY, subject: "a\nsound: 9\r\nb", issuer: "c\nd" });
    if (told === undefined) throw new Error("nothing is told");
    await tellOutput(output, false)(told);
    expect(String(stdout.read())).toBe("statement: 7 6f of c\\nd about a\\nsound: 9\\r\\nb\n");
  });
});
