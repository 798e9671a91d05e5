import { describe, expect, test } from "@jest/globals";
import { isDeepStrictEqual } from "node:util";
import { decode as oracle } from "cborg";
import fc from "fast-check";
import { checkCbor } from "./check.js";
import { codec } from "./codec.js";
import { decodeCbor, decodeCborMap } from "./decode.js";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { APPENDIX_A } from "./testing/appendix.js";
import { cborLike, cborValue, EDGES, fromHex, normal, outcomeOf } from "./testing/cbor.js";
import { type CborValue, isCborArray, isCborMap } from "./value.js";

// cborg as strict as it goes.
const STRICT = {
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  allowIndefinite: false,
  allowNaN: false,
  allowInfinity: false,
};

function isAcceptedByOracle(bytes: Uint8Array): boolean {
  try {
    oracle(bytes, STRICT);
    return true;
  } catch {
    return false;
  }
}

/** What cbor-x yields, with integers and byte strings in the forms of this package. */
function plain(value: CborValue): CborValue {
  if (typeof value === "bigint") return normal(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (isCborArray(value)) return value.map(plain);
  if (!isCborMap(value)) return value;
  return new Map(
    Array.from(value, ([key, item]) => [typeof key === "bigint" ? normal(key) : key, plain(item)]),
  );
}

/** Bytes of every kind: random, made of plausible pieces, and sound ones with damage. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  cborLike,
  fc.tuple(cborValue, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([value, at, byte]) => {
    const bytes = encodeCbor(value);
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
  fc.tuple(cborValue, fc.nat()).map(([value, at]) => {
    const bytes = encodeCbor(value);
    return bytes.subarray(0, at % (bytes.length + 1));
  }),
);

describe("values", () => {
  test.each<[string, string, CborValue]>([
    ["integer", "1903e8", 1000],
    ["2^32", "1b0000000100000000", 2 ** 32],
    ["-2^32-1", "3b0000000100000000", -(2 ** 32) - 1],
    ["2^53-1", "1b001fffffffffffff", 2 ** 53 - 1],
    ["2^53", "1b0020000000000000", 2n ** 53n],
    ["-2^53+1", "3b001ffffffffffffe", -(2 ** 53) + 1],
    ["-2^53", "3b001fffffffffffff", -(2n ** 53n)],
    ["2^64-1", "1bffffffffffffffff", 2n ** 64n - 1n],
    ["-2^64", "3bffffffffffffffff", -(2n ** 64n)],
    ["null", "f6", null],
    ["undefined", "f7", undefined],
    ["fraction", "f93e00", 1.5],
    ["bytes", "43010203", Uint8Array.of(1, 2, 3)],
    ["no bytes", "40", new Uint8Array(0)],
    ["text", "63e6b0b4", "水"],
    ["text with NUL", "6100", "\u0000"],
    ["array", "820180", [1, []]],
  ])("%s", (_name, hex, expected) => {
    expect(decodeCbor(fromHex(hex))).toStrictEqual(expected);
  });

  test("wide keys are found as numbers", () => {
    const map = decodeCborMap(fromHex("a2 1b0000000100000000 01 1b0020000000000000 02"));
    expect(Array.from(map)).toEqual([
      [2 ** 32, 1],
      [2n ** 53n, 2],
    ]);
  });

  test("keys keep their order", () => {
    expect(Array.from(decodeCborMap(fromHex("a3 02 00 01 00 20 00")).keys())).toEqual([2, 1, -1]);
  });

  test("names of the prototype are keys like others", () => {
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
    const entries = names.map((name) => [name, new Map([["polluted", true]])] as const);
    const map = decodeCborMap(encodeCbor(new Map(entries)));
    expect(map).toStrictEqual(new Map(encodingOrder(entries)));
    expect(Object.getPrototypeOf(map)).toBe(Map.prototype);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("a map is asked for where one must be", () => {
    expect(outcomeOf(() => decodeCborMap(fromHex("80")))).toBe("COSE_MALFORMED");
    expect(outcomeOf(() => decodeCborMap(fromHex("bfff")))).toBe("COSE_CBOR_INDEFINITE");
    expect(decodeCborMap(fromHex("a0")).size).toBe(0);
  });

  test("RFC 8949 Appendix A as cborg reads it", () => {
    const accepted = APPENDIX_A.filter(({ outcome }) => outcome === "ok");
    expect(accepted.length).toBeGreaterThan(40);
    for (const { hex } of accepted) {
      expect(decodeCbor(fromHex(hex))).toStrictEqual(oracle(fromHex(hex), STRICT));
    }
  });
});

describe("memory", () => {
  test("nothing decoded changes with the input", () => {
    const input = fromHex("82 43010203 a1 01 420405");
    const value = decodeCbor(input);
    input.fill(0);
    expect(value).toStrictEqual([Uint8Array.of(1, 2, 3), new Map([[1, Uint8Array.of(4, 5)]])]);
  });

  test("byte strings own exactly their bytes", () => {
    const [bytes] = decodeCbor(fromHex("81 43010203")) as [Uint8Array];
    expect(bytes.buffer.byteLength).toBe(3);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  });

  test("byte strings out of a Buffer are copies too", () => {
    const input = Buffer.from("8143010203", "hex");
    const [bytes] = decodeCbor(input) as [Uint8Array];
    input.fill(0);
    expect(bytes).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  test("a Buffer is read within its bounds and stays as it was", () => {
    const whole = Buffer.from("ff8101ff", "hex");
    const part = whole.subarray(1, 3);
    expect(decodeCbor(part)).toEqual([1]);
    expect(Object.keys(part)).toEqual(["0", "1"]);
  });
});

describe("any bytes", () => {
  test("give a value or a CoseError, and the check agrees with decoding", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const outcome = outcomeOf(() => {
          checkCbor(bytes);
        });
        expect(outcomeOf(() => decodeCbor(bytes))).toBe(outcome);
      }),
      { numRuns: 5000 },
    );
  });

  test("that are accepted mean to cbor-x what they mean here", () => {
    fc.assert(
      fc.property(fc.oneof(anyBytes, cborValue.map(encodeCbor)), (bytes) => {
        if (outcomeOf(() => decodeCbor(bytes)) !== "ok") return;
        const theirs = plain(codec.decode(bytes) as CborValue);
        expect(isDeepStrictEqual(decodeCbor(bytes), theirs)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test("that are accepted are accepted by cborg, with the same value", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(anyBytes, cborValue.map(encodeCbor)), (bytes) => {
        if (
          outcomeOf(() => {
            checkCbor(bytes);
          }) !== "ok"
        )
          return;
        accepted++;
        // Jest compares maps in quadratic time.
        expect(isDeepStrictEqual(decodeCbor(bytes), oracle(bytes, STRICT))).toBe(true);
      }),
      { numRuns: 5000 },
    );
    expect(accepted).toBeGreaterThan(1000);
  });

  test("that are refused are refused by cborg, but for what cborg does not check", () => {
    const laxer = /UTF-8|byte order mark|map key|tag|simple value|float/;
    let refused = 0;
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        try {
          checkCbor(bytes);
        } catch (error) {
          if (!(error instanceof CoseError)) throw error;
          if (laxer.test(error.message) && error.code !== "COSE_CBOR_DUPLICATE_KEY") return;
          refused++;
          expect(isAcceptedByOracle(bytes)).toBe(false);
        }
      }),
      { numRuns: 5000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });
});

describe("round trips", () => {
  test("what is encoded decodes to the same value", () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        expect(isDeepStrictEqual(decodeCbor(encodeCbor(value)), value)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("every edge of every width", () => {
    for (const edge of EDGES) {
      expect(decodeCbor(encodeCbor(edge))).toBe(normal(edge));
      const key = decodeCborMap(encodeCbor(new Map([[edge, null]])));
      expect(Array.from(key.keys())).toEqual([normal(edge)]);
    }
  });

  test("text and bytes of every length around a change of head", () => {
    for (const length of [
      0, 1, 15, 16, 23, 24, 31, 32, 63, 64, 65, 139, 140, 255, 256, 65_535, 65_536,
    ]) {
      for (const text of [
        "a".repeat(length),
        "ü".repeat(length),
        "水".repeat(length),
        "𐅑".repeat(length),
      ]) {
        expect(decodeCbor(encodeCbor(text))).toBe(text);
      }
      const bytes = new Uint8Array(length).fill(0x81);
      expect(decodeCbor(encodeCbor(bytes))).toStrictEqual(bytes);
    }
  });

  test("reentrancy: a refused item leaves nothing behind", () => {
    const good = fromHex("a1 01 6161");
    for (const bad of ["a1 01", "d81b8162 6161", "9fff", "7a80000000"]) {
      expect(outcomeOf(() => decodeCbor(fromHex(bad)))).not.toBe("ok");
      expect(decodeCbor(good)).toEqual(new Map([[1, "a"]]));
    }
  });
});

function encodingOrder<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return Array.from(entries).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
}
