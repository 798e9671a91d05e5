import { describe, expect, test } from "@jest/globals";
import { encodeCbor } from "@tallystick/cose";
import {
  IssuerKeys,
  SignedStatement,
  VerifiedStatement,
  signStatement,
} from "@tallystick/statement";
import fc from "fast-check";

import { CelProgram } from "./cel/program.js";
import { FACT_SHAPES } from "./fact-shapes.js";
import { MAX_PAYLOAD_BYTES, factsOf } from "./facts.js";
import type { Facts } from "./facts.js";
import { TIME, VENDOR, VENDOR_ISS, bytesOf } from "./testing/sample.js";

const AUTHORITY = new IssuerKeys([{ iss: VENDOR_ISS, keys: [VENDOR.publicKey] }]);

async function factsWith(contentType: string | number, payload: Uint8Array): Promise<Facts> {
  const content = { issuer: VENDOR_ISS, subject: "app", issuedAt: 5, contentType, payload };
  const statement = SignedStatement.decode(await signStatement(content, VENDOR));
  return factsOf(await VerifiedStatement.verify(statement, AUTHORITY), TIME);
}

function holds(expression: string, { bindings }: Facts): unknown {
  return CelProgram.compile(expression, FACT_SHAPES).evaluate(bindings);
}

const json = bytesOf({
  a: [1, 1.5, null, "x"],
  constructor: 1,
  exact: 2 ** 53 - 1,
  wide: 2 ** 53,
});
const cbor = encodeCbor(
  new Map<number | string, number | bigint | Uint8Array>([
    [-7, 1],
    ["bytes", new Uint8Array([255])],
    ["wide", 2n ** 64n - 1n],
    ["long", 2n ** 63n - 1n],
  ]),
);

describe("an expression sees", () => {
  test.each([
    [
      "the identity",
      'identity.kind == "key" && identity.iss == "https://vendor.example" && identity.did == ""',
    ],
    ["the key", "size(identity.thumbprint) == 64 && size(identity.kid) > 0"],
    [
      "the statement",
      'statement.alg == "EdDSA" && statement.bytes > 100 && size(statement.entryId) == 64',
    ],
    [
      "claims by name",
      'statement.claims.iss == identity.iss && statement.claims.sub == "app" && statement.claims.iat == 5',
    ],
    [
      "headers by label",
      "statement.headers[3] == statement.contentType && statement.headers[15][2] == statement.claims.sub",
    ],
    ["no hash envelope", "!statement.isHashEnvelope && statement.hashEnvelope == null"],
    ["no certificate", "certificate == null && chain == []"],
    ["the time", "int(time) == 1800000000"],
    [
      "JSON",
      'payload.a == [1, 1.5, null, "x"] && payload.constructor == 1 && !has(payload.toString)',
    ],
    ["integers as int", "type(payload.a[0]) == int && type(payload.a[1]) == double"],
    [
      "numbers that JSON readers round as double",
      "type(payload.wide) == double && type(payload.exact) == int",
    ],
    ["no problem", "payloadProblem == null && payloadBytes > 10"],
  ])("%s", async (_, expression) => {
    expect(holds(expression, await factsWith("application/json", json))).toEqual({ holds: true });
  });

  test("CBOR, with integers beyond 64 bits as their digits", async () => {
    const facts = await factsWith(60, cbor);
    const expression =
      'payload[-7] == 1 && payload.bytes == b"\\xff" && payload.wide == "18446744073709551615" && payload.long == 9223372036854775807';
    expect(holds(expression, facts)).toEqual({ holds: true });
  });
});

describe("a payload is told to be read or not by its content type:", () => {
  test.each([
    ["JSON by suffix", "application/spdx+json; x=y", json, undefined],
    ["JSON by number", 50, json, undefined],
    ["CBOR by suffix", "application/rim+cbor", cbor, undefined],
    ["another type", "text/plain", json, 'its content type "text/plain" is neither JSON nor CBOR'],
    ["another number", 42, json, "its content type 42 is neither JSON nor CBOR"],
    ["broken JSON", "application/json", new Uint8Array([123]), /^it is no strict JSON: /],
    ["broken CBOR", "application/cbor", new Uint8Array([0xbf, 0xff]), /^it is no strict CBOR: /],
    [
      "deep JSON",
      50,
      new TextEncoder().encode("[".repeat(40) + "]".repeat(40)),
      /^it is no strict JSON: /,
    ],
    [
      "a long payload",
      50,
      new Uint8Array(MAX_PAYLOAD_BYTES + 1),
      "it has 262145 bytes, and rules look into 262144 at most",
    ],
  ])("%s", async (...row) => {
    const [, contentType, payload, problem] = row;
    const found = (await factsWith(contentType, payload)).payload;
    if (problem instanceof RegExp) expect(found.problem).toMatch(problem);
    else expect(found.problem).toBe(problem);
    expect(found.value === null).toBe(problem !== undefined);
  });
});

test("facts of any payload are there, whatever it holds", async () => {
  const content = fc.tuple(
    fc.constantFrom("application/json", 50, "application/cbor", 60, "text/plain"),
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
    ),
  );
  await fc.assert(
    fc.asyncProperty(content, async ([contentType, payload]) => {
      const facts = await factsWith(contentType, payload);
      expect(new Set(Object.keys(facts.bindings))).toEqual(
        new Set([...FACT_SHAPES.keys()].filter((name) => name !== "content")),
      );
    }),
    { numRuns: 60 },
  );
});
