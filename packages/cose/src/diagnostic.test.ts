import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkCbor } from "./check.js";
import { formatDiagnostic } from "./diagnostic.js";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { APPENDIX_A } from "./testing/appendix.js";
import { cborLike, cborValue, fromHex, outcomeOf } from "./testing/cbor.js";
import { describeShared, sharedFiles } from "./testing/shared.js";
import type { CborValue } from "./value.js";

const MALFORMED = "COSE_CBOR_MALFORMED";
const LIMIT = "COSE_CBOR_LIMIT";
const MIB = 1024 * 1024;

const oneLine = (notation: string): string => notation.replaceAll(/\s+/g, " ");

describe("notation", () => {
  test.each(APPENDIX_A)("RFC 8949 Appendix A: $hex", ({ hex, notation }) => {
    expect(oneLine(formatDiagnostic(fromHex(hex)))).toBe(notation);
  });

  test.each([
    ["longer integer", "1817", "23_0"],
    ["longer negative integer", "3b0000000000000000", "-1_3"],
    ["longer byte string", "590001ff", "h'ff'_1"],
    ["longer text", "7801 61", '"a"_0'],
    ["longer array", "980101", "[_0 1]"],
    ["longer map", "ba000000010102", "{_2 1: 2}"],
    ["longer tag", "d8 02 41ff", "2_0(h'ff')"],
    ["longer float", "fb3ff8000000000000", "1.5_3"],
    ["longer chunk", "5f5801ffff", "(_ h'ff'_0)"],
    ["empty indefinite bytes", "5fff", "(_ )"],
    ["empty indefinite map", "bfff", "{_ }"],
    ["repeated key", "a2 01 02 01 03", "{1: 2, 1: 3}"],
    ["key of any type", "a1 82 01 f6 f5", "{[1, null]: true}"],
    ["readable bytes", "44 6b696431", "'kid1'"],
    ["short readable bytes", "43 6b6964", "h'6b6964'"],
    ["quotes in readable bytes", "45 6127225c62", `'a\\'"\\\\b'`],
    ["lines in readable bytes", "45 610a0d0962", "'a\\n\\r\\tb'"],
    ["an escape sequence", "46 611b5b326d62", "h'611b5b326d62'"],
    ["an escape sequence in text", "66 611b5b326d62", '"a\\u001b[2mb"'],
    ["a C1 control in text", "62 c29b", '"\\u009b"'],
    ["a bidirectional override in text", "63 e280ae", '"\\u202e"'],
    ["a line separator in text", "63 e280a8", '"\\u2028"'],
    ["a byte order mark in text", "63 efbbbf", '"\\ufeff"'],
    ["private use beyond 16 bits in text", "64 f3b08080", '"\\udb80\\udc00"'],
    ["largest tag", "dbffffffffffffffff00", "18446744073709551615(0)"],
    ["a date out of range", "c1 1bffffffffffffffff", "/ epoch time / 1(18446744073709551615)"],
  ])("%s", (_name, hex, notation) => {
    expect(formatDiagnostic(fromHex(hex))).toBe(notation);
  });

  test("text, numbers and arrays read back as JSON", () => {
    fc.assert(
      fc.property(cborValue.filter(isJson), (value) => {
        expect(JSON.parse(formatDiagnostic(encodeCbor(value)))).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});

describe("COSE", () => {
  const header = new Map<number | string, CborValue>([
    [1, -7],
    [4, Uint8Array.of(1, 2)],
    [
      15,
      new Map<number, CborValue>([
        [1, "https://ts.example"],
        [6, 1_700_000_000],
      ]),
    ],
    [258, -16],
    [395, 1],
    [1000, -7],
    ["alg", -7],
  ]);
  const proof = encodeCbor([5, 3, [new Uint8Array(2)]]);
  const message = [
    encodeCbor(header),
    new Map<number, CborValue>([[396, new Map([[-1, [proof]]])]]),
    null,
    Uint8Array.of(0xff, 0xfe),
  ];
  const opened = `[
  / protected / <<{
    1: -7, / alg: ES256 /
    4: h'0102', / kid /
    15: / CWT claims / {
      1: "https://ts.example", / iss /
      6: 1700000000 / iat: 2023-11-14T22:13:20.000Z /
    },
    258: -16, / payload hash alg: sha-256 /
    395: 1, / vds: RFC9162_SHA256 /
    1000: -7,
    "alg": -7
  }>>,
  / unprotected / {
    396: / vdp / {
      -1: / inclusion proofs / [
        <<[
          5, / tree size /
          3, / leaf index /
          [h'0000'] / inclusion path /
        ]>>
      ]
    }
  },
  null, / payload /
  h'fffe' / signature /
]`;
  const tagged = Uint8Array.of(0xd2, ...encodeCbor(message));

  test("a receipt is explained, tagged or not", () => {
    expect(formatDiagnostic(encodeCbor(message))).toBe(opened);
    expect(formatDiagnostic(tagged)).toBe(`/ COSE_Sign1 / 18(${opened})`);
  });

  test("receipts inside a statement are opened", () => {
    const statement = [encodeCbor(new Map()), new Map([[394, [tagged]]]), Uint8Array.of(1), proof];
    expect(formatDiagnostic(encodeCbor(statement))).toBe(`[
  <<{}>>, / protected /
  / unprotected / {
    394: / receipts / [
      <</ COSE_Sign1 / 18(${opened.replaceAll("\n", "\n      ")})>>
    ]
  },
  h'01', / payload /
  h'${Buffer.from(proof).toString("hex")}' / signature /
]`);
  });

  test("nothing is opened where the caller does not want it", () => {
    const closed = formatDiagnostic(tagged, { embedded: false });
    expect(closed).not.toContain("<<");
    expect(closed).toContain(
      `h'${Buffer.from(encodeCbor(header)).toString("hex")}', / protected /`,
    );
  });

  test.each<[string, Uint8Array, string]>([
    ["an empty protected header", new Uint8Array(0), "h''"],
    ["a truncated one", fromHex("a201"), "h'a201'"],
    ["one with bytes behind it", fromHex("a000"), "h'a000'"],
    ["one that is no container", fromHex("01"), "h'01'"],
    ["one nested too deep", fromHex("81".repeat(200) + "80"), `h'${"81".repeat(200)}80'`],
  ])("stays bytes: %s", (_name, bytes, notation) => {
    const text = formatDiagnostic(encodeCbor([bytes, new Map(), null, Uint8Array.of(0)]));
    expect(text).toContain(`${notation}, / protected /`);
  });

  test("COSE_Sign names each signature", () => {
    const signer = [encodeCbor(new Map([[1, -8]])), new Map(), Uint8Array.of(9)];
    const body = encodeCbor([new Uint8Array(0), new Map(), null, [signer]]);
    const text = formatDiagnostic(Uint8Array.of(0xd8, 98, ...body));
    expect(text).toContain("/ COSE_Sign / 98([");
    expect(text).toContain("1: -8 / alg: EdDSA /");
    expect(text).toContain("h'09' / signature /");
  });
});

describe("refusals", () => {
  test.each([
    ["nothing", "", MALFORMED],
    ["two items", "0000", MALFORMED],
    ["truncated array", "8201", MALFORMED],
    ["truncated indefinite array", "9f01", MALFORMED],
    ["truncated indefinite text", "7f6161", MALFORMED],
    ["odd indefinite map", "bf01ff", MALFORMED],
    ["lone break", "ff", MALFORMED],
    ["break in a tag", "c1ff", MALFORMED],
    ["reserved head", "1c", MALFORMED],
    ["false in two bytes", "f814", MALFORMED],
    ["text chunk among bytes", "5f6161ff", MALFORMED],
    ["indefinite chunk", "5f5fffff", MALFORMED],
    ["bad UTF-8", "61ff", MALFORMED],
    ["character cut by a chunk", "7f61c361bcff", MALFORMED],
    ["2^64-1 elements", "9bffffffffffffffff", MALFORMED],
    ["2^64-1 entries", "bbffffffffffffffff", MALFORMED],
    ["2^64-1 bytes", "5bffffffffffffffff", MALFORMED],
    ["65 levels", `${"81".repeat(65)}80`, LIMIT],
    ["65 tags", `${"c1".repeat(65)}00`, LIMIT],
  ])("%s", (_name, hex, code) => {
    expect(outcomeOf(() => formatDiagnostic(fromHex(hex)))).toBe(code);
  });

  test("64 levels and tags are shown", () => {
    const arrays = formatDiagnostic(fromHex(`${"81".repeat(64)}80`));
    expect(arrays.replaceAll(/\s/g, "")).toBe("[".repeat(65) + "]".repeat(65));
    expect(formatDiagnostic(fromHex(`${"c2".repeat(64)}00`))).toBe(
      `${"2(".repeat(64)}0${")".repeat(64)}`,
    );
  });

  test.each([
    ["1 MiB of nested arrays", new Uint8Array(MIB).fill(0x81)],
    ["1 MiB of nested indefinite arrays", new Uint8Array(MIB).fill(0x9f)],
    ["1 MiB of tags", new Uint8Array(MIB).fill(0xc1)],
    [
      "1 MiB of empty arrays",
      new Uint8Array(MIB)
        .fill(0x80)
        .fill(0x9f, 0, 1)
        .fill(0xff, MIB - 1),
    ],
    [
      "1 MiB of empty chunks",
      new Uint8Array(MIB)
        .fill(0x40)
        .fill(0x5f, 0, 1)
        .fill(0xff, MIB - 1),
    ],
    ["over 16 MiB", new Uint8Array(16 * MIB + 1)],
  ])("hostile size: %s", (_name, bytes) => {
    expect(outcomeOf(() => formatDiagnostic(bytes))).toBe(LIMIT);
  });

  test("a 1 MiB bignum is but a byte string in a tag", () => {
    const bytes = new Uint8Array(MIB + 6).fill(0xff);
    bytes.set([0xc2, 0x5a, 0x00, 0x10, 0x00, 0x00]);
    expect(formatDiagnostic(bytes).length).toBe("2(h'')".length + 2 * MIB);
  });

  test.each([{ maxDepth: 0 }, { maxDepth: 257 }, { maxBytes: 0 }, { maxBytes: 33 * MIB }])(
    "limits out of range are the caller's mistake: %j",
    (options) => {
      expect(() => formatDiagnostic(Uint8Array.of(0), options)).toThrow(TypeError);
    },
  );
});

describe("any bytes", () => {
  test("give notation or a CoseError, and notation that is safe to print", () => {
    let shown = 0;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), cborLike), (bytes) => {
        try {
          const text = formatDiagnostic(bytes);
          expect(text).not.toMatch(/[^\P{C}\n]/u);
          shown++;
        } catch (error) {
          expect(error).toBeInstanceOf(CoseError);
          expect([MALFORMED, LIMIT]).toContain((error as CoseError).code);
        }
      }),
      { numRuns: 5000 },
    );
    expect(shown).toBeGreaterThan(200);
  });

  test("that pass the strict check are shown", () => {
    fc.assert(
      fc.property(cborLike, (bytes) => {
        if (
          outcomeOf(() => {
            checkCbor(bytes);
          }) === "ok"
        )
          formatDiagnostic(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

describeShared("notation of real files", ["data/rim", "vectors"], (rim = "", vectors = "") => {
  const files = [...sharedFiles(rim, [".cbor"]), ...sharedFiles(vectors, [".cbor", ".cose"])];

  test("there are files", () => {
    expect(files.length).toBeGreaterThan(20);
  });

  test.each(files)("$name", ({ bytes }) => {
    const text = formatDiagnostic(bytes);
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    if (bytes[0] === 0xd2) {
      expect(text).toMatch(/^\/ COSE_Sign1 \/ 18\(\[\n {2}\/ protected \/ <<\{\n/);
      expect(text).toMatch(/1: -\d+,? \/ alg: (ES256|ES384|EdDSA) \//);
      expect(text).toMatch(/^ {2}h'[0-9a-f]{128,}' \/ signature \/$/m);
    }
  });
});

function isJson(value: CborValue): boolean {
  if (Array.isArray(value)) return (value as readonly CborValue[]).every(isJson);
  return value === null || ["number", "string", "boolean"].includes(typeof value);
}
