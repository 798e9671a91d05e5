import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { PolicyError } from "./error.js";
import { Policy } from "./policy.js";
import { ROOT_BASE64, ROOT_PEM } from "./testing/certificate.js";
import {
  IN_FORCE_ID,
  OPERATOR,
  RECEIPT,
  SERVICE_ISS,
  STRANGER,
  VENDOR,
  bytesOf,
  documentWith,
  fullDocument,
  namedKey,
} from "./testing/sample.js";

const text = readFileSync(
  new URL("../../../docs/formats/policy.schema.json", import.meta.url),
  "utf8",
);
// Alternatives of one object are not strict: they name members that stand beside them.
const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false });
const isValid = ajv.compile(JSON.parse(text) as object);

/** Yields why the parser refuses the document, `undefined` when it takes it. */
function refusalOf(value: unknown): string | undefined {
  try {
    Policy.parse(bytesOf(value));
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError && error.code === "POLICY_MALFORMED") return error.message;
    throw error;
  }
}

const key = VENDOR.publicKey.toJwk();
const operator = OPERATOR.publicKey.toJwk();
const withKey = (changes: object) =>
  documentWith({ issuers: [{ iss: "a", keys: [{ ...key, ...changes }] }] });
const spoilt = (changes: Readonly<Record<string, unknown>>) => ({ ...documentWith(), ...changes });
const anchored = (changes: object) =>
  spoilt({ anchors: [{ certificate: ROOT_BASE64, ...changes }] });
const receiptKey = (changes: object) => spoilt({ receiptKeys: [{ ...RECEIPT, ...changes }] });
const rule = { name: "r", cel: "true", reason: "no" };

test.each<[string, unknown]>([
  ["the first policy", documentWith()],
  ["one with every member", fullDocument()],
  ["no issuers", documentWith({ issuers: [] })],
  ["a previous one", documentWith({ previous: IN_FORCE_ID })],
  ["a key of another type", withKey(operator)],
  ["a kid", documentWith({ issuers: [{ iss: "a", keys: [namedKey(VENDOR, "k!")] }] })],
  ["a window", withKey({ nbf: 0, exp: 1 })],
  ["a revocation", withKey({ revoked: { from: 0 } })],
  ["a PEM", anchored({ certificate: ROOT_PEM })],
  ["empty lists", spoilt({ anchors: [], selfContained: [], contentTypes: [], rules: [] })],
  ["a receipt key", documentWith({ receiptKeys: [RECEIPT] })],
  ["two, one with a kid", documentWith({ receiptKeys: [RECEIPT, namedKey(STRANGER, "k!")] })],
  ["a content type in other characters", spoilt({ contentTypes: ["\u{1f600}".repeat(255)] })],
])("schema and parser take %s", (_name, document) => {
  expect(refusalOf(document)).toBeUndefined();
  isValid(document);
  expect(isValid.errors ?? []).toStrictEqual([]);
});

// The second column begins the message, so it names the place.
test.each<[string, string, unknown]>([
  ["null", "policy is not", null],
  ["an unknown member", 'policy has the unknown member "x", want', spoilt({ x: 1 })],
  ["another format", "format", spoilt({ format: "tallystick-policy/2" })],
  ["previous in upper case", "previous", spoilt({ previous: "AB".repeat(32) })],
  ["previous with a newline", "previous", spoilt({ previous: `${IN_FORCE_ID}\n` })],
  ["no operators", "operators", spoilt({ operators: [] })],
  ["no approvals", "approvals", spoilt({ approvals: 0 })],
  ["half an approval", "approvals", spoilt({ approvals: 1.5 })],
  ["approvals that are null", "approvals", spoilt({ approvals: null })],
  ["issuers in a map", "issuers", spoilt({ issuers: {} })],
  ["an issuer without keys", "issuers[0] lacks keys", spoilt({ issuers: [{ iss: "a" }] })],
  ["an empty iss", "issuers[0].iss", spoilt({ issuers: [{ iss: "", keys: [] }] })],
  ["an iss that is no URI", "issuers[0].iss", spoilt({ issuers: [{ iss: "a: b", keys: [] }] })],
  [
    "an unknown member of an issuer",
    'issuers[0] has the unknown member "y"',
    spoilt({ issuers: [{ iss: "a", keys: [], y: 1 }] }),
  ],
  [
    "an unknown member of a key",
    'issuers[0].keys[0] has the unknown member "nfb"',
    withKey({ nfb: 1 }),
  ],
  ["a private key", "issuers[0].keys[0] is a private", withKey({ d: "AA" })],
  ["an unknown kty", "issuers[0].keys[0]", withKey({ kty: "oct" })],
  ["a key for encryption", "issuers[0].keys[0]", withKey({ use: "enc" })],
  ["a key that verifies nothing", "issuers[0].keys[0]", withKey({ key_ops: ["sign"] })],
  ["an empty kid", "issuers[0].keys[0]", withKey({ kid: "" })],
  ["nbf of text", "issuers[0].keys[0].nbf", withKey({ nbf: "0" })],
  ["nbf below zero", "issuers[0].keys[0].nbf", withKey({ nbf: -1 })],
  ["nbf of a half", "issuers[0].keys[0].nbf", withKey({ nbf: 0.5 })],
  ["exp of zero", "issuers[0].keys[0].exp", withKey({ exp: 0 })],
  ["exp beyond safe integers", "issuers[0].keys[0].exp", withKey({ exp: 2 ** 53 })],
  ["revoked that is true", "issuers[0].keys[0].revoked", withKey({ revoked: true })],
  ["revoked from nowhere", "issuers[0].keys[0].revoked lacks from", withKey({ revoked: {} })],
  ["revoked from -1", "issuers[0].keys[0].revoked.from", withKey({ revoked: { from: -1 } })],
  [
    "an empty reason",
    "issuers[0].keys[0].revoked.reason",
    withKey({ revoked: { from: 0, reason: "" } }),
  ],
  [
    "a long reason",
    "issuers[0].keys[0].revoked.reason",
    withKey({ revoked: { from: 0, reason: "a".repeat(257) } }),
  ],
  [
    "an unknown member of a revocation",
    'issuers[0].keys[0].revoked has the unknown member "until"',
    withKey({ revoked: { from: 0, until: 1 } }),
  ],
  ["anchors that are null", "anchors", spoilt({ anchors: null })],
  ["an anchor without certificate", "anchors[0] lacks", spoilt({ anchors: [{ issuers: [] }] })],
  ["a certificate of no bytes", "anchors[0].certificate", anchored({ certificate: "" })],
  ["a certificate in base64url", "anchors[0].certificate", anchored({ certificate: "-_-_" })],
  ["a certificate with a newline", "anchors[0].certificate", anchored({ certificate: "AA==\n" })],
  ["an anchor's iss that is no text", "anchors[0].issuers[0]", anchored({ issuers: [1] })],
  ["an anchor's iss twice", "anchors[0].issuers[1] is", anchored({ issuers: ["a", "a"] })],
  ["an unknown binding", "anchors[0].bindings[0]", anchored({ bindings: ["cn"] })],
  ["a binding twice", "anchors[0].bindings[1]", anchored({ bindings: ["san", "san"] })],
  [
    "an unknown member of an anchor",
    'anchors[0] has the unknown member "iss"',
    anchored({ iss: 1 }),
  ],
  ["an unknown DID method", "selfContained[0]", spoilt({ selfContained: ["did:web"] })],
  ["a DID method twice", "selfContained[1]", spoilt({ selfContained: ["did:key", "did:key"] })],
  ["an unknown algorithm", "algorithms[0]", spoilt({ algorithms: ["HS256"] })],
  ["an algorithm twice", "algorithms[1]", spoilt({ algorithms: ["ES256", "ES256"] })],
  ["an empty content type", "contentTypes[0]", spoilt({ contentTypes: [""] })],
  ["a content type below zero", "contentTypes[0]", spoilt({ contentTypes: [-1] })],
  ["a content type over 65535", "contentTypes[0]", spoilt({ contentTypes: [65_536] })],
  ["a content type twice", "contentTypes[1]", spoilt({ contentTypes: [50, 50] })],
  ["no room", "maxStatementBytes", spoilt({ maxStatementBytes: 0 })],
  ["a flag of text", "isSubjectOptional", spoilt({ isSubjectOptional: "yes" })],
  ["a flag of one", "acceptsSingleCertificateArray", spoilt({ acceptsSingleCertificateArray: 1 })],
  ["rules in a map", "rules", spoilt({ rules: {} })],
  [
    "65 rules",
    "rules",
    spoilt({ rules: Array.from({ length: 65 }, (_, i) => ({ ...rule, name: `${i}` })) }),
  ],
  ["a rule without name", "rules[0]", spoilt({ rules: [{ cel: "true", reason: "no" }] })],
  ["a rule with a long name", "rules[0]", spoilt({ rules: [{ ...rule, name: "a".repeat(65) }] })],
  ["a rule of nothing", "rules[0]", spoilt({ rules: [{ name: "r" }] })],
  ["an expression without reason", "rules[0]", spoilt({ rules: [{ name: "r", cel: "true" }] })],
  [
    "an expression and a ready rule",
    "rules[0]",
    spoilt({ rules: [{ ...rule, use: "maxBytes", with: { bytes: 9 } }] }),
  ],
  [
    "a ready rule without parameters",
    "rules[0]",
    spoilt({ rules: [{ name: "r", use: "maxBytes" }] }),
  ],
  ["no receipt keys", "receiptKeys are 0", spoilt({ receiptKeys: [] })],
  ["17 receipt keys", "receiptKeys are 17", spoilt({ receiptKeys: Array(17).fill(RECEIPT) })],
  ["receipt keys in a map", "receiptKeys is not a list", spoilt({ receiptKeys: {} })],
  ["a receipt key that is no key", "receiptKeys[0]", spoilt({ receiptKeys: ["k"] })],
  ["a private receipt key", "receiptKeys[0] is a private", receiptKey({ d: "AA" })],
  ["a receipt key with a term", "receiptKeys[0] has the unknown member", receiptKey({ exp: 9 })],
  ["one that is revoked", "receiptKeys[0] has the", receiptKey({ revoked: { from: 0 } })],
  ["a receipt key for encryption", "receiptKeys[0]", receiptKey({ use: "enc" })],
  ["a receipt key of no known type", "receiptKeys[0]", receiptKey({ kty: "oct" })],
])("schema and parser refuse %s", (_name, message, document) => {
  const refused = refusalOf(document);
  expect(refused?.slice(0, message.length)).toBe(message);
  expect(isValid(document)).toBe(false);
});

/** What a schema cannot say: the parser alone refuses it, with a message like this. */
const BEYOND: readonly (readonly [string, RegExp, unknown])[] = [
  [
    "one name, or one certificate, twice",
    /listed twice$/,
    spoilt({
      issuers: [
        { iss: "a", keys: [] },
        { iss: "a", keys: [key] },
      ],
    }),
  ],
  ["a receipt key twice", /\[1\] is listed twice$/, spoilt({ receiptKeys: [RECEIPT, RECEIPT] })],
  [
    "a receipt key of another algorithm",
    /^receiptKeys\[0\]: /,
    spoilt({ receiptKeys: [{ ...RECEIPT, alg: "ES256" }] }),
  ],
  [
    "a receipt key that is an operator's",
    /^receiptKeys\[1\] is a key of an operator or an issuer too$/,
    spoilt({ receiptKeys: [RECEIPT, operator] }),
  ],
  [
    "a receipt key that is an issuer's, under another kid",
    /^receiptKeys\[0\] is a key of an operator or an issuer too$/,
    spoilt({ receiptKeys: [namedKey(VENDOR, "k!")] }),
  ],
  ["numbers that are no key", /keys\[\d+\]: /, withKey({ x: "A".repeat(43) })],
  [
    "two keys of an issuer under one kid",
    /answer to one kid$/,
    spoilt({ issuers: [{ iss: "a", keys: [namedKey(VENDOR, "k!"), namedKey(STRANGER, "k!")] }] }),
  ],
  [
    "a key with two sets of terms",
    /another nbf, exp or revoked$/,
    spoilt({ issuers: [{ iss: "a", keys: [key, { ...namedKey(VENDOR, "k!"), nbf: 1 }] }] }),
  ],
  ["a window that is never open", /exp is not after nbf/, withKey({ nbf: 2, exp: 2 })],
  [
    "operators who all lost their keys",
    /operators have no key/,
    spoilt({ operators: [{ iss: "a", keys: [{ ...operator, revoked: { from: 0 } }] }] }),
  ],
  ["more approvals than operators", /^approvals is 2, and 1 of/, spoilt({ approvals: 2 })],
  [
    "a key that two operators share",
    /have the same key$/,
    spoilt({
      operators: [
        { iss: "a", keys: [operator] },
        { iss: "b", keys: [operator] },
      ],
    }),
  ],
  ["bytes that are no certificate", /\.certificate/, anchored({ certificate: "AAAA" })],
  ["rules that do not compile", /^rules\[\d+\]/, undefined],
  ["text that is not strict JSON", /surrogate|nested|items/, undefined],
];

describe("the parser alone refuses", () => {
  test.each(BEYOND.filter(([, , document]) => document !== undefined))(
    "%s",
    (_name, message, document) => {
      expect(refusalOf(document)).toMatch(message);
      expect(isValid(document)).toBe(true);
    },
  );

  test("nothing else, and takes nothing that the schema refuses", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.constantFrom("set", "add", "drop"),
        fc.jsonValue(),
        (at, how, value) => {
          const document: unknown = JSON.parse(JSON.stringify(fullDocument()));
          spoil(document, { at, how, value });
          const refused = refusalOf(document);
          if (refused === undefined || !BEYOND.some(([, message]) => message.test(refused))) {
            expect([isValid(document), refused]).toStrictEqual([refused === undefined, refused]);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

/** Changes one member of one object or list in the document. */
function spoil(
  document: unknown,
  { at, how, value }: { readonly at: number; readonly how: string; readonly value: unknown },
): void {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const name of Object.keys(node)) {
      places.push([node as Record<string, unknown>, name]);
      collect((node as Record<string, unknown>)[name]);
    }
  };
  collect(document);
  const [node, name] = places[at % places.length] ?? [{}, ""];
  if (how === "set") node[name] = value;
  else if (Array.isArray(node)) node.push(value);
  else if (how === "add") node[`${name}x`] = value;
  else Reflect.deleteProperty(node, name);
}

test("the sample has every member that the schema knows", () => {
  const { properties } = JSON.parse(text) as { properties: object };
  expect(Object.keys(fullDocument()).sort()).toStrictEqual(Object.keys(properties).sort());
  expect(fullDocument().operators[0]?.iss).toBe(SERVICE_ISS);
});
