import { expect, test } from "@jest/globals";
import { CLAIM, LABEL } from "./labels.js";
import { isCborArray, isCborMap } from "./value.js";

test("labels and claims are distinct numbers", () => {
  for (const table of [LABEL, CLAIM]) {
    const numbers = Object.values<number>(table);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.every(Number.isSafeInteger)).toBe(true);
  }
});

test("the numbers of RFC 9942 and RFC 9995", () => {
  const { receipts, vds, vdp, payloadHashAlg, preimageContentType, payloadLocation } = LABEL;
  expect([receipts, vds, vdp]).toEqual([394, 395, 396]);
  expect([payloadHashAlg, preimageContentType, payloadLocation]).toEqual([258, 259, 260]);
});

test("maps and arrays are told apart", () => {
  expect([isCborMap(new Map()), isCborMap([]), isCborMap(null)]).toEqual([true, false, false]);
  expect([isCborArray([]), isCborArray(new Map()), isCborArray(new Uint8Array(1))]).toEqual([
    true,
    false,
    false,
  ]);
});
