import { describe, expect, test } from "@jest/globals";

import { FACT_SHAPES } from "../fact-shapes.js";
import { CelProgram } from "./program.js";

describe("an expression that cannot hold for any statement is malformed:", () => {
  test.each([
    ["arithmetic", "1 + 2", "it is int, want bool"],
    ["arithmetic with what is not known", "payload.svn + 1", "it is int, want bool"],
    ["a literal", '"true"', "it is string, want bool"],
    ["a member that is no boolean", "statement.bytes", "it is int, want bool"],
    ["a function that yields none", "size(payload)", "it is int, want bool"],
    ["a macro that yields none", "payload.all.map(x, x)", "it is list, want bool"],
    [
      "a condition of which neither side is one",
      "payload.a ? 1 : 'a'",
      "it is int or string, want bool",
    ],
    [
      "an operand that is none",
      "payload.a && statement.alg",
      "an operand of && is string, want bool",
    ],
    [
      "a macro's condition that is none",
      "[1, 2].all(x, x + 1)",
      "an operand of && is int, want bool",
    ],
    ["a condition that is none", "1 ? true : false", "the condition of ?: is int, want bool"],
    ["a negated text", "!statement.alg", '"!" does not take string'],
    ["an order of two types", '"a" < 1', '"<" does not take string and int'],
    ["an order of members", "statement.alg > statement.bytes", '">" does not take string and int'],
    ["a sum of two types", 'statement.bytes + "a" == "b"', '"+" does not take int and string'],
    [
      "a method of another type",
      'statement.bytes.startsWith("a")',
      '"startsWith" does not take int and string',
    ],
    ["a membership in a text", '"a" in statement.alg', '"in" does not take string and string'],
    [
      "an equality of two types",
      'statement.bytes == "1"',
      "int is compared with string, and never equal to it",
    ],
    [
      "an inequality of two types",
      "identity.iss != 1",
      "string is compared with int, and never equal to it",
    ],
    [
      "a member that is never null",
      "identity.iss == null",
      "string is compared with null_type, and never equal to it",
    ],
    [
      "a misspelt member",
      'statement.claim.iss == "x"',
      'unknown member "claim", want one of entryId, bytes,',
    ],
    [
      "an absence that is a misspelling",
      '!has(identity.isser) || identity.iss == "https://v"',
      'unknown member "isser", want one of kind, iss, kid, thumbprint, did',
    ],
    ["a misspelling as an index", 'identity["isser"] == "x"', 'unknown member "isser"'],
    ["a misspelling that is looked for", '!("isser" in identity)', 'unknown member "isser"'],
    [
      "a misspelt member of a certificate",
      'certificate.subjekt.CN == "x"',
      'unknown member "subjekt"',
    ],
    ["a misspelt member in a macro", 'chain.all(c, c.serail == "2a")', 'unknown member "serail"'],
    [
      "a misspelt member of an element",
      "has(chain[0].san.dnss)",
      'unknown member "dnss", want one of dns, email, uri',
    ],
    [
      "a misspelt member of a hash envelope",
      "has(statement.hashEnvelope.algo)",
      'unknown member "algo"',
    ],
    ["a member of a text", "!has(statement.alg.x)", 'member "x" of string, which has none'],
    [
      "an index into a number",
      "statement.bytes[0] == 1",
      "an index into int, want a list or a map",
    ],
    [
      "a macro over a text",
      "statement.alg.all(x, true)",
      "a macro over string, want a list or a map",
    ],
  ])("%s", (_, expression, message) => {
    expect(() => CelProgram.compile(expression, FACT_SHAPES)).toThrow(
      expect.objectContaining({
        name: "PolicyError",
        code: "POLICY_MALFORMED",
        message: expect.stringContaining(message) as unknown,
      }),
    );
  });
});

describe("an expression that can hold is taken:", () => {
  test.each([
    ["anything of the payload", 'payload.a.b[0] == 1 && payload.c && payload.d < "x"'],
    ["claims of any name", 'has(statement.claims.other) || statement.claims["x"] == 1'],
    ["headers of any label", 'statement.headers[3] == "a" && !(33 in statement.headers)'],
    ["attributes of any name", 'certificate.subject.serialNumber == "x"'],
    ["what may be null", "certificate == null || statement.hashEnvelope != null"],
    [
      "content types of both kinds",
      'statement.contentType == 50 || statement.contentType == "a/b"',
    ],
    ["numbers of two types", "statement.bytes < 1.5 || statement.bytes == 2u"],
    ["a sum that may fit", 'payload.a + "x" == "yx" && payload.b + payload.c > 1'],
    ["a list of many types", '[1, "a", null].exists(x, x == payload.a)'],
    ["what is said to be of any type", "dyn(statement.alg) == 1"],
    ["a condition of which one side is a boolean", "payload.a ? true : payload.b"],
    ["times", 'time - certificate.notBefore < duration("1h") && certificate.notAfter != null'],
    ["types", "type(payload) == map && type(statement.bytes) == int"],
    ["a name that a macro takes for another thing", "[1].all(identity, identity + 1 == 2)"],
    ["lists that macros make", "payload.a.filter(x, x > 1).map(x, x * 2) == [4]"],
    ["one of many", 'chain.exists_one(c, c.serial == "2a")'],
  ])("%s", (_, expression) => {
    expect(CelProgram.compile(expression, FACT_SHAPES)).toBeInstanceOf(CelProgram);
  });
});
