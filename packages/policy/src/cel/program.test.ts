import { describe, expect, test } from "@jest/globals";
import { celList } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";
import fc from "fast-check";

import { PolicyError } from "../error.js";
import { COST_BUDGET, Meter } from "./meter.js";
import { CelProgram } from "./program.js";
import { ANY, shapeOf } from "./shape.js";
import { timestampOf } from "./time.js";

const VARIABLES = new Map([
  ["payload", ANY],
  ["time", shapeOf("google.protobuf.Timestamp")],
  ["name", ANY],
]);
const SPENT = `the rules cost more than ${COST_BUDGET} units to evaluate`;

const BINDINGS: Readonly<Record<string, CelInput>> = {
  payload: new Map<string, CelInput>([
    ["many", Array.from({ length: 10_000 }, (_, i) => BigInt(i))],
    ["long", "a".repeat(200_000)],
    ["tags", ["a", "b"]],
    ["__proto__", 1n],
    ["nothing", null],
    [
      "numbered",
      new Map<bigint, CelInput>(
        Array.from({ length: 10_000 }, (_, i): [bigint, CelInput] => [-BigInt(i), "x"]),
      ),
    ],
  ]),
  time: timestampOf(1_800_000_000n),
  name: "https://issuer.example",
};

function evaluate(expression: string): string {
  const verdict = CelProgram.compile(expression, VARIABLES).evaluate(BINDINGS);
  if (verdict.holds) return "true";
  return verdict.why ?? "false";
}

describe("an expression yields", () => {
  test.each([
    ["a comparison", 'name == "https://issuer.example"', "true"],
    ["a comparison that fails", 'name == "x"', "false"],
    ["a prefix", 'name.startsWith("https://")', "true"],
    ["a member of a list", '"b" in payload.tags', "true"],
    ["a member of a map", '"tags" in payload && !("x" in payload)', "true"],
    ["has", "has(payload.tags) && !has(payload.x)", "true"],
    [
      "a macro over a list",
      'payload.tags.all(t, t.size() == 1) && payload.tags.exists(t, t == "a")',
      "true",
    ],
    ["map and filter", "payload.many.filter(n, n > 9997).map(n, n * 2) == [19996, 19998]", "true"],
    ["map with a condition", "[1, 2, 3].map(n, n > 1, n + 1) == [3, 4]", "true"],
    ["the same macro twice", "[1, 2].map(n, n).map(n, n) + [1].map(n, n) == [1, 2, 1]", "true"],
    ["macros in macros", "[1, 2].map(n, [3, 4].map(m, n * m)) == [[3, 4], [6, 8]]", "true"],
    ["exists_one", 'payload.tags.exists_one(t, t == "a")', "true"],
    [
      "a long list that is mapped and read",
      "payload.many.map(n, n).size() == 10000 && payload.many.map(n, n).all(n, n >= 0)",
      "true",
    ],
    ["a regular expression", 'name.matches("^https://[a-z.]+$")', "true"],
    ["a regular expression of many repetitions", '"0f".matches("^([0-9a-f]{2}){1,64}$")', "true"],
    ["types", "type(payload.many) == list && type(time) == google.protobuf.Timestamp", "true"],
    ["a time", 'time > timestamp("2026-01-01T00:00:00Z") && time == timestamp(1800000000)', "true"],
    ["a duration", 'time - timestamp("2027-01-15T07:00:00Z") == duration("1h")', "true"],
    [
      "parts of a time",
      "time.getFullYear() == 2027 && time.getMonth() == 0 && time.getHours() == 8",
      "true",
    ],
    [
      "parts of a time at an offset",
      'time.getHours("+05:30") == 13 && time.getHours("UTC") == 8',
      "true",
    ],
    ["the day of a leap year", 'timestamp("2024-12-31T23:59:59Z").getDayOfYear() == 365', "true"],
    ["a time in the first years", 'timestamp("0001-01-02T00:00:00Z").getDayOfYear() == 1', "true"],
    [
      "a member named like a prototype",
      'payload["__proto__"] == 1 && !has(payload.constructor)',
      "true",
    ],
    ["an error that the other side absorbs", "payload.x == 1 || true", "true"],
    ["a null", "payload.nothing == null", "true"],
    ["an element", 'payload.tags[0] == "a" && payload.tags[1u] == "b"', "true"],
    [
      "an element by a number that is computed, and by a double",
      "payload.many[payload.tags.size() + 0] == 2 && [5][0.0] == 5",
      "true",
    ],
    ["a member by a name that is computed", 'payload["ta" + "gs"][0] == "a"', "true"],
    [
      "members by numbers",
      'payload.numbered[-7] == "x" && {1u: 2}[1] == 2 && {true: 3}[true] == 3',
      "true",
    ],
    ["no member by a number", "payload.numbered[7] == 1 || !(7 in payload.numbered)", "true"],
    ["has behind an index", "has([payload][0].tags) && !has([payload][0].x)", "true"],
    [
      "an index into what a condition picks",
      "(payload.tags.size() > 0 ? [1] : [2])[0] == 1",
      "true",
    ],
  ])("%s", (_, expression, outcome) => {
    expect(evaluate(expression)).toBe(outcome);
  });
});

describe("an expression that is neither true nor false is refused with its reason", () => {
  test.each([
    ["no such key", "payload.x == 1", "field not found: x"],
    [
      "another type",
      "name + 1 == 2",
      "found no matching overload for '_+_' applied to '(string, int)'",
    ],
    ["no boolean", "name", "it yields neither true nor false"],
    ["no boolean on one side", "true && name", "type mismatch: expected bool, got string"],
    ["no such element", "payload.tags[2] == 1", "index 2 out of bounds [0, 2)"],
    ["an element before the first", "payload.tags[-1] == 1", "index -1 out of bounds [0, 2)"],
    ["no such number", "payload.numbered[1] == 1", "field not found: 1"],
    ["a list as an index", "payload[payload.tags] == 1", "field not found: no key"],
    ["an index into a text", "name[0] == 1", "field not found: 0"],
    ["division by zero", "1 / 0 == 1", "int divide by zero"],
    ["beyond 64 bits", "9223372036854775807 + 1 > 0", "int overflow during _+_"],
    [
      "a broken pattern",
      'name.matches("(")',
      "a pattern that is not RE2: error parsing regexp: missing closing ): `(`",
    ],
    [
      "a backreference",
      'name.matches("(a)\\\\1")',
      "a pattern that is not RE2: error parsing regexp: invalid escape sequence: `\\1`",
    ],
    [
      "a zone by name",
      'time.getHours("Europe/Berlin") == 1',
      'a time zone is "UTC" or an offset such as "+02:00"',
    ],
    [
      "a text that JavaScript takes for a number",
      'int("") == 0',
      "int: the text does not stand for one",
    ],
    ["a hexadecimal text", 'double("0x10") == 16.0', "double: the text does not stand for one"],
    [
      "a number of many digits",
      'int("1" + payload.long) == 0',
      "int: the text does not stand for one",
    ],
  ])("%s", (_, expression, why) => {
    expect(evaluate(expression)).toBe(why);
  });
});

const DOUBLED = `["aaaaaaaaaaaaaaaa"]${".map(s, s + s)".repeat(30)}[0].size() > 0`;
const NESTED_LISTS = `[[1]]${".map(x, [x, x, x, x])".repeat(30)}[0] == 1`;

describe("an expression that would take long is refused once its budget is spent", () => {
  test.each([
    ["loops over a long list", "payload.many.all(a, payload.many.all(b, a + b >= 0))"],
    ["loops without a function call", "payload.many.all(a, payload.many.all(b, true))"],
    ["loops whose steps are errors", "payload.many.all(a, payload.many.all(b, b.x))"],
    ["loops that stop at once", "payload.many.all(a, !payload.many.all(b, false))"],
    ["literals in literals", `${"[1,2,3,4,5,6,7,8,9,10].all(x, ".repeat(8)}true${")".repeat(8)}`],
    ["a map of maps", "payload.many.map(a, payload.many.map(b, a)).size() > 0"],
    ["texts that double", DOUBLED],
    ["a list that doubles", `[[1]]${".map(x, x + x)".repeat(30)}[0].size() > 0`],
    ["a tree of shared lists compared", `${NESTED_LISTS} || ${NESTED_LISTS}`],
    [
      "a search in a long text",
      "payload.long.contains(payload.long + payload.long) || payload.long.contains(payload.long)",
    ],
    ["membership in loops", "payload.many.all(a, a in payload.many)"],
    ["numbers that a map lacks", "payload.many.all(a, !(a in payload.numbered) || a == 0)"],
    [
      "numbers that a map lacks, as doubles",
      "payload.many.all(a, !(double(a) in payload.numbered) || a == 0)",
    ],
    ["indexes that a map lacks", 'payload.many.all(a, payload.numbered[a + 1] == "x" || true)'],
    ["equality in loops", "payload.many.all(a, payload == payload)"],
    ["many patterns", '[1,2,3,4,5,6,7,8,9,10].all(x, payload.many.all(y, "a".matches("(a+)+$")))'],
    ["a large pattern on a long text", 'payload.long.matches("([a-z]{30}){30}")'],
  ])("%s", (_, expression) => {
    expect(evaluate(expression)).toBe(SPENT);
  });

  test.each([
    [
      "a pattern that backtracks elsewhere",
      '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("(a+)+$")',
      "false",
    ],
    [
      "a pattern of a megabyte",
      "name.matches(payload.long + payload.long + payload.long + payload.long + payload.long)",
      "a pattern of 1000000 characters, want 1024 at most",
    ],
    [
      "a pattern of many repetitions",
      'name.matches("(a{100}b{100}){40}")',
      "a pattern of 8082 steps, want 4096 at most",
    ],
    [
      "a pattern that hides its size",
      'name.matches("(aaaaa\\\\Q)\\\\E){1000}")',
      "a pattern with \\Q, which is not taken",
    ],
  ])("but not %s", (_, expression, outcome) => {
    expect(evaluate(expression)).toBe(outcome);
  });
});

test("a budget is for one evaluation without a meter", () => {
  const program = CelProgram.compile("payload.many.all(a, a >= 0)", VARIABLES);
  for (let round = 0; round < 50; round++)
    expect(program.evaluate(BINDINGS)).toEqual({ holds: true });
});

test("programs that share a meter share a budget, and a spent one decides nothing", () => {
  const meter = new Meter();
  const program = CelProgram.compile("payload.many.all(a, a >= 0)", VARIABLES);
  const verdicts = Array.from({ length: 50 }, () => program.evaluate(BINDINGS, meter));
  expect(verdicts[0]).toEqual({ holds: true });
  expect(verdicts.at(-1)).toEqual({ holds: false, why: SPENT });
  expect(CelProgram.compile("true", VARIABLES).evaluate(BINDINGS, meter)).toEqual({
    holds: false,
    why: SPENT,
  });
});

test("a list that a macro gathers starts anew at each evaluation", () => {
  const program = CelProgram.compile("[1, 2].map(n, n).size() == 2", VARIABLES);
  expect(program.evaluate(BINDINGS)).toEqual({ holds: true });
  expect(program.evaluate(BINDINGS)).toEqual({ holds: true });
  expect(celList([]).size).toBe(0);
});

describe("a text that is no bounded expression is malformed", () => {
  test.each([
    ["nothing", "", /./],
    ["no syntax", "1 +", /./],
    ["an unknown name", "nam == 1", /unknown name "nam", want one of payload, time, name/],
    ["the name of a macro's own variable", "__result__ == 1", /unknown name/],
    ["a variable outside its macro", "[1].all(x, true) && x == 1", /unknown name "x"/],
    ["an unknown function", "now() > time", /unknown function "now"/],
    ["another number of arguments", "size(name, name) == 1", /function "size" does not take 2/],
    ["a function as a method", "name.int() == 1", /function "int" does not take/],
    ["a message", "google.protobuf.Timestamp{seconds: 1} == time", /messages such as/],
    ["an internal name", "@tick(true, 1)", /./],
    ["too many bytes", `name == "${"é".repeat(4100)}"`, /^8210 bytes, want 8192 at most$/],
    [
      "a thousand brackets",
      `${"(".repeat(1000)}true${")".repeat(1000)}`,
      /^brackets nest 1000 deep/,
    ],
    [
      "a thousand lists",
      `${"[".repeat(1000)}${"]".repeat(1000)} == []`,
      /^brackets nest 1000 deep/,
    ],
    ["a thousand conditions", `${"true ? true : ".repeat(500)}true`, /^500 conditions/],
    ["thousands of members", `payload${".a".repeat(4000)} == 1`, /^parts nest more than 128 deep$/],
    ["thousands of operands", `${"1+".repeat(4000)}1 == 1`, /^parts nest more than 128 deep$/],
    [
      "thousands of parts",
      `[${"[],".repeat(2500)}[]${",[]".repeat(200)}] == [${"1,".repeat(120)}1]`,
      /./,
    ],
    ["a huge integer", `${"9".repeat(8000)} > 1`, /^an integer beyond 64 bits$/],
    ["a huge unsigned integer", "18446744073709551616u > 1u", /^an integer beyond 64 bits$/],
  ])("%s", (_, expression, message) => {
    expect(() => CelProgram.compile(expression, VARIABLES)).toThrow(
      expect.objectContaining({
        name: "PolicyError",
        code: "POLICY_MALFORMED",
        message: expect.stringMatching(message) as unknown,
      }),
    );
  });
});

test("brackets in strings, patterns and comments do not nest", () => {
  const texts = ['"(((("', "'[[[['", 'r"(((\\"', '"""(((("""', "r'''(((('''", '"\\"(((("'];
  const expression = `${Array.from({ length: 60 }, (_, i) => `${texts[i % texts.length] ?? ""} != ""`).join(" && ")} // ((((\n`;
  expect(evaluate(expression)).toBe("true");
});

const TOKENS = [
  ...Array.from("()[]{}?:!-+*/%<>=&|.,@\"'\\ "),
  ...[
    "name",
    "payload",
    "time",
    "x",
    "1",
    "1u",
    "1.5",
    "==",
    "in",
    "true",
    "null",
    ".all(x, ",
    ".map(x, ",
  ],
  ...['"a"', "b'\\xff'", ".matches(", "has(", "size(", "type(", "timestamp("],
];

describe("property", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.array(fc.constantFrom(...TOKENS), { maxLength: 24 }).map((parts) => parts.join("")),
  );

  test("any text is a program or malformed, and a program yields the same verdict twice", () => {
    fc.assert(
      fc.property(text, (expression) => {
        let program;
        try {
          program = CelProgram.compile(expression, VARIABLES);
        } catch (error) {
          expect(error).toBeInstanceOf(PolicyError);
          expect(error).toMatchObject({ code: "POLICY_MALFORMED" });
          return;
        }
        expect(program.evaluate(BINDINGS)).toEqual(program.evaluate(BINDINGS));
      }),
      { numRuns: 500 },
    );
  });
});
