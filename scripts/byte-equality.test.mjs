// Every suite's comparison of bytes goes through it.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { areBytesEqual } from "./byte-equality.mjs";

const bytes = Uint8Array.of(1, 2, 3);

for (const [name, other, want] of [
  ["the same bytes", Uint8Array.of(1, 2, 3), true],
  ["a view on them", Uint8Array.of(0, 1, 2, 3).subarray(1), true],
  ["another byte", Uint8Array.of(1, 2, 4), false],
  ["a byte more", Uint8Array.of(1, 2, 3, 0), false],
  ["a byte less", Uint8Array.of(1, 2), false],
  ["nothing", new Uint8Array(), false],
  ["another class", Buffer.of(1, 2, 3), undefined],
  ["wider elements", Uint16Array.of(1, 2, 3), undefined],
  ["numbers", [1, 2, 3], undefined],
  ["no value", undefined, undefined],
]) {
  test(name, () => {
    assert.equal(areBytesEqual(bytes, other), want);
    assert.equal(areBytesEqual(other, bytes), want);
  });
}
