import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeBase64url, encodeBase64url } from "./base64url.js";
import { refusal } from "./testing/refusal.js";

describe("base64url", () => {
  // RFC 4648 §10, without padding.
  test.each([
    ["", ""],
    ["f", "Zg"],
    ["fo", "Zm8"],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg"],
    ["fooba", "Zm9vYmE"],
    ["foobar", "Zm9vYmFy"],
  ])("RFC 4648 vector %j", (plain, text) => {
    const bytes = new TextEncoder().encode(plain);
    expect(encodeBase64url(bytes)).toBe(text);
    expect(decodeBase64url(text)).toEqual(bytes);
  });

  test("uses the URL alphabet", () => {
    expect(encodeBase64url(Uint8Array.of(0xfb, 0xff, 0xfe))).toBe("-__-");
  });

  test.each([
    ["padding", "Zg=="],
    ["the other alphabet", "+/+/"],
    ["white space", "Zm9v\n"],
    ["one digit left over", "Zm9vY"],
    ["spare bits set, one byte", "Zh"],
    ["spare bits set, two bytes", "Zm9"],
    ["a character beyond ASCII", "Zm9é"],
    ["a surrogate pair", "Zm😀"],
  ])("refuses %s", (_name, text) => {
    expect(refusal(() => decodeBase64url(text))).toBe("COSE_KEY_MALFORMED");
  });

  test("agrees with Buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = encodeBase64url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64url"));
        expect(decodeBase64url(text)).toEqual(bytes);
      }),
    );
  });

  test("any text is refused or is the one text of its bytes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        let bytes: Uint8Array;
        try {
          bytes = decodeBase64url(text);
        } catch {
          return;
        }
        expect(encodeBase64url(bytes)).toBe(text);
      }),
    );
  });
});
