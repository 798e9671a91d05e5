import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { formatNote, isKeyName, MAX_NOTE_SIGNATURES, parseNote } from "./note.js";
import { COSIGNED, SIGNED_NOTE, SUMDB } from "./testing/published.js";
import { refusal } from "./testing/refusal.js";
import { hasControl } from "./text.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const LINE = `— a ${Buffer.alloc(68, 1).toString("base64")}\n`;

describe("parseNote", () => {
  test.each([
    ["the note of sumdb", `${SUMDB.text}\n${SUMDB.line}`, { text: SUMDB.text, count: 1 }],
    [
      "the note of C2SP",
      `${SIGNED_NOTE.text}\n${SIGNED_NOTE.line}`,
      { text: SIGNED_NOTE.text, count: 1 },
    ],
    [
      "a cosigned checkpoint",
      COSIGNED,
      { text: COSIGNED.slice(0, COSIGNED.indexOf("\n\n") + 1), count: 2 },
    ],
    ["empty lines in the text", `a\n\n\nb\n\n${LINE}`, { text: "a\n\n\nb\n", count: 1 }],
    ["a text that ends in an empty line", `a\n\n\n${LINE}`, { text: "a\n\n", count: 1 }],
    ["an empty text", `\n\n${LINE}`, { text: "\n", count: 1 }],
    ["a byte order mark", `\uFEFFa\n\n${LINE}`, { text: "\uFEFFa\n", count: 1 }],
    ["a signature of one byte", "a\n\n— a AQIDBAU=\n", { text: "a\n", count: 1 }],
    ["16 signatures", `a\n\n${LINE.repeat(16)}`, { text: "a\n", count: 16 }],
    [
      "as many as are read",
      `a\n\n${LINE.repeat(MAX_NOTE_SIGNATURES)}`,
      { text: "a\n", count: MAX_NOTE_SIGNATURES },
    ],
  ])("reads %s and writes it back", (_name, whole, { text, count }) => {
    const note = parseNote(bytesOf(whole));
    expect(note.text).toBe(text);
    expect(note.signatures).toHaveLength(count);
    expect(formatNote(note)).toEqual(bytesOf(whole));
  });

  test("splits a line into name, key id and signature", () => {
    const [, cosignature] = parseNote(bytesOf(COSIGNED)).signatures;
    expect(cosignature?.name).toBe("witness.example.com/w1");
    expect(cosignature?.keyId).toBe(0x8d66cf3f);
    expect(cosignature?.signature).toHaveLength(72);
  });

  test.each([
    ["nothing", ""],
    ["no empty line", `a\n${LINE}`],
    ["no signature", "a\n\n"],
    ["no end of the last line", `a\n\n${LINE.slice(0, -1)}`],
    ["a tab", `a\tb\n\n${LINE}`],
    ["a carriage return", `a\r\n\n${LINE}`],
    ["a zero byte", `a\0\n\n${LINE}`],
    ["a hyphen for the dash", `a\n\n${LINE.replace("—", "-")}`],
    ["two spaces", `a\n\n${LINE.replace("— ", "—  ")}`],
    ["no name", `a\n\n—  ${LINE.slice(4)}`],
    ["a plus in the name", `a\n\n${LINE.replace("— a", "— a+b")}`],
    ["a space of Unicode in the name", `a\n\n${LINE.replace("— a", "— a\u2003b")}`],
    ["a third field", `a\n\n${LINE.replace("\n", " x\n")}`],
    ["no signature behind the name", "a\n\n— a\n"],
    ["a key id alone", "a\n\n— a AQIDBA==\n"],
    ["no padding", "a\n\n— a AQIDBAU\n"],
    ["spare bits", "a\n\n— a AQIDBAV=\n"],
    ["base64 of URLs", "a\n\n— a -_8DBAU=\n"],
    ["one signature too many", `a\n\n${LINE.repeat(MAX_NOTE_SIGNATURES + 1)}`],
    ["a text that is too long", `${"a".repeat(1_048_576)}\n\n${LINE}`],
  ])("refuses %s", (_name, whole) => {
    expect(refusal(() => parseNote(bytesOf(whole)))).toBe("TLOG_NOTE_MALFORMED");
  });

  test.each([
    ["a stray byte", [0xff]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80]],
  ])("refuses %s, which is not UTF-8", (_name, stray) => {
    const bytes = Uint8Array.of(...stray, ...bytesOf(`a\n\n${LINE}`));
    expect(refusal(() => parseNote(bytes))).toBe("TLOG_NOTE_MALFORMED");
  });

  test("takes one spelling of each note", () => {
    const piece = fc.constantFrom("\n", "\n\n", "— ", "a", " ", "é", "AQIDBAU=", "AQIDBAV=", LINE);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const bytes = bytesOf(`${pieces.join("")}${LINE}`);
        let note;
        try {
          note = parseNote(bytes);
        } catch {
          return;
        }
        expect(formatNote(note)).toEqual(bytes);
      }),
    );
  });
});

describe("formatNote", () => {
  const signature = { name: "a", keyId: 7, signature: Uint8Array.of(1) };
  test.each([
    ["a text without its newline", { text: "a", signatures: [signature] }],
    ["a control character", { text: "a\u0007\n", signatures: [signature] }],
    ["half of a surrogate pair", { text: "\ud800\n", signatures: [signature] }],
    ["no signature", { text: "a\n", signatures: [] }],
    ["too many signatures", { text: "a\n", signatures: Array(101).fill(signature) }],
    ["a bad name", { text: "a\n", signatures: [{ ...signature, name: "a b" }] }],
    [
      "an empty signature",
      { text: "a\n", signatures: [{ ...signature, signature: new Uint8Array(0) }] },
    ],
  ])("refuses %s", (_name, note) => {
    expect(refusal(() => formatNote(note))).toBe("TLOG_NOTE_MALFORMED");
  });

  test("what it writes reads back", () => {
    const text = fc
      .string({ unit: "grapheme", maxLength: 40 })
      .filter((s) => !hasControl(s))
      .map((s) => `${s}\n`);
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 }).filter(isKeyName);
    const signatures = fc.array(
      fc.record({
        name,
        keyId: fc.integer({ min: 0, max: 0xffffffff }),
        signature: fc.uint8Array({ minLength: 1, maxLength: 90 }),
      }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.record({ text, signatures }), (note) => {
        expect(parseNote(formatNote(note))).toEqual(note);
      }),
    );
  });
});
