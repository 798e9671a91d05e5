import { expect, test } from "@jest/globals";
import { MENTION_KINDS } from "@tallystick/content";
import { concatBytes, digest, encodeHex } from "@tallystick/cose";
import fc from "fast-check";

import { mentionKey } from "./mention-rows.js";

const utf8 = new TextEncoder();

test("a key is the first half of the digest over domain, kind and value, however long that is", () => {
  const values = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.integer({ min: 480, max: 520 }).map((length) => "a".repeat(length)),
    fc.integer({ min: 150, max: 260 }).map((length) => "\u6f22".repeat(length)),
  );
  fc.assert(
    fc.property(fc.constantFrom(...MENTION_KINDS), values, (kind, value) => {
      const number = Uint8Array.of(MENTION_KINDS.indexOf(kind));
      const bytes = concatBytes([
        utf8.encode("tallystick-mention/1\0"),
        number,
        utf8.encode(value),
      ]);
      const key = encodeHex(digest("sha-256", bytes)).slice(0, 32);
      expect(encodeHex(mentionKey({ kind, value }))).toBe(key);
    }),
  );
});
