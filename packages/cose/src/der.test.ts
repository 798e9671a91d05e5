import { describe, expect, test } from "@jest/globals";
import { DER, DerReader } from "./der.js";
import { decodeHex } from "./hex.js";
import { refusal } from "./testing/refusal.js";

function reader(hex: string): DerReader {
  return new DerReader(decodeHex(hex));
}

describe("DerReader", () => {
  test("reads a sequence and its end", () => {
    const outer = reader("3007" + "020105" + "04020a0b");
    const sequence = outer.readSequence();
    outer.end();
    expect(sequence.isNext(DER.integer)).toBe(true);
    expect(sequence.readInteger()).toEqual(Uint8Array.of(5));
    expect(sequence.read(DER.octetString)).toEqual(Uint8Array.of(10, 11));
    expect(sequence.isNext(DER.octetString)).toBe(false);
    sequence.end();
  });

  test.each([
    ["zero", "020100", []],
    ["small", "02017f", [0x7f]],
    ["high bit with its sign byte", "02020080", [0x80]],
    ["two bytes", "02020102", [1, 2]],
  ])("integer: %s", (_name, hex, want) => {
    expect(reader(hex).readInteger()).toEqual(Uint8Array.from(want));
  });

  test.each([
    ["empty", "0200"],
    ["negative", "020180"],
    ["leading zeros", "02020001"],
    ["two zeros", "02020000"],
  ])("refuses an integer that is %s", (_name, hex) => {
    expect(refusal(() => reader(hex).readInteger())).toBe("COSE_KEY_MALFORMED");
  });

  test("reads lengths of 127, 128, 255, 256 and 65536 bytes", () => {
    for (const [length, head] of [
      [127, "047f"],
      [128, "048180"],
      [255, "0481ff"],
      [256, "04820100"],
      [65536, "0483010000"],
    ] as const) {
      expect(reader(head + "00".repeat(length)).read(DER.octetString)).toHaveLength(length);
    }
  });

  test.each([
    ["nothing", ""],
    ["another tag", "0500"],
    ["no length", "04"],
    ["truncated content", "0402aa"],
    ["indefinite length", "0480aa0000"],
    ["long form of a short length", "048101aa"],
    ["long form with a leading zero", "04820080" + "00".repeat(128)],
    ["truncated long form", "048201"],
    ["four length bytes", "048401000000"],
    ["reserved length", "04ff"],
  ])("refuses %s", (_name, hex) => {
    expect(refusal(() => reader(hex).read(DER.octetString))).toBe("COSE_KEY_MALFORMED");
  });

  test.each([
    ["empty", "0300"],
    ["spare bits", "03020480"],
  ])("refuses a bit string that is %s", (_name, hex) => {
    expect(refusal(() => reader(hex).readBitString())).toBe("COSE_KEY_MALFORMED");
  });

  test("refuses bytes after the end", () => {
    const der = reader("050000");
    der.read(DER.null);
    const end = (): void => {
      der.end();
    };
    expect(refusal(end)).toBe("COSE_KEY_MALFORMED");
  });
});
