import { describe, expect, test } from "@jest/globals";
import { digest, encodeHex } from "@tallystick/cose";

import { Mentions } from "./mentions.js";

const NAMES = ["sha-256", "sha-384", "sha-512"] as const;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("bytes name a digest", () => {
  test.each(NAMES)("of %s in every form, wherever it stands", (name) => {
    const value = digest(name, utf8("x"));
    const hex = encodeHex(value);
    const others = NAMES.map((other) => encodeHex(digest(other, utf8("y"))));
    const base64 = Buffer.from(value).toString("base64");
    const forms = [
      ...[value, utf8(hex), utf8(hex.toUpperCase()), utf8(base64)],
      ...[utf8(base64.replace(/=+$/, "")), utf8(Buffer.from(value).toString("base64url"))],
    ];
    const mentions = new Mentions([...others, hex], []);
    for (const form of forms) {
      for (const before of [0, 1, 7]) {
        const bytes = new Uint8Array(before + form.length + 3).fill(form[0] ?? 0);
        bytes.set(form, before);
        expect(mentions.isIn(bytes)).toBe(true);
        bytes.set([(form[9] ?? 0) ^ 0x15], before + 9);
        expect(mentions.isIn(bytes)).toBe(false);
      }
      expect(mentions.isIn(form)).toBe(true);
      expect(new Mentions(others, []).isIn(form)).toBe(false);
    }
  });

  test("by its EntryID, whatever its case", () => {
    const entryId = encodeHex(digest("sha-256", utf8("x")));
    expect(new Mentions([], [entryId.toUpperCase()]).isIn(utf8(`{"entry":"${entryId}"}`))).toBe(
      true,
    );
  });

  test.each([
    ["zeros", "00".repeat(48)],
    ["a few bytes", "abcd"],
    ["no hexadecimal", "xy".repeat(32)],
    ["half a byte", "abc".repeat(21)],
    ["nothing", ""],
  ])("and not %s", (_name, value) => {
    expect(new Mentions([value], []).isIn(utf8(`${value}\0\0${value}`))).toBe(false);
    expect(new Mentions([value], []).isIn(new Uint8Array(200))).toBe(false);
  });
});
