import { describe, expect, test } from "@jest/globals";

import { compileRule, parseRule } from "./rule.js";
import { refusal } from "./testing/refusal.js";

const PIN = `sha256:${"ab".repeat(32)}`;

/** Twelve definitions that each refer twice to the next. */
const DOUBLING = Object.fromEntries(
  Array.from({ length: 13 }, (_, i) => {
    const $ref = `#/$defs/d${i + 1}`;
    return [`d${i}`, i === 12 ? {} : { anyOf: [{ $ref }, { $ref }] }];
  }),
);

type BadRow = readonly [use: string, parameters: unknown, message: string | RegExp];

const BAD: readonly BadRow[] = [
  ["issuers", {}, "any is missing"],
  ["issuers", { any: [] }, "any is not a list of 1 to 1000 texts"],
  ["issuers", { any: ["a", 1] }, "any is not a list of 1 to 1000 texts"],
  ["issuers", { any: ["a"], all: 1 }, 'unknown parameter "all", want any'],
  ["issuers", [], "with is not an object"],
  [
    "issuers",
    JSON.parse('{"any":["a"],"__proto__":1}') as unknown,
    'unknown parameter "__proto__", want any',
  ],
  ["subject", {}, "prefix or pattern is wanted, one of the two"],
  ["subject", { prefix: "a", pattern: "b" }, "prefix or pattern is wanted, one of the two"],
  ["subject", { prefix: "" }, "prefix is not a text of 1 to 8192 characters"],
  ["subject", { pattern: "(" }, /^pattern is a pattern that is not RE2: /],
  ["subject", { pattern: "a)|(b" }, /^pattern is a pattern that is not RE2: /],
  [
    "subject",
    { pattern: "a".repeat(1025) },
    "pattern is a pattern of 1025 characters, want 1024 at most",
  ],
  ["algorithms", { any: ["RS256"] }, /^any has "RS256", want names out of /],
  ["contentTypes", { any: ["json"] }, /^any is not a list/],
  ["contentTypes", { any: ["text/plain; charset=utf-8"] }, /^any is not a list/],
  ["contentTypes", { any: [-1] }, /^any is not a list/],
  ["contentTypes", {}, "any is missing"],
  ["maxBytes", { bytes: 0 }, "bytes is not an integer of at least 1"],
  ["maxBytes", { bytes: 1.5 }, "bytes is not an integer of at least 1"],
  ["hashEnvelopeOnly", { contentTypes: "text/plain" }, /^contentTypes is not a list/],
  [
    "certificatePin",
    { fingerprint: "ab" },
    'fingerprint is not "sha256:" and 64 hexadecimal digits',
  ],
  [
    "certificatePin",
    { fingerprint: PIN, eku: ["codeSigning"] },
    "eku is not a list of dotted object identifiers",
  ],
  ["certificatePin", { fingerprint: PIN, subject: { CN: 1 } }, "subject is not an object of texts"],
  ["minimumSvn", { path: "svn", atLeast: 1 }, "path is not a list of 1 to 1000 texts and integers"],
  ["minimumSvn", { path: ["svn"] }, "atLeast is missing"],
  [
    "iatWindow",
    { maxAgeSeconds: -1, maxAheadSeconds: 0 },
    "maxAgeSeconds is not an integer of at least 0",
  ],
  ["requiredClaims", { claims: [null] }, "claims is not a list of 1 to 1000 texts and integers"],
  ["payloadSchema", { schema: {} }, "contentTypes is missing"],
];

const BAD_SCHEMAS: readonly (readonly [name: string, schema: unknown, message: string | RegExp])[] =
  [
    ["no object", true, "schema is not an object"],
    [
      "an unknown keyword",
      { typ: "string" },
      /^schema is no JSON Schema to be used: strict mode: unknown keyword: "typ"/,
    ],
    ["a keyword of the wrong kind", { type: "text" }, /^schema is no JSON Schema to be used: /],
    [
      "a format",
      { type: "string", format: "email" },
      /^schema is no JSON Schema to be used: unknown format "email"/,
    ],
    [
      "a reference elsewhere",
      { $ref: "https://example.com/schema" },
      'schema refers to "https://example.com/schema", want one of its own $defs',
    ],
    [
      "a reference to itself",
      { items: { $ref: "#" } },
      'schema refers to "#", want one of its own $defs',
    ],
    ["a reference to a prototype", { $defs: {}, $ref: "#/$defs/constructor" }, /^schema refers to/],
    [
      "a circle",
      { $defs: { a: { items: { $ref: "#/$defs/a" } } }, $ref: "#/$defs/a" },
      'schema refers to "$defs/a" in a circle',
    ],
    ["a name", { $id: "https://example.com/" }, "schema has the keyword $id, which is not taken"],
    ["asynchrony", { $async: true }, "schema has the keyword $async, which is not taken"],
    [
      "a dynamic reference",
      { $dynamicRef: "#a" },
      "schema has the keyword $dynamicRef, which is not taken",
    ],
    [
      "another dialect",
      { $schema: "http://json-schema.org/draft-07/schema#" },
      /^schema is of another dialect than/,
    ],
    [
      "uniqueness without a bound",
      { type: "array", uniqueItems: true },
      "schema has uniqueItems without maxItems of at most 1024",
    ],
    [
      "a broken pattern",
      { type: "string", pattern: "(?=a)" },
      /^schema is no JSON Schema to be used: a pattern that is not RE2/,
    ],
    [
      "a long pattern",
      { type: "string", pattern: "a".repeat(2000) },
      /^schema is no JSON Schema to be used: a pattern of 2000 characters/,
    ],
    [
      "many characters",
      { $comment: "a".repeat(70_000) },
      /^schema has \d+ characters, want 65536 at most$/,
    ],
    [
      "references that double",
      {
        $defs: DOUBLING,
        $ref: "#/$defs/d0",
      },
      "schema comes to more than 2000 subschemas",
    ],
    [
      "deep nesting",
      Array.from({ length: 40 }).reduce((inner: object) => ({ not: inner }), {}),
      "schema nests more than 32 deep",
    ],
  ];

describe("a rule that is malformed names itself and the member:", () => {
  test.each(BAD)("%s with %j", (use, parameters, message) => {
    const error = refusal(() => compileRule(parseRule({ name: "r1", use, with: parameters })));
    expect(error.code).toBe("POLICY_MALFORMED");
    expect(error.message).toMatch(/^rule r1: /);
    const rest = error.message.slice("rule r1: ".length);
    if (typeof message === "string") expect(rest).toBe(message);
    else expect(rest).toMatch(message);
  });

  test.each(BAD_SCHEMAS)("a schema with %s", (_, schema, message) => {
    const parameters = { contentTypes: ["application/json"], schema };
    const error = refusal(() =>
      compileRule({ name: "r1", use: "payloadSchema", with: parameters }),
    );
    const rest = error.message.slice("rule r1: ".length);
    if (typeof message === "string") expect(rest).toBe(message);
    else expect(rest).toMatch(message);
  });

  test.each([
    ["no object", 1, "rule is not an object"],
    ["no name", { cel: "true", reason: "a" }, /^rule: name is not 1 to 64 letters/],
    [
      "a name with spaces",
      { name: "a b", cel: "true", reason: "a" },
      /^rule: name is not 1 to 64 letters/,
    ],
    [
      "both kinds",
      { name: "a", cel: "true", use: "issuers", with: {} },
      'rule a: unknown member "cel", want name, use, with, reason',
    ],
    ["no expression", { name: "a", reason: "a" }, "rule a: cel is not a text"],
    [
      "no reason",
      { name: "a", cel: "true" },
      "rule a: reason is not a printable text of 1 to 500 characters",
    ],
    [
      "a reason with a line break",
      { name: "a", cel: "true", reason: "a\nb" },
      "rule a: reason is not a printable text of 1 to 500 characters",
    ],
    [
      "an unknown rule",
      { name: "a", use: "constructor", with: {} },
      /^rule a: use is not one of issuers, subject, /,
    ],
    [
      "a misspelt name",
      { name: "a", cel: "statment.bytes > 1", reason: "a" },
      'rule a: cel: unknown name "statment", want one of statement, identity, certificate, chain, payload, payloadBytes, payloadProblem, content, time',
    ],
  ])("%s", (_, document, message) => {
    const error = refusal(() => compileRule(parseRule(document)));
    expect(error.code).toBe("POLICY_MALFORMED");
    if (typeof message === "string") expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });
});
