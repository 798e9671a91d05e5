import { describe, expect, test } from "@jest/globals";
import { checkCbor } from "./check.js";
import type { CoseErrorCode } from "./error.js";
import type { CborLimits } from "./limits.js";
import { APPENDIX_A } from "./testing/appendix.js";
import { fromHex, outcomeOf } from "./testing/cbor.js";

const MALFORMED = "COSE_CBOR_MALFORMED";
const INDEFINITE = "COSE_CBOR_INDEFINITE";
const NOT_SHORTEST = "COSE_CBOR_NOT_SHORTEST";
const DUPLICATE = "COSE_CBOR_DUPLICATE_KEY";
const UNSUPPORTED = "COSE_CBOR_UNSUPPORTED";
const LIMIT = "COSE_CBOR_LIMIT";

type Row = readonly [name: string, hex: string, outcome: CoseErrorCode | "ok"];

const MIB = 1024 * 1024;

describe("what is refused, and for which reason", () => {
  const rows: readonly Row[] = [
    ["nothing at all", "", MALFORMED],
    ["trailing byte", "0000", MALFORMED],
    ["trailing break", "80ff", MALFORMED],
    ["truncated one-byte argument", "18", MALFORMED],
    ["truncated two-byte argument", "1901", MALFORMED],
    ["truncated eight-byte argument", "1b00000001000000", MALFORMED],
    ["truncated byte string", "4201", MALFORMED],
    ["truncated text", "6261", MALFORMED],
    ["array with an element missing", "8201", MALFORMED],
    ["map with a value missing", "a101", MALFORMED],
    ["map with an entry missing", "a20102", MALFORMED],
    ["truncated float", "f93e", MALFORMED],
    ["reserved info 28", "1c", MALFORMED],
    ["reserved info 29 of an array", "9d", MALFORMED],
    ["reserved info 30 of a simple value", "fe", MALFORMED],
    ["indefinite unsigned integer", "1f", MALFORMED],
    ["indefinite negative integer", "3f", MALFORMED],
    ["indefinite tag", "df", MALFORMED],
    ["lone break", "ff", MALFORMED],
    ["break as an element", "81ff", MALFORMED],
    ["simple value 0 in two bytes", "f800", MALFORMED],
    ["false in two bytes", "f814", MALFORMED],
    ["simple value 31 in two bytes", "f81f", MALFORMED],

    ["UTF-8: lone continuation", "6180", MALFORMED],
    ["UTF-8: overlong slash", "62c0af", MALFORMED],
    ["UTF-8: surrogate", "63eda080", MALFORMED],
    ["UTF-8: beyond U+10FFFF", "64f4908080", MALFORMED],
    ["UTF-8: truncated sequence", "61c3", MALFORMED],
    ["UTF-8: sequence cut by the end of the text", "8261c361bc", MALFORMED],
    ["UTF-8: bad key", "a161ff00", MALFORMED],
    ["UTF-8: bad byte behind 100 good ones", `7865${"61".repeat(100)}ff`, MALFORMED],

    ["indefinite byte string", "5f4101ff", INDEFINITE],
    ["indefinite text", "7f6161ff", INDEFINITE],
    ["indefinite array", "9f01ff", INDEFINITE],
    ["indefinite empty array", "9fff", INDEFINITE],
    ["indefinite map", "bf0102ff", INDEFINITE],
    ["indefinite map inside", "81a101bfff", INDEFINITE],
    ["indefinite key", "a17f6161ff01", INDEFINITE],

    ["23 in two bytes", "1817", NOT_SHORTEST],
    ["-24 in two bytes", "3817", NOT_SHORTEST],
    ["255 in three bytes", "1900ff", NOT_SHORTEST],
    ["65535 in five bytes", "1a0000ffff", NOT_SHORTEST],
    ["2^32-1 in nine bytes", "1b00000000ffffffff", NOT_SHORTEST],
    ["1 in nine bytes", "1b0000000000000001", NOT_SHORTEST],
    ["long byte string length", "580100", NOT_SHORTEST],
    ["long text length", "790001 61", NOT_SHORTEST],
    ["long array length", "9800", NOT_SHORTEST],
    ["long map length", "b90000", NOT_SHORTEST],
    ["long key", "a118 01 00", NOT_SHORTEST],
    ["long tag", "d81200", NOT_SHORTEST],
    ["1.5 in single precision", "fa3fc00000", NOT_SHORTEST],
    ["1.5 in double precision", "fb3ff8000000000000", NOT_SHORTEST],
    ["smallest half in single precision", "fa33800000", NOT_SHORTEST],
    ["a single in double precision", "fb3ff0000020000000", NOT_SHORTEST],

    ["key 1 twice", "a2 01 26 01 27", DUPLICATE],
    ["key 0 twice", "a2 00 00 00 00", DUPLICATE],
    ["key -1 twice", "a2 20 00 20 01", DUPLICATE],
    ["text key twice", "a2 6161 00 6161 00", DUPLICATE],
    ["empty text key twice", "a2 60 00 60 00", DUPLICATE],
    ["__proto__ twice", `a2 69${toAscii("__proto__")} 00 69${toAscii("__proto__")} 00`, DUPLICATE],
    ["key 2^32 twice", "a2 1b0000000100000000 00 1b0000000100000000 00", DUPLICATE],
    ["key 2^64-1 twice", "a2 1bffffffffffffffff 00 1bffffffffffffffff 00", DUPLICATE],
    ["key -2^64 twice", "a2 3bffffffffffffffff 00 3bffffffffffffffff 00", DUPLICATE],
    ["first and last of three", "a3 01 00 02 00 01 00", DUPLICATE],
    ["twice in a nested map", "a1 00 81 a2 01 00 01 00", DUPLICATE],

    ["byte string as key", "a1 4101 00", UNSUPPORTED],
    ["array as key", "a1 80 00", UNSUPPORTED],
    ["map as key", "a1 a0 00", UNSUPPORTED],
    ["null as key", "a1 f6 00", UNSUPPORTED],
    ["float as key", "a1 f93e00 00", UNSUPPORTED],
    ["tag as key", "a1 c100 00", UNSUPPORTED],
    ["1.0 for 1", "f93c00", UNSUPPORTED],
    ["-0.0", "f98000", UNSUPPORTED],
    ["1.0e+300", "fb7e37e43c8800759c", UNSUPPORTED],
    ["NaN", "f97e00", UNSUPPORTED],
    ["NaN with a payload", "fb7ff8000000000001", UNSUPPORTED],
    ["infinity", "f97c00", UNSUPPORTED],
    ["simple value 0", "e0", UNSUPPORTED],
    ["simple value 19", "f3", UNSUPPORTED],
    ["simple value 32", "f820", UNSUPPORTED],
    ["text that starts with U+FEFF", "63efbbbf", UNSUPPORTED],

    ["tag 0, time text", "c060", UNSUPPORTED],
    ["tag 1, time", "c100", UNSUPPORTED],
    ["tag 2, bignum", "c24101", UNSUPPORTED],
    ["tag 18, COSE_Sign1", "d280", UNSUPPORTED],
    ["tag 24, embedded CBOR", "d8184100", UNSUPPORTED],
    ["tag 27, RegExp in cbor-x", "d81b 82 66526567457870 6161", UNSUPPORTED],
    ["tag 28, shared value in cbor-x", "d81c80", UNSUPPORTED],
    ["tag 29, reference in cbor-x", "81d81d00", UNSUPPORTED],
    ["tag 51, packed in cbor-x", "d83384808080 00", UNSUPPORTED],
    ["tag 64, bytes in cbor-x", "d8404101", UNSUPPORTED],
    ["tag 105, record in cbor-x", "d8698300816161 01", UNSUPPORTED],
    ["tag 258, Set in cbor-x", "d9010280", UNSUPPORTED],
    ["tag 0xDFFF, record in cbor-x", "d9dfff 83 19e000 81 6161 01", UNSUPPORTED],
    ["tag 55799, self-described", "d9d9f700", UNSUPPORTED],
    ["tag 2^64-1", "dbffffffffffffffff00", UNSUPPORTED],
  ];
  test.each(rows)("%s", (_name, hex, outcome) => {
    expect(
      outcomeOf(() => {
        checkCbor(fromHex(hex));
      }),
    ).toBe(outcome);
  });
});

describe("what is accepted", () => {
  const rows: readonly Row[] = [
    ["keys out of order", "a2 02 00 01 00", "ok"],
    ["key 1 and text 1", "a2 01 00 6131 00", "ok"],
    ["keys 0 and -1", "a2 00 00 20 00", "ok"],
    ["keys 2^53 and 2^53+1", "a2 1b0020000000000000 00 1b0020000000000001 00", "ok"],
    ["keys -2^53 and -2^53-1", "a2 3b001fffffffffffff 00 3b0020000000000000 00", "ok"],
    ["the same key in two maps", "82 a1 01 00 a1 01 00", "ok"],
    ["U+FEFF inside text", "6461efbbbf", "ok"],
    ["texts that differ only in normalisation", "a2 62c3a9 00 6365cc81 00", "ok"],
    ["1.1 in double precision", "fb3ff199999999999a", "ok"],
    ["half of the smallest half in single precision", "fa33000000", "ok"],
  ];
  test.each(rows)("%s", (_name, hex, outcome) => {
    expect(
      outcomeOf(() => {
        checkCbor(fromHex(hex));
      }),
    ).toBe(outcome);
  });
});

describe("RFC 8949 Appendix A", () => {
  test.each(APPENDIX_A)("$hex $notation", ({ hex, outcome }) => {
    expect(
      outcomeOf(() => {
        checkCbor(fromHex(hex));
      }),
    ).toBe(outcome);
  });
});

describe("limits", () => {
  const nested = (depth: number): Uint8Array => fromHex(`${"81".repeat(depth - 1)}80`);

  const rows: readonly (readonly [
    name: string,
    given: { readonly bytes: Uint8Array; readonly limits?: Partial<CborLimits> },
    outcome: CoseErrorCode | "ok",
  ])[] = [
    ["as many bytes as allowed", { bytes: fromHex("420000"), limits: { maxBytes: 3 } }, "ok"],
    ["one byte more", { bytes: fromHex("420000"), limits: { maxBytes: 2 } }, LIMIT],
    ["16 levels", { bytes: nested(16) }, "ok"],
    ["17 levels", { bytes: nested(17) }, LIMIT],
    ["17 levels, maps between", { bytes: fromHex(`${"81a100".repeat(8)}80`) }, LIMIT],
    ["a scalar at level 1 of 1", { bytes: fromHex("8101"), limits: { maxDepth: 1 } }, "ok"],
    ["256 levels where asked for", { bytes: nested(256), limits: { maxDepth: 256 } }, "ok"],
    ["as many items as allowed", { bytes: fromHex("820102"), limits: { maxItems: 3 } }, "ok"],
    ["one item more", { bytes: fromHex("83010203"), limits: { maxItems: 3 } }, LIMIT],
    ["keys and values are items", { bytes: fromHex("a201020304"), limits: { maxItems: 4 } }, LIMIT],
    [
      "items add up over siblings",
      { bytes: fromHex("82820102820304"), limits: { maxItems: 6 } },
      LIMIT,
    ],
    ["map of 1024 entries", { bytes: mapOf(1024) }, "ok"],
    ["map of 1025 entries", { bytes: mapOf(1025) }, LIMIT],
  ];
  test.each(rows)("%s", (_name, { bytes, limits }, outcome) => {
    expect(
      outcomeOf(() => {
        checkCbor(bytes, limits);
      }),
    ).toBe(outcome);
  });

  test.each([
    ["no depth", { maxDepth: 0 }],
    ["a depth that would exhaust the stack", { maxDepth: 257 }],
    ["a fraction", { maxItems: 1.5 }],
    ["no number", { maxBytes: NaN }],
  ])("a caller that asks for %s is told so", (_name, limits) => {
    expect(() => {
      checkCbor(Uint8Array.of(0), limits);
    }).toThrow(TypeError);
  });

  test("a caller that passes no bytes is told so", () => {
    expect(() => {
      checkCbor([0] as unknown as Uint8Array);
    }).toThrow(TypeError);
  });
});

describe("hostile sizes are refused by what they claim, unread", () => {
  const filled = (first: number[], fill: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length).fill(fill);
    bytes.set(first);
    return bytes;
  };
  const rows: readonly (readonly [name: string, bytes: Uint8Array, outcome: CoseErrorCode])[] = [
    ["1 MiB of nested arrays", filled([], 0x81, MIB), LIMIT],
    ["1 MiB of nested maps", filled([], 0xa1, MIB), UNSUPPORTED],
    ["1 MiB of nested map values", fromHex("a100".repeat(MIB / 2)), LIMIT],
    ["1 MiB of empty arrays", filled([0x9a, 0x00, 0x0f, 0xff, 0xfb], 0x80, MIB), LIMIT],
    ["1 MiB of tags", filled([], 0xc1, MIB), UNSUPPORTED],
    ["a 1 MiB bignum", filled([0xc2, 0x5a, 0x00, 0x0f, 0xff, 0xfa], 0xff, MIB), UNSUPPORTED],
    ["a 1 MiB bignum as value", filled([0xa1, 0x01, 0xc2, 0x5a], 0x00, MIB), UNSUPPORTED],
    ["over 16 MiB", filled([0x5a, 0x01, 0x00, 0x00, 0x00], 0, 16 * MIB + 5), LIMIT],
    ["a map of 100000 keys", filled([0xba, 0x00, 0x01, 0x86, 0xa0], 0x00, 200_005), LIMIT],
    ["2^32-1 elements in five bytes", fromHex("9affffffff"), MALFORMED],
    ["2^64-1 elements", fromHex("9bffffffffffffffff"), MALFORMED],
    ["2^64-1 entries", fromHex("bbffffffffffffffff"), MALFORMED],
    ["2^63 entries", fromHex("bb8000000000000000"), MALFORMED],
    ["2^64-1 bytes", fromHex("5bffffffffffffffff"), MALFORMED],
    ["2^53-1 bytes", fromHex("5b001fffffffffffff"), MALFORMED],
    ["2^64-1 bytes of text", fromHex("7bffffffffffffffff"), MALFORMED],
    ["2^31 bytes of text", fromHex("7a80000000"), MALFORMED],
    ["each level claims all that is left", fromHex("8a89888786858483828180"), MALFORMED],
  ];
  test.each(rows)("%s", (_name, bytes, outcome) => {
    expect(
      outcomeOf(() => {
        checkCbor(bytes);
      }),
    ).toBe(outcome);
  });
});

function toAscii(text: string): string {
  return Buffer.from(text, "ascii").toString("hex");
}

function mapOf(entries: number): Uint8Array {
  const bytes = [0xb9, entries >> 8, entries & 0xff];
  for (let key = 0; key < entries; key++) bytes.push(0x1a, 0xff, 0, key >> 8, key & 0xff, 0);
  return Uint8Array.from(bytes);
}
