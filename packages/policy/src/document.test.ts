import { ALGORITHMS, PrivateKey } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { firstPolicy } from "./change.js";
import { POLICY_FORMAT, formatPolicy, parseDocument, type PolicyDocument } from "./document.js";
import { PolicyError } from "./error.js";
import { Policy } from "./policy.js";
import { refusal } from "./testing/refusal.js";
import {
  IN_FORCE_ID,
  OPERATOR,
  SERVICE_ISS,
  STRANGER,
  VENDOR,
  VENDOR_ISS,
  bytesOf,
  documentWith,
  namedKey,
} from "./testing/sample.js";

const key = VENDOR.publicKey.toJwk();
const operator = OPERATOR.publicKey.toJwk();

/** The good document as JSON, to be spoilt. */
function json(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { ...documentWith(), ...changes };
}

function without(member: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(json()).filter(([name]) => name !== member));
}

const text = (value: string) => new TextEncoder().encode(value);

describe("a document", () => {
  test("is read back as it was written", () => {
    const document = documentWith({ previous: IN_FORCE_ID, maxStatementBytes: 10 });
    const bytes = formatPolicy(document);
    expect(Policy.parse(bytes).document).toStrictEqual(document);
    expect(formatPolicy(Policy.parse(bytes).document)).toStrictEqual(bytes);
    expect(new TextDecoder().decode(bytes)).toMatch(/^\{\n {2}"format": .*\n\}\n$/s);
  });

  test("the first one names an operator, and admits nobody yet", () => {
    const document = firstPolicy({ iss: SERVICE_ISS, key: OPERATOR.publicKey });
    expect(document).toMatchObject({ format: POLICY_FORMAT, previous: null, issuers: [] });
    expect(document.operators).toStrictEqual([{ iss: SERVICE_ISS, keys: [operator] }]);
    expect(document.algorithms).toStrictEqual(
      expect.arrayContaining(ALGORITHMS.map(({ name }) => name)),
    );
    expect(Policy.parse(formatPolicy(document)).document).toStrictEqual(document);
  });

  test.each<[string, Record<string, unknown>]>([
    ["no issuers", json({ issuers: [] })],
    ["an issuer without keys", json({ issuers: [{ iss: VENDOR_ISS, keys: [] }] })],
    [
      "an operator without keys beside one with",
      json({
        operators: [
          { iss: "a", keys: [] },
          { iss: "b", keys: [operator] },
        ],
      }),
    ],
    ["one iss as operator and issuer", json({ issuers: [{ iss: SERVICE_ISS, keys: [key] }] })],
    [
      "a kid of the operator's choice",
      json({ operators: [{ iss: "a", keys: [namedKey(OPERATOR, "op!")] }] }),
    ],
    [
      "one key under two kids",
      json({ issuers: [{ iss: "a", keys: [key, namedKey(VENDOR, "k2!")] }] }),
    ],
    [
      "one key of two issuers",
      json({
        issuers: [
          { iss: "a", keys: [key] },
          { iss: "b", keys: [key] },
        ],
      }),
    ],
    ["one algorithm", json({ algorithms: ["ES256"] })],
    ["no algorithm, so that nothing is admitted", json({ algorithms: [] })],
    [
      "a key that says what it is for",
      json({ issuers: [{ iss: "a", keys: [{ ...key, use: "sig", key_ops: ["verify"] }] }] }),
    ],
  ])("may have %s", (_name, value) => {
    expect(Policy.parse(bytesOf(value)).document.format).toBe(POLICY_FORMAT);
  });
});

type Row = readonly [name: string, bytes: Uint8Array];

const TEXT: readonly Row[] = [
  ["no bytes", new Uint8Array()],
  ["no JSON", text("{")],
  ["two documents", text(`${JSON.stringify(json())} {}`)],
  ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
  ["over 1 MiB", text(" ".repeat(1_048_577))],
  ["null", text("null")],
  ["an array", bytesOf([json()])],
  ["a text", bytesOf("policy")],
];

const MEMBERS: readonly Row[] = [
  ...Object.keys(documentWith()).map((member): Row => [`no ${member}`, bytesOf(without(member))]),
  ["an unknown member", bytesOf(json({ rule: [] }))],
  ["a member in another case", bytesOf(json({ Format: POLICY_FORMAT }))],
  ["a prototype", text(JSON.stringify(json()).replace(/^\{/, '{"__proto__":{"a":1},'))],
  ["members in a prototype", text(`{"__proto__":${JSON.stringify(json())}}`)],
  ["a constructor", bytesOf(json({ constructor: 1 }))],
  ["another format", bytesOf(json({ format: "tallystick-policy/2" }))],
  ["a format in a list", bytesOf(json({ format: [POLICY_FORMAT] }))],
  ["previous of text", bytesOf(json({ previous: "none" }))],
  ["previous in upper case", bytesOf(json({ previous: IN_FORCE_ID.toUpperCase() }))],
  ["previous with a newline", bytesOf(json({ previous: `${IN_FORCE_ID}\n` }))],
  ["previous in a list", bytesOf(json({ previous: [IN_FORCE_ID] }))],
  ["previous that is false", bytesOf(json({ previous: false }))],
  ...[0, -1, 1.5, 2 ** 53, "10", null].map((size): Row => [
    `maxStatementBytes of ${JSON.stringify(size)}`,
    bytesOf(json({ maxStatementBytes: size })),
  ]),
  ["algorithms that are no list", bytesOf(json({ algorithms: "ES256" }))],
  ["an algorithm in lower case", bytesOf(json({ algorithms: ["es256"] }))],
  ["an algorithm by number", bytesOf(json({ algorithms: [-7] }))],
  ["an algorithm of symmetric keys", bytesOf(json({ algorithms: ["ES256", "HS256"] }))],
];

const ISSUERS: readonly Row[] = [
  ["no operator", bytesOf(json({ operators: [] }))],
  ["operators without a key", bytesOf(json({ operators: [{ iss: SERVICE_ISS, keys: [] }] }))],
  [
    "operators that are a map",
    bytesOf(json({ operators: { iss: SERVICE_ISS, keys: [operator] } })),
  ],
  ["issuers that are null", bytesOf(json({ issuers: null }))],
  ["an issuer that is a text", bytesOf(json({ issuers: [VENDOR_ISS] }))],
  ["an issuer without iss", bytesOf(json({ issuers: [{ keys: [key] }] }))],
  ["an issuer without keys", bytesOf(json({ issuers: [{ iss: VENDOR_ISS }] }))],
  ["an empty iss", bytesOf(json({ issuers: [{ iss: "", keys: [key] }] }))],
  ["an iss with a colon that is no URI", bytesOf(json({ issuers: [{ iss: "a: b", keys: [] }] }))],
  ["an iss that is too long", bytesOf(json({ issuers: [{ iss: "a".repeat(8193), keys: [] }] }))],
  [
    "an operator whose iss is no URI",
    bytesOf(json({ operators: [{ iss: "127.0.0.1:8000", keys: [operator] }] })),
  ],
  ["an iss that is a number", bytesOf(json({ issuers: [{ iss: 1, keys: [key] }] }))],
  [
    "an unknown member of an issuer",
    bytesOf(json({ issuers: [{ iss: "a", keys: [], sub: "x" }] })),
  ],
  [
    "a prototype of an issuer",
    text(JSON.stringify(json()).replace('{"iss":', '{"__proto__":{},"iss":')),
  ],
  [
    "an issuer listed twice",
    bytesOf(
      json({
        issuers: [
          { iss: "a", keys: [key] },
          { iss: "a", keys: [] },
        ],
      }),
    ),
  ],
  [
    "an operator listed twice",
    bytesOf(
      json({
        operators: [
          { iss: "a", keys: [operator] },
          { iss: "a", keys: [] },
        ],
      }),
    ),
  ],
  ["keys that are one key", bytesOf(json({ issuers: [{ iss: "a", keys: key }] }))],
  ["a key that is null", bytesOf(json({ issuers: [{ iss: "a", keys: [null] }] }))],
  [
    "a key of an unknown type",
    bytesOf(json({ issuers: [{ iss: "a", keys: [{ kty: "oct", k: "AA" }] }] })),
  ],
  [
    "a key off its curve",
    bytesOf(json({ issuers: [{ iss: "a", keys: [{ ...operator, y: operator.x }] }] })),
  ],
  [
    "a key of small order",
    bytesOf(json({ issuers: [{ iss: "a", keys: [{ ...key, x: "A".repeat(43) }] }] })),
  ],
  [
    "a key whose alg is another's",
    bytesOf(json({ issuers: [{ iss: "a", keys: [{ ...key, alg: "ES256" }] }] })),
  ],
  ["a private key", bytesOf(json({ issuers: [{ iss: "a", keys: [VENDOR.toJwk()] }] }))],
  [
    "a private key of an operator",
    bytesOf(json({ operators: [{ iss: "a", keys: [OPERATOR.toJwk()] }] })),
  ],
  [
    "a key with an empty secret",
    bytesOf(json({ issuers: [{ iss: "a", keys: [{ ...key, d: "" }] }] })),
  ],
  [
    "two keys of an issuer under one kid",
    bytesOf(
      json({ issuers: [{ iss: "a", keys: [namedKey(VENDOR, "k!"), namedKey(STRANGER, "k!")] }] }),
    ),
  ],
  [
    "two keys of an operator under one kid",
    bytesOf(
      json({
        operators: [{ iss: "a", keys: [namedKey(OPERATOR, "k!"), namedKey(STRANGER, "k!")] }],
      }),
    ),
  ],
  [
    "a kid that is another key's thumbprint",
    bytesOf(json({ issuers: [{ iss: "a", keys: [key, namedKey(STRANGER, key.kid ?? "")] }] })),
  ],
];

describe.each([
  ["text", TEXT],
  ["members", MEMBERS],
  ["issuers and operators", ISSUERS],
])("malformed in its %s", (_what, rows) => {
  test.each(rows)("%s", (_name, bytes) => {
    expect(refusal(() => Policy.parse(bytes)).code).toBe("POLICY_MALFORMED");
    expect(refusal(() => parseDocument(bytes)).code).toBe("POLICY_MALFORMED");
  });
});

test("a private key of RSA is refused too", async () => {
  // JSON leaves the undefined member out; the primes stay.
  const jwk = { ...(await PrivateKey.generate("PS256")).toJwk(), d: undefined };
  const bytes = bytesOf(json({ issuers: [{ iss: "a", keys: [jwk] }] }));
  expect(refusal(() => Policy.parse(bytes)).code).toBe("POLICY_MALFORMED");
});

test("nothing of a private key is in the message", () => {
  const bytes = bytesOf(json({ issuers: [{ iss: "a", keys: [VENDOR.toJwk()] }] }));
  const error = refusal(() => Policy.parse(bytes));
  expect(error).toBeInstanceOf(PolicyError);
  expect(error.message).toBe("issuers[0].keys[0] is a private key");
  expect(error.reasons).toStrictEqual([error.message]);
});

describe("everything that is wrong is named at once:", () => {
  const nowhere = { iss: "a: b", keys: [] };

  test.each<[string, unknown, readonly RegExp[]]>([
    [
      "unknown and missing members",
      { ...without("issuers"), rule: [], anchor: 1 },
      [/unknown member "rule"/, /unknown member "anchor"/, /^policy lacks issuers$/],
    ],
    [
      "members of several kinds",
      json({ format: "x", previous: 1, maxStatementBytes: 0, isSubjectOptional: 1 }),
      [/^format /, /^previous /, /^maxStatementBytes /, /^isSubjectOptional /],
    ],
    [
      "items of lists",
      json({
        algorithms: ["ES256", "HS256", "ES256", "none"],
        issuers: [nowhere, { iss: VENDOR_ISS, keys: [{ kty: "oct" }, { ...key, nbf: -1 }] }],
      }),
      [
        /^issuers\[0\]\.iss /,
        /^issuers\[1\]\.keys\[0\]/,
        /^issuers\[1\]\.keys\[1\]\.nbf /,
        /^algorithms\[1\] /,
        /^algorithms\[2\] is listed twice/,
        /^algorithms\[3\] /,
      ],
    ],
    [
      "rules",
      json({
        rules: [
          { name: "one", cel: "nobody", reason: "x" },
          { name: "two", cel: "true", reason: "x" },
          { name: "three", use: "maxBytes", with: { bytes: -1 } },
        ],
      }),
      [/^rules\[0\]: rule one: cel: .*nobody/, /^rules\[2\]: rule three: bytes /],
    ],
    ["what two members say of each other", json({ approvals: 2 }), [/^approvals is 2/]],
    [
      "operators whose keys issuers have as revoked",
      json({ issuers: [{ iss: "a", keys: [{ ...operator, revoked: { from: 0 } }] }] }),
      [/^operators have no key that is not revoked/],
    ],
  ])("%s", (_name, value, reasons) => {
    const found = refusal(() => Policy.parse(bytesOf(value))).reasons;
    expect(found).toHaveLength(reasons.length);
    for (const [at, reason] of reasons.entries()) expect(found[at]).toMatch(reason);
  });

  test("but of very much, the first", () => {
    const issuers = Array.from({ length: 1000 }, () => nowhere);
    const { reasons } = refusal(() => Policy.parse(bytesOf(json({ issuers }))));
    expect(reasons).toHaveLength(33);
    expect(reasons.at(-1)).toBe("and more is wrong beyond these");
  });
});

describe("a document that would take long to read is refused before any of it is:", () => {
  const stranger = STRANGER.publicKey.toJwk();
  const issuers = (count: number): unknown[] =>
    Array.from({ length: count }, (_, n) => ({ iss: `https://${n}.example`, keys: [stranger] }));
  const anchors = (count: number): unknown[] => Array.from({ length: count }, () => ({}));
  let counted = 0;
  const overhead = JSON.stringify([{ name: "long", cel: "true", reason: "" }]).length;
  const rules = (length: number): unknown[] => [
    { name: "long", cel: "true", reason: "x".repeat(length - overhead) },
  ];

  // None of them compiles: what a policy has too much of is told before.
  const expressions = (count: number, length: number): unknown[] =>
    Array.from({ length: count }, () => {
      const name = `e${length}-${counted++}`;
      return { name, cel: "(".repeat(length), reason: "no" };
    });
  const schemas = (count: number, members: number): unknown[] =>
    Array.from({ length: count }, () => {
      const properties = Object.fromEntries(Array.from({ length: members }, (_, n) => [n, {}]));
      const schema = { unknown: 1, properties };
      const name = `s${counted++}`;
      return { name, use: "payloadSchema", with: { contentTypes: ["text/plain"], schema } };
    });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ["1025 keys", { issuers: issuers(1024) }, /^operators and issuers have 1025 keys, want 1024/],
    ["257 anchors", { anchors: anchors(257) }, /^anchors are 257, want 256 at most$/],
    [
      "long expressions",
      { rules: expressions(4, 8192).concat(expressions(1, 4)) },
      /^rules: their expressions have 32772 characters, want 32768 at most$/,
    ],
    [
      "many schemas",
      { rules: schemas(20, 0) },
      /^rules: their schemas come to 2020 subschemas, 100 for each .* want 2000 at most$/,
    ],
    [
      "schemas with many subschemas",
      { rules: schemas(2, 900) },
      /^rules: their schemas come to 2002 subschemas/,
    ],
    ["long rules", { rules: rules(131_073) }, /^rules have 131073 characters, want 131072/],
  ])("%s", (_name, changes, reason) => {
    const { code, reasons } = refusal(() => Policy.parse(bytesOf(json(changes))));
    expect([code, reasons]).toEqual(["POLICY_MALFORMED", [expect.stringMatching(reason)]]);
  });

  test("and one on the limit is read", () => {
    expect(Policy.parse(bytesOf(json({ issuers: issuers(1023) }))).issuers).toHaveLength(1023);
    const misread = (changes: Record<string, unknown>): readonly string[] =>
      refusal(() => Policy.parse(bytesOf(json(changes)))).reasons;
    expect(misread({ anchors: anchors(256) })[0]).toMatch(/^anchors\[0\] lacks certificate/);
    expect(misread({ rules: rules(131_072) })[0]).toMatch(/^rules\[0\]: .*reason is not/);
    expect(misread({ rules: expressions(4, 8192) })[0]).toMatch(/^rules\[0\]: rule .*: cel/);
    expect(misread({ rules: schemas(2, 899) })[0]).toMatch(/^rules\[0\]: rule .*: schema/);
  });
});

test("formatting refuses what parsing would", () => {
  const conflict = [{ iss: "a", keys: [namedKey(VENDOR, "k!"), namedKey(STRANGER, "k!")] }];
  const wrong: Partial<PolicyDocument>[] = [
    { operators: [] },
    { previous: "x" },
    { maxStatementBytes: 0 },
    { issuers: conflict },
    { algorithms: ["HS256"] },
  ];
  for (const change of wrong) {
    expect(refusal(() => formatPolicy(documentWith(change))).code).toBe("POLICY_MALFORMED");
  }
});
