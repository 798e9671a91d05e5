import { describe, expect, test } from "@jest/globals";
import { encodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import {
  IssuerKeys,
  VerifiedStatement,
  signHashEnvelope,
  signStatement,
  SignedStatement,
} from "@tallystick/statement";

import { COST_BUDGET } from "./cel/meter.js";
import { factsOf } from "./facts.js";
import type { Facts } from "./facts.js";
import { compileRule, parseRule } from "./rule.js";
import { TIME, VENDOR, VENDOR_ISS, bytesOf } from "./testing/sample.js";

const AUTHORITY = new IssuerKeys([{ iss: VENDOR_ISS, keys: [VENDOR.publicKey] }]);

interface Sample {
  readonly subject?: string;
  readonly contentType?: string | number;
  readonly payload?: Uint8Array;
  readonly issuedAt?: number;
}

async function factsWith(sample: Sample = {}): Promise<Facts> {
  const bytes = await signStatement(
    {
      issuer: VENDOR_ISS,
      subject: "pkg:oci/app@1.2",
      contentType: "application/json",
      payload: bytesOf({ svn: 3, build: { by: "ci" }, tags: ["a"] }),
      ...sample,
    },
    VENDOR,
  );
  return factsOf(await VerifiedStatement.verify(SignedStatement.decode(bytes), AUTHORITY), TIME);
}

async function envelopeFacts(contentType: string): Promise<Facts> {
  const claims = { issuer: VENDOR_ISS, subject: "pkg:oci/app@1.2" };
  const preimage = new Uint8Array(10);
  const bytes = await signHashEnvelope(
    { ...claims, hash: "sha-256", preimage, contentType },
    VENDOR,
  );
  return factsOf(await VerifiedStatement.verify(SignedStatement.decode(bytes), AUTHORITY), TIME);
}

const cbor = (value: CborValue): Sample => ({
  contentType: "application/cbor",
  payload: encodeCbor(value),
});

const PIN = `sha256:${"ab".repeat(32)}`;
const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: { svn: { type: "integer", minimum: 2 }, by: { $ref: "#/$defs/name" } },
  required: ["svn"],
  $defs: { name: { type: "string", pattern: "^[a-z]+$" } },
};

type Row = readonly [
  name: string,
  use: string,
  parameters: object,
  sample: Sample,
  refused: string | undefined,
];

const ROWS: readonly Row[] = [
  ["a listed issuer", "issuers", { any: [VENDOR_ISS] }, {}, undefined],
  [
    "another issuer",
    "issuers",
    { any: ["https://a.example", "https://b.example"] },
    {},
    'issuer "https://vendor.example" is not one of "https://a.example", "https://b.example"',
  ],
  ["a subject with the prefix", "subject", { prefix: "pkg:oci/" }, {}, undefined],
  [
    "a subject without the prefix",
    "subject",
    { prefix: "pkg:npm/" },
    {},
    'subject "pkg:oci/app@1.2" does not start with "pkg:npm/"',
  ],
  [
    "a subject of the pattern",
    "subject",
    { pattern: "pkg:(npm|oci)/[a-z]+@[0-9.]+" },
    {},
    undefined,
  ],
  [
    "a subject that has the pattern inside",
    "subject",
    { pattern: "oci" },
    {},
    'subject "pkg:oci/app@1.2" does not match "oci"',
  ],
  [
    "a subject made to backtrack",
    "subject",
    { pattern: "(a+)+" },
    { subject: `${"a".repeat(5000)}!` },
    `subject "${"a".repeat(100)}…" does not match "(a+)+"`,
  ],
  ["a listed algorithm", "algorithms", { any: ["Ed25519", "EdDSA"] }, {}, undefined],
  [
    "another algorithm",
    "algorithms",
    { any: ["ES256", "ES384"] },
    {},
    "algorithm EdDSA is not one of ES256, ES384",
  ],
  [
    "a listed type, with parameters",
    "contentTypes",
    { any: ["application/json"] },
    { contentType: "Application/JSON; charset=utf-8" },
    undefined,
  ],
  [
    "a listed number of a type",
    "contentTypes",
    { any: [50, "text/plain"] },
    { contentType: 50 },
    undefined,
  ],
  [
    "another type",
    "contentTypes",
    { any: ["text/plain", 60] },
    {},
    'content type "application/json" is not one of "text/plain", 60',
  ],
  ["few bytes", "maxBytes", { bytes: 1000 }, {}, undefined],
  [
    "many bytes of another type",
    "maxBytes",
    { bytes: 10, contentTypes: ["text/plain"] },
    {},
    undefined,
  ],
  [
    "a payload in the statement",
    "hashEnvelopeOnly",
    { contentTypes: ["application/json"] },
    {},
    'content of type "application/json" stands in the statement itself, want a hash envelope',
  ],
  [
    "a payload of another type",
    "hashEnvelopeOnly",
    { contentTypes: ["text/plain"] },
    {},
    undefined,
  ],
  [
    "no certificate",
    "certificatePin",
    { fingerprint: PIN },
    {},
    `no certificate identifies the issuer, want ${PIN}`,
  ],
  ["a version high enough", "minimumSvn", { path: ["svn"], atLeast: 3 }, {}, undefined],
  [
    "a version too low",
    "minimumSvn",
    { path: ["svn"], atLeast: 4 },
    {},
    'payload member "svn" is 3, want at least 4',
  ],
  [
    "a version that is missing",
    "minimumSvn",
    { path: ["build", "svn"], atLeast: 4 },
    {},
    'payload member "build" / "svn" is missing, want an integer of at least 4',
  ],
  [
    "a version that is text",
    "minimumSvn",
    { path: ["build", "by"], atLeast: 4 },
    {},
    'payload member "build" / "by" is no integer of up to 64 bits, want at least 4',
  ],
  [
    "a version in CBOR",
    "minimumSvn",
    { path: [-1, 0], atLeast: 4 },
    cbor(new Map([[-1, [5]]])),
    undefined,
  ],
  [
    "a version beyond 64 bits",
    "minimumSvn",
    { path: ["a"], atLeast: 4 },
    cbor(new Map([["a", 2n ** 64n - 1n]])),
    'payload member "a" is no integer of up to 64 bits, want at least 4',
  ],
  [
    "a version that JSON readers round",
    "minimumSvn",
    { path: ["svn"], atLeast: 4 },
    { payload: new TextEncoder().encode('{"svn":9007199254740993}') },
    'payload member "svn" is beyond 2^53 - 1, up to which numbers are exact, want an integer of at least 4',
  ],
  [
    "a version in text",
    "minimumSvn",
    { path: ["svn"], atLeast: 4 },
    { contentType: "text/plain" },
    'the payload cannot be read: its content type "text/plain" is neither JSON nor CBOR',
  ],
  [
    "a member of a prototype",
    "minimumSvn",
    { path: ["__proto__", "constructor"], atLeast: 0 },
    {},
    'payload member "__proto__" / "constructor" is missing, want an integer of at least 0',
  ],
  [
    "a recent statement",
    "iatWindow",
    { maxAgeSeconds: 60, maxAheadSeconds: 5 },
    { issuedAt: TIME - 60 },
    undefined,
  ],
  [
    "an old statement",
    "iatWindow",
    { maxAgeSeconds: 60, maxAheadSeconds: 5 },
    { issuedAt: TIME - 61 },
    "it was issued 61 seconds ago, want 60 at most",
  ],
  [
    "a statement of the future",
    "iatWindow",
    { maxAgeSeconds: 60, maxAheadSeconds: 5 },
    { issuedAt: TIME + 6 },
    "it was issued 6 seconds in the future, want 5 at most",
  ],
  [
    "a statement without a time",
    "iatWindow",
    { maxAgeSeconds: 60, maxAheadSeconds: 5 },
    {},
    "claim iat (6) is missing",
  ],
  [
    "claims that are there",
    "requiredClaims",
    { claims: ["iss", 2, "iat", 6] },
    { issuedAt: 1 },
    undefined,
  ],
  [
    "claims that are missing",
    "requiredClaims",
    { claims: ["iss", "exp", 300] },
    {},
    'claims "exp", 300 missing, want "iss", "exp", 300',
  ],
  [
    "JSON of the schema",
    "payloadSchema",
    { contentTypes: ["application/json"], schema: SCHEMA },
    {},
    undefined,
  ],
  [
    "JSON that is out of the schema",
    "payloadSchema",
    { contentTypes: ["application/json"], schema: SCHEMA },
    { payload: bytesOf({ svn: 1 }) },
    "the payload at /svn must be >= 2",
  ],
  [
    "JSON that lacks a member",
    "payloadSchema",
    { contentTypes: ["application/json"], schema: SCHEMA },
    { payload: bytesOf({}) },
    "the payload must have required property 'svn'",
  ],
  [
    "JSON that does not match",
    "payloadSchema",
    { contentTypes: ["application/json"], schema: SCHEMA },
    { payload: bytesOf({ svn: 2, by: "A" }) },
    'the payload at /by must match pattern "^[a-z]+$"',
  ],
  [
    "JSON with a member twice",
    "payloadSchema",
    { contentTypes: ["application/json"], schema: SCHEMA },
    { payload: new TextEncoder().encode('{"svn":2,"svn":3}') },
    expect.stringMatching(
      /^the payload cannot be read: it is no strict JSON: /,
    ) as unknown as string,
  ],
  [
    "CBOR for a schema",
    "payloadSchema",
    { contentTypes: ["application/cbor"], schema: SCHEMA },
    cbor(new Map()),
    "the payload is CBOR, want JSON for the schema",
  ],
  [
    "a type that the schema is not for",
    "payloadSchema",
    { contentTypes: ["text/plain"], schema: SCHEMA },
    { payload: bytesOf(1) },
    undefined,
  ],
  [
    "a payload made for a costly pattern",
    "payloadSchema",
    {
      contentTypes: ["application/json"],
      schema: { type: "array", items: { type: "string", pattern: "(?i)(a|b)*a(a|b){12}b$" } },
    },
    { payload: bytesOf(Array.from({ length: 10 }, () => "ab".repeat(10_000))) },
    `cannot be decided: the rules cost more than ${COST_BUDGET} units to evaluate`,
  ],
];

describe("a ready rule lets pass, or refuses with what it saw and wanted:", () => {
  test.each(ROWS)("%s", async (...row) => {
    const [, use, parameters, sample, refused] = row;
    const rule = compileRule(parseRule({ name: "r1", use, with: parameters }));
    const found = rule.refusal(await factsWith(sample));
    if (refused === undefined) expect(found).toBeUndefined();
    else expect(found?.replace(/^rule r1: /, "")).toEqual(refused);
    expect(found === undefined || found.startsWith("rule r1: ")).toBe(true);
  });

  test("many bytes", async () => {
    const rule = compileRule({ name: "small", use: "maxBytes", with: { bytes: 10 } });
    const facts = await factsWith();
    const { length } = facts.statement.normalised;
    expect(rule.refusal(facts)).toBe(
      `rule small: the statement has ${length} bytes, want 10 at most`,
    );
  });

  test("a hash envelope, by the type of the preimage", async () => {
    const facts = await envelopeFacts("text/spdx");
    const apply = (
      use: "contentTypes" | "hashEnvelopeOnly" | "minimumSvn",
      parameters: Readonly<Record<string, unknown>>,
    ): string | undefined => compileRule({ name: "r", use, with: parameters }).refusal(facts);
    expect(apply("contentTypes", { any: ["text/spdx"] })).toBeUndefined();
    expect(apply("hashEnvelopeOnly", {})).toBeUndefined();
    expect(apply("minimumSvn", { path: ["a"], atLeast: 0 })).toBe(
      "rule r: the payload cannot be read: it is the digest of a hash envelope",
    );
  });

  test("a reason of the policy's own takes the place of the rule's", async () => {
    const rule = compileRule({
      name: "r",
      use: "issuers",
      with: { any: ["x"] },
      reason: "ask at the desk",
    });
    expect(rule.refusal(await factsWith())).toBe("rule r: ask at the desk");
  });
});

describe("a rule of CEL", () => {
  const rule = (cel: string): ReturnType<typeof compileRule> =>
    compileRule(parseRule({ name: "c", cel, reason: "the version is too low" }));

  test("lets pass what it holds for", async () => {
    expect(rule("payload.svn >= 3").refusal(await factsWith())).toBeUndefined();
  });

  test("refuses what it does not hold for, with its reason", async () => {
    expect(rule("payload.svn >= 4").refusal(await factsWith())).toBe(
      "rule c: the version is too low",
    );
  });

  test("refuses what it cannot decide, and says why", async () => {
    expect(rule("payload.x >= 4").refusal(await factsWith())).toBe(
      "rule c: cannot be decided: field not found: x",
    );
  });
});
