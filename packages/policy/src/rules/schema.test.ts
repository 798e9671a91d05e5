import { describe, expect, test } from "@jest/globals";
import { VerifiedStatement } from "@tallystick/statement";

import { factsOf } from "../facts.js";
import { compileRule } from "../rule.js";
import { refusal } from "../testing/refusal.js";
import { TIME, bytesOf, policyWith, statement } from "../testing/sample.js";

const LARGE = "cannot be decided: the payload is too large for the schema";

function schemaRule(schema: object): ReturnType<typeof compileRule> {
  const parameters = { contentTypes: ["application/json"], schema };
  return compileRule({ name: "r", use: "payloadSchema", with: parameters });
}

/** Yields why the schema refuses the payload. */
async function refused(schema: object, payload: unknown): Promise<string | undefined> {
  const signed = await statement({ payload: bytesOf(payload) });
  const facts = factsOf(await VerifiedStatement.verify(signed, policyWith()), TIME);
  return schemaRule(schema).refusal(facts);
}

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `v${n}`);
const times = <Item>(count: number, item: Item): readonly Item[] =>
  Array.from({ length: count }, () => item);
/** Lists that are alike up to their last element. */
const alike = (count: number): readonly (readonly number[])[] =>
  Array.from({ length: count }, (_, n) => [...times(50, 1), n]);
const UNIQUE = { type: "array", uniqueItems: true, maxItems: 1024 };

describe("a payload is too large for a schema that has much to do with it:", () => {
  test.each<[string, object, unknown]>([
    [
      "an enum for each of many items",
      { type: "array", items: { enum: names(2000) } },
      times(60_000, 1),
    ],
    [
      "an enum behind many references",
      {
        $defs: { e: { enum: names(40) } },
        type: "array",
        items: { allOf: times(50, { $ref: "#/$defs/e" }) },
      },
      times(60_000, 1),
    ],
    [
      "alternatives for each of many items",
      { type: "array", items: { anyOf: times(500, { type: "string" }) } },
      times(60_000, 1),
    ],
    [
      "alternatives for each of many members",
      { type: "object", additionalProperties: { anyOf: times(900, { type: "string" }) } },
      Object.fromEntries(names(20_000).map((name) => [name, 1])),
    ],
    [
      "names that many objects could have",
      {
        type: "array",
        items: {
          type: "object",
          properties: Object.fromEntries(names(900).map((name) => [name, {}])),
        },
      },
      times(60_000, {}),
    ],
    [
      "lengths of a long text",
      { type: "string", allOf: times(1900, { type: "string", minLength: 1 }) },
      "a".repeat(250_000),
    ],
    [
      "members that are counted often",
      { type: "object", allOf: times(1500, { type: "object", minProperties: 1 }) },
      Object.fromEntries(names(20_000).map((name) => [name, 1])),
    ],
    [
      "items that are compared with each other",
      { allOf: times(10, UNIQUE), type: "array" },
      alike(1000),
    ],
  ])("%s", async (_, schema, payload) => {
    expect(await refused(schema, payload)).toBe(`rule r: ${LARGE}`);
  });
});

describe("a payload is compared with a schema that has little to do with it:", () => {
  test.each<[string, object, unknown]>([
    [
      "an enum for each of some items",
      { type: "array", items: { enum: names(1000) } },
      times(500, "v7"),
    ],
    [
      "a large schema for the outermost values",
      { type: "object", properties: { kind: { enum: names(1990) } } },
      { kind: "v1", all: times(50_000, 1) },
    ],
    [
      "many items and a small schema",
      { type: "array", items: { type: "integer" } },
      times(50_000, 1),
    ],
    ["items that are unique", UNIQUE, alike(100)],
  ])("%s", async (_, schema, payload) => {
    expect(await refused(schema, payload)).toBeUndefined();
  });
});

describe("a schema that lists too much is malformed:", () => {
  test.each<[string, object]>([
    ["an enum", { enum: names(2001) }],
    ["several", { anyOf: times(3, { enum: names(700) }) }],
    [
      "one behind references",
      { $defs: { e: { enum: names(41) } }, allOf: times(50, { $ref: "#/$defs/e" }) },
    ],
    ["one value", { const: times(2001, 1) }],
    ["a few large values", { enum: times(21, times(100, 1)) }],
  ])("%s", (_, schema) => {
    const error = refusal(() => schemaRule(schema));
    expect(error.code).toBe("POLICY_MALFORMED");
    expect(error.message).toBe("rule r: schema comes to more than 2000 values in enum and const");
  });
});

test("what a definition lists counts where it is referred to", () => {
  const e = { enum: names(1990) };
  expect(schemaRule({ $defs: { e, f: e }, $ref: "#/$defs/e" }).name).toBe("r");
});

describe("members that every object inherits are not in a payload:", () => {
  const properties = { toString: {}, constructor: {}, valueOf: {}, a: {} };
  test.each<[string, object, unknown, string | undefined]>([
    [
      "required",
      { properties, required: ["toString"] },
      {},
      "the payload must have required property 'toString'",
    ],
    ["there", { properties, required: ["toString"] }, { toString: 1 }, undefined],
    ["dependent", { properties, dependentRequired: { valueOf: ["a"] } }, {}, undefined],
    ["with a type", { properties: { toString: { type: "string" } } }, {}, undefined],
  ])("%s", async (...[, schema, payload, found]) => {
    const expected = found === undefined ? undefined : `rule r: ${found}`;
    expect(await refused({ type: "object", ...schema }, payload)).toBe(expected);
  });
});
