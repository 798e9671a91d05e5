import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CoseError } from "./error.js";
import { parseJson } from "./json.js";
import { refusal } from "./testing/refusal.js";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): unknown => parseJson(encode(text));
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("taken", () => {
  test.each([
    ["a scalar", "1"],
    ["white space of all four kinds", ' \t\r\n{ "a" : [ 1 , 2 ] } \n'],
    ["empty containers and strings", '{"":[{},[],""]}'],
    ["one name in two objects", '[{"a":1},{"a":{"a":2}}]'],
    ["names that differ in case", '{"a":1,"A":2}'],
    ["names that differ in normalisation alone", '{"\\u00e9":1,"e\\u0301":2}'],
    ["a name that is also a value", '{"a":"a","b":["a","a"]}'],
    ["structure inside strings", '{"{\\"a\\":1,":"]}","b\\\\":"\\\\"}'],
    ["a surrogate pair, escaped and not", '["\\ud83c\\udc04","🀄"]'],
    ["doubles at their edges", "[1.7976931348623157e308,5e-324,-0,1e-400,9007199254740993]"],
    ["members of Object.prototype", '{"constructor":1,"toString":2,"hasOwnProperty":3}'],
    ["32 levels", nested(32)],
  ])("%s", (_name, text) => {
    expect(parse(text)).toStrictEqual(JSON.parse(text));
  });

  test("__proto__ is a member like any other", () => {
    const value = parse('{"__proto__":{"isAdmin":true}}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect("isAdmin" in value).toBe(false);
  });

  test("the limits themselves", () => {
    expect(parseJson(encode("[1,2]"), { maxBytes: 5, maxDepth: 1, maxItems: 3 })).toEqual([1, 2]);
    expect(parse(`[${"1,".repeat(99_998)}1]`)).toHaveLength(99_999);
  });
});

describe("refused", () => {
  test.each<[string, string]>([
    ["nothing", ""],
    ["white space alone", " "],
    ["two values", "1 2"],
    ["a value cut off", '{"a":'],
    ["a string without an end", '"a'],
    ["a string that ends in a backslash", '"a\\'],
    ["a trailing comma", "[1,]"],
    ["a comment", "[1]//"],
    ["single quotes", "{'a':1}"],
    ["NaN", "NaN"],
    ["a leading zero", "01"],
    ["a control character in a string", '"\u0001"'],
    ["white space beyond the four kinds", "\u00a01"],
    ["a byte order mark", "\ufeff1"],
    ["a byte order mark amid the text", "[1,\ufeff2]"],
    ["brackets that do not match", "[}"],
    ["a member twice", '{"a":1,"a":1}'],
    ["a member twice, once escaped", '{"a":1,"\\u0061":2}'],
    ["a member twice, far apart and deep", '[{"x":{"b":[{"a":1},{"c":{"a":1}}],"c":0,"b":0}}]'],
    ["an empty name twice", '{"":1,"":2}'],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}'],
    ["a solidus as name, escaped once", '{"/":1,"\\/":2}'],
    ["a pair as name, escaped once", '{"🀄":1,"\\ud83c\\udc04":2}'],
    ["half a pair in a value", '["\\ud83c"]'],
    ["half a pair in a name", '{"\\udc04":1}'],
    ["a pair in the wrong order", '"\\udc04\\ud83c"'],
    ["a number beyond every double", "[1e309]"],
    ["a negative number beyond every double", "-1e400"],
    ["33 levels", nested(33)],
    ["a hundred thousand levels", nested(100_000)],
    ["a hundred thousand levels that never end", "[".repeat(100_000)],
    ["100,001 items", `[${"1,".repeat(99_999)}1]`],
  ])("%s", (_name, text) => {
    expect(refusal(() => parse(text))).toBe("COSE_JSON_MALFORMED");
  });

  test.each([
    ["a byte that is no UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
    ["an overlong form", Uint8Array.of(0x22, 0xc0, 0xaf, 0x22)],
    ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ["UTF-16", Uint8Array.of(0x31, 0)],
    ["more than a mebibyte", new Uint8Array(1024 * 1024 + 1).fill(0x20).with(0, 0x31)],
  ])("%s", (_name, bytes) => {
    expect(refusal(() => parseJson(bytes))).toBe("COSE_JSON_MALFORMED");
  });

  test.each([
    ["bytes", { maxBytes: 4 }],
    ["depth", { maxDepth: 1 }],
    ["items", { maxItems: 2 }],
  ])("what passes the caller's limit of %s", (_name, limits) => {
    expect(parseJson(encode("[[1]]"))).toEqual([[1]]);
    expect(refusal(() => parseJson(encode("[[1]]"), limits))).toBe("COSE_JSON_MALFORMED");
  });

  test.each([
    ["zero", { maxItems: 0 }],
    ["no number", { maxBytes: Number.NaN }],
    ["endless", { maxDepth: Infinity }],
    ["too deep", { maxDepth: 257 }],
  ])("a limit that is %s, as misuse", (_name, limits) => {
    expect(() => parseJson(encode("1"), limits)).toThrow(TypeError);
  });

  test("without a word of the text", () => {
    for (const text of ['{"d":"secret",}', '{"secret":1,"secret":2}', '"secret']) {
      let error: unknown;
      try {
        parse(text);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(CoseError);
      expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain("secret");
    }
  });
});

describe("against JSON.parse", () => {
  /** Yields what JSON.parse makes of the text, and whether it takes it at all. */
  function byPlatform(text: string): { readonly value: unknown } | undefined {
    try {
      return { value: JSON.parse(text) as unknown };
    } catch {
      return undefined;
    }
  }

  /** Yields the value where it is taken, which must be what the platform has. */
  function taken(text: string): { readonly value: unknown } | undefined {
    try {
      const value = parse(text);
      expect({ value }).toStrictEqual(byPlatform(text));
      return { value };
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
      expect(error.code).toBe("COSE_JSON_MALFORMED");
      return undefined;
    }
  }

  const wellFormed = fc.json({ maxDepth: 6 }).filter((text) => !/\\ud/i.test(text));

  test("every text that the platform writes is taken", () => {
    fc.assert(
      fc.property(wellFormed, fc.constantFrom(0, 1, 2), (text, indent) => {
        const written = JSON.stringify(JSON.parse(text), null, indent);
        expect(taken(written)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  test("texts of JSON's own characters are taken with the same value or refused", () => {
    const piece = fc.constantFrom(
      ...['"', "\\", "{", "}", "[", "]", ",", ":", " ", "1", "-", ".", "e9", "a", "u0061"],
      ...["true", "null", '"a"', '"a":1', '"\\u0061":', '"b":', "\\u", "\n", "\u00e9", "🀄"],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        taken(pieces.join(""));
      }),
      { numRuns: 5000 },
    );
  });

  test("texts with a character changed are taken with the same value or refused", () => {
    fc.assert(
      fc.property(
        wellFormed,
        fc.nat(),
        fc.constantFrom(...'"\\{}[],:0a '.split("")),
        (text, n, c) => {
          const at = n % (text.length + 1);
          taken(text.slice(0, at) + c + text.slice(at + (n % 2)));
        },
      ),
      { numRuns: 2000 },
    );
  });

  /** The name as a JSON string, its characters escaped where the mask says so. */
  function spell(name: string, mask: number): string {
    const characters = Array.from(name, (character, i) => {
      const isEscaped = ((mask >> (i % 30)) & 1) === 1 || JSON.stringify(character).length > 4;
      const units = character.split("").map((unit) => unit.charCodeAt(0).toString(16));
      const escaped = units.map((unit) => `\\u${unit.padStart(4, "0")}`).join("");
      return isEscaped ? escaped : JSON.stringify(character).slice(1, -1);
    });
    return `"${characters.join("")}"`;
  }

  test("objects are refused exactly when two names are one after unescaping", () => {
    const member = fc.tuple(
      fc.oneof(fc.constantFrom("a", "b", "", "__proto__"), fc.string({ unit: "binary" })),
      fc.nat(),
    );
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), fc.nat(3), (members, depth) => {
        const names = members.map(([name]) => name);
        const body = members.map(([name, mask]) => `${spell(name, mask)}:1`).join(",");
        const text = `${'{"o":['.repeat(depth)}{${body}}${"]}".repeat(depth)}`;
        expect(taken(text) === undefined).toBe(new Set(names).size < names.length);
      }),
      { numRuns: 1000 },
    );
  });
});

test("a member that is there twice is told by its place alone", () => {
  const text = '{\n  "d": 1,\n  "\\u0064": "secret"\n}';
  expect(() => parseJson(new TextEncoder().encode(text))).toThrow(
    /^an object has one member twice, for the second time at line 3, character 3$/,
  );
});

test("what is no JSON is told so, whatever its words begin like", () => {
  expect(() => parse("-----BEGIN CERTIFICATE-----\n9e999x 1e999/AAA=\n")).toThrow(/^not JSON/);
});
