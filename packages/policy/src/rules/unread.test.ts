import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { VerifiedStatement } from "@tallystick/statement";

import { Admission } from "../admission.js";
import { CONTENT_LIMITS } from "../content-facts.js";
import { PolicyError } from "../error.js";
import type { RuleDocument } from "../rule.js";
import { reportWith, signJws } from "../testing/report.js";
import { bytesOf, stateWith, statement, TIME } from "../testing/sample.js";

const LAB = await PrivateKey.generate("ES512");
const MAKER = await PrivateKey.generate("ES256");

const ready = (use: string, parameters: object): RuleDocument =>
  ({ name: "rule", use, with: parameters }) as RuleDocument;
const RIM = ready("rimSignature", { keys: [{ provider: "ACME", key: MAKER.publicKey.toJwk() }] });
const REVIEW = ready("reviewSignature", {
  keys: [{ provider: "Lab", key: LAB.publicKey.toJwk() }],
});
const VENDORS = ready("reportVendor", { vendors: { "https://other.example": ["V"] } });
const NOTICES = ready("noticeIssuer", {});
const BOMS = ready("bomSchema", {});
const OTHER_TYPES = ready("reviewSignature", {
  keys: [{ provider: "Lab", key: LAB.publicKey.toJwk() }],
  contentTypes: ["application/vnd.example"],
});

/** Without a list of content types: what is refused is so for what it may be. */
async function reasonsOf(
  rule: RuleDocument,
  payload: Uint8Array,
  contentType: string,
): Promise<readonly string[]> {
  const state = await stateWith({ rules: [rule] });
  const signed = await statement({ payload, contentType });
  const verified = await VerifiedStatement.verify(signed, state.inForce.policy, { time: TIME });
  try {
    Admission.admit(verified, state, TIME);
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return error.reasons;
    throw error;
  }
}

/** More items than rules look at, and fewer than others do. */
const MANY = CONTENT_LIMITS.maxItems + 4464;
const TAG_501 = [0xd9, 0x01, 0xf5];
const COMID = [
  ...[0xd9, 0x01, 0xfa, 0x58, 0x18, 0xa2, 0x01, 0xa1, 0x00, 0x61, 0x61, 0x04, 0xa1, 0x00, 0x81],
  // One reference: of the vendor V, a measurement with a name and nothing else.
  ...[0x82, 0xa1, 0x00, 0xa1, 0x01, 0x61, 0x56, 0x81, 0xa1, 0x01, 0xa1, 0x0b, 0x61, 0x6e],
];

/** The profile of reports, as member 3. */
const PROFILE = [
  ...[0x03, 0xd8, 0x6f, 0x4a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xf4, 0x17, 0x01, 0x01],
];

/** Yields the map of a report without tags in it, with so many items, which are not read. */
function reportMap(pad: number): readonly number[] {
  const [head = 0, ...rest] = corimMap(pad);
  return [head + 1, ...rest, ...PROFILE];
}

/** Yields the map of a CoRIM, with a member that is of no matter and of so many items. */
function corimMap(pad: number): readonly number[] {
  const more = [0x18, 0x63, 0x9a, 0, pad >> 16, (pad >> 8) & 255, pad & 255];
  const padding = pad === 0 ? [] : [...more, ...new Uint8Array(pad)];
  return [pad === 0 ? 0xa2 : 0xa3, 0x00, 0x61, 0x78, 0x01, 0x81, ...COMID, ...padding];
}

/** Yields a byte string of CBOR. */
function bytesIn(payload: readonly number[]): readonly number[] {
  const { length } = payload;
  const wide = [length >> 16, (length >> 8) & 255, length & 255];
  if (length < 24) return [0x40 | length, ...payload];
  if (length < 256) return [0x58, length, ...payload];
  return length < 65_536 ? [0x59, ...wide.slice(1), ...payload] : [0x5a, 0, ...wide, ...payload];
}

/** Yields a COSE_Sign1 by ES256 that nobody signed. */
function forged(payload: readonly number[]): Uint8Array {
  const head = [0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26, 0xa0];
  return Uint8Array.from([...head, ...bytesIn(payload), 0x58, 0x40, ...new Uint8Array(64)]);
}

const tagged = (pad: number): readonly number[] => [...TAG_501, ...corimMap(pad)];
const CORIM = Uint8Array.from(tagged(0));
const PADDED = Uint8Array.from(tagged(MANY));
const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 3);
const SWID = `<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" name="a" tagId="b">`;
const textOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const UNSIGNED_SWID = textOf(`${SWID}</SoftwareIdentity>`);
const ZEROS = Array.from({ length: MANY }, () => 0);
const REPORT = reportWith();
const NOTICE = {
  format: "tallystick-revoke/1",
  target: "11".repeat(32),
  reason: "r",
  issuer: "https://x.example",
};

const UNREAD = /^rule rule: the payload cannot be read: /;
const NAMED = /the content type names a manifest, and none can be read/;
const UNSIGNED = /the manifest is not signed inside/;

describe("rimSignature without content types", () => {
  test.each<readonly [string, Uint8Array, string, RegExp]>([
    ["a small CoRIM without a signature", CORIM, "application/rim+cbor", UNSIGNED],
    ["a padded one", PADDED, "application/rim+cbor", UNREAD],
    ["a padded one as CBOR", PADDED, "application/cbor", UNREAD],
    ["a padded one as bytes", PADDED, "application/octet-stream", UNREAD],
    ["one that is cut short", cut(CORIM), "application/cbor", UNREAD],
    ["a forged signature", forged(tagged(0)), "application/cbor", /CONTENT_SIGNATURE_INVALID/],
    ["a forged signature of a padded one", forged(tagged(MANY)), "application/rim+cose", UNREAD],
    ["the same as CBOR", forged(tagged(MANY)), "application/cbor", UNREAD],
    ["a message that is cut short", cut(forged(tagged(0))), "application/cose", UNREAD],
    [
      "a message around a CoRIM that is cut short",
      forged([...TAG_501, 0xa2]),
      "text/plain",
      UNREAD,
    ],
    ["one without a tag", Uint8Array.from(corimMap(0)), "application/rim+cbor", NAMED],
    ["a message around one without a tag", forged(corimMap(0)), "application/rim+cose", NAMED],
    ["a padded one in a message", forged(corimMap(MANY)), "application/rim+cose", UNREAD],
    ["a text that is called a manifest", textOf("x"), "application/rim+cose; a=b", NAMED],
    ["nothing that is called a manifest", new Uint8Array(), "application/rim+cbor", NAMED],
    ["JSON that does not end, called a manifest", textOf("{"), "Application/RIM+CBOR", UNREAD],
    ["a SWID tag without a signature", UNSIGNED_SWID, "application/xml", UNSIGNED],
    ["one that does not end, by its type", textOf(SWID), "application/swid+xml", UNREAD],
    ["one that does not end, as text", textOf(SWID), "text/plain", UNREAD],
    ["a tag that does not end", textOf(` \n${SWID}`), "text/xml", UNREAD],
  ])("refuses %s", async (...[, payload, contentType, why]) => {
    expect(payload.length).toBeLessThan(CONTENT_LIMITS.maxBytes);
    expect(await reasonsOf(RIM, payload, contentType)).toEqual([expect.stringMatching(why)]);
  });

  test.each<readonly [string, Uint8Array, string]>([
    ["JSON that does not end", textOf("{"), "application/json"],
    ["a padded report", bytesOf({ ...REPORT, pad: ZEROS }), "application/json"],
    ["a bill of a version that is not read", bytesOf({ spdxVersion: "SPDX-2.2" }), "text/plain"],
    ["another document in XML", textOf("<svg/>"), "application/xml"],
    ["a message around a text", forged([0x61, 0x61]), "application/cose"],
    ["a message around another map", forged([0xa1, 0x01, 0x02]), "application/cose"],
    ["what is of no type that is known", PADDED, "application/x-other"],
  ])("lets pass what is none: %s", async (...[, payload, contentType]) => {
    expect(await reasonsOf(RIM, payload, contentType)).toEqual([]);
  });
});

const part = (text: string): string => Buffer.from(text).toString("base64url");
const REPORT_TEXT = new TextDecoder().decode(bytesOf(REPORT));
const CUT_JWS = textOf(`${part('{"alg":"ES384"}')}.${part(REPORT_TEXT.slice(0, -1))}.AAAA`);
const ESCAPED = textOf(REPORT_TEXT.slice(0, -1).replace("audit", "\\u0061udit"));
const JWT = [part('{"alg":"ES256"}'), part('{"iss":"a","iat":1.5}'), "AAAA"].join(".");
const NESTED = [part('{"alg":"ES256","cty":"JWT"}'), part(JWT), "AAAA"].join(".");
const DETACHED = [part('{"alg":"ES256"}'), "", "AAAA"].join(".");
const LOG = '{"at":1,"device":"a"}\n{"at":2}\n';
const PROTOTYPE = '{"constructor":{"name":"a"}}';
const DEEP = `${'{"a":'.repeat(40)}1${"}".repeat(40)}`;
const TEXT = [0x64, 0x74, 0x65, 0x78, 0x74];
const FLOAT = [0xf9, 0x3e, 0x00];

/** Yields a COSE_Sign around bytes, by so many signers. */
function signedBy(count: number, payload: readonly number[]): Uint8Array {
  const signers = Array.from({ length: count }, () => [0x83, 0x43, 0xa1, 0x01, 0x26, 0xa0, 0x40]);
  const head = [0xd8, 0x62, 0x84, 0x40, 0xa0, ...bytesIn(payload)];
  return Uint8Array.from([...head, 0x80 | count, ...signers.flat()]);
}

/** Yields a COSE_Sign1 around bytes, with an `iat` that is a float. */
function issuedAt(payload: readonly number[]): Uint8Array {
  const header = [0xa2, 0x01, 0x26, 0x0f, 0xa1, 0x06, ...FLOAT];
  return Uint8Array.from([0xd2, 0x84, ...bytesIn(header), 0xa0, ...bytesIn(payload), 0x40]);
}

const MANY_KEYS = [
  ...[0xb9, 0x05, 0x00],
  ...Array.from({ length: 1280 }, (_, i) => [0x19, 0x10 | (i >> 8), i & 255, 0]).flat(),
];
/** What is of no kind, however it looks, by content types that leave the kind open. */
const HONEST: readonly (readonly [string, Uint8Array, string])[] = [
  ["a version", textOf("7.0.1"), "text/plain"],
  ["the name of a host", textOf("www.example.com\n"), "text/plain"],
  ["a word with dots that begins as a header", textOf("eyJ.abc.def"), "text/plain"],
  ["a JWS around no JSON", textOf("e30.AAAA.AAAA"), "application/jose"],
  ["a JWT", textOf(JWT), "application/jwt"],
  ["a JWT in a JWT", textOf(NESTED), "application/jose"],
  ["a detached JWS", textOf(DETACHED), "application/jose"],
  ["a text in Kazakh", textOf("\u049bала"), "text/plain"],
  ["bytes that begin as a tag", Uint8Array.of(0xd2, 0x00, 0x01), "application/octet-stream"],
  ["bytes that begin as another", Uint8Array.of(0xd8, 0x62, 0x01), "application/octet-stream"],
  ["a text by two signers", signedBy(2, TEXT), "application/cose"],
  ["a map by two signers", signedBy(2, [0xa1, 0x01, 0x02]), "application/cose"],
  ["a text with a float in the header", issuedAt(TEXT), "application/cose"],
  ["a map with a float in the header", issuedAt([0xa1, 0x01, 0x02]), "application/cose"],
  ["claims with a float", forged([0xa1, 0x06, ...FLOAT]), "application/cose"],
  ["a map with a key of bytes", forged([0xa1, 0x41, 0x01, 0x02]), "application/cose"],
  ["a map of many keys", forged(MANY_KEYS), "application/cose"],
  ["a page", textOf("<!DOCTYPE html><p>a<br>b"), "text/plain"],
  ["a line of syslog", textOf("<34>1 2026-01-01T00:00:00Z host su - - -"), "text/plain"],
  ["XML with what is not read", textOf("<a><![CDATA[b]]><?c d?></a>"), "application/xml"],
  ["lines of JSON", textOf(LOG), "text/plain"],
  ["JSON with a member of a prototype", textOf(PROTOTYPE), "application/json"],
  ["JSON of many levels", textOf(DEEP), "application/json"],
];

test.each<readonly [string, RuleDocument]>([
  ["rimSignature", RIM],
  ["reviewSignature", REVIEW],
  ["reviewSignature, with other content types", OTHER_TYPES],
  ["reportVendor", VENDORS],
  ["noticeIssuer", NOTICES],
  ["bomSchema", BOMS],
])("%s lets pass what is of no kind", async (_name, rule) => {
  for (const [name, payload, contentType] of HONEST) {
    expect([name, await reasonsOf(rule, payload, contentType)]).toEqual([name, []]);
  }
});

test.each<readonly [string, Uint8Array, RegExp]>([
  ["that does not end and has entities", textOf('<!DOCTYPE a [<!ENTITY b "c">]><a>'), UNREAD],
  ["in UTF-16", Uint8Array.from([0x3c, 0, 0x61, 0, 0x3e, 0]), UNREAD],
  ["with what is not read", textOf(`${SWID}<![CDATA[b]]></SoftwareIdentity>`), UNREAD],
])("rimSignature refuses XML %s", async (...[, payload, why]) => {
  expect(await reasonsOf(RIM, payload, "text/plain")).toEqual([expect.stringMatching(why)]);
});

test("rimSignature refuses a manifest by two signers, where a header names it", async () => {
  const header = [0xa1, 0x03, 0x74, ...textOf("application/rim+cbor")];
  const signer = [0x83, 0x40, 0xa0, 0x40];
  const body = [0xd8, 0x62, 0x84, ...bytesIn(header), 0xa0, ...bytesIn(corimMap(0))];
  const payload = Uint8Array.from([...body, 0x82, ...signer, ...signer]);
  const why = /CONTENT_STRUCTURE_INVALID: .*are not exactly one/;
  expect(await reasonsOf(RIM, payload, "application/cose")).toEqual([expect.stringMatching(why)]);
});

test("reviewSignature has nothing to do with a large bill of materials that says what it is", async () => {
  const bom = bytesOf({ bomFormat: "CycloneDX", specVersion: "1.6", pad: "x".repeat(300_000) });
  expect(await reasonsOf(REVIEW, bom, "application/vnd.cyclonedx+json")).toEqual([]);
  const json = "application/json";
  expect(await reasonsOf(REVIEW, bom, json)).toEqual([expect.stringMatching(UNREAD)]);
});

const SIGNED = await signJws(bytesOf({ ...REPORT, pad: ZEROS }), LAB);

describe("reviewSignature without content types", () => {
  test.each<readonly [string, Uint8Array, string]>([
    ["a padded report", bytesOf({ ...REPORT, pad: ZEROS }), "application/json"],
    ["a report that does not end", cut(bytesOf(REPORT)), "application/json"],
    ["a padded one that is signed", SIGNED, "application/jose"],
    ["a signed one that does not end", CUT_JWS, "application/jose"],
    ["a report with escapes that does not end", ESCAPED, "application/json"],
    ["a padded CoRIM", PADDED, "application/cbor"],
    ["a CoRIM that is cut short", cut(CORIM), "application/cbor"],
    ["a padded one in a message", forged(tagged(MANY)), "application/cose"],
    ["a padded one in a message, without a tag", forged(reportMap(MANY)), "application/cose"],
    ["a message that is cut short", cut(forged(tagged(0))), "application/octet-stream"],
  ])("refuses %s", async (...[, payload, contentType]) => {
    expect(await reasonsOf(REVIEW, payload, contentType)).toEqual([expect.stringMatching(UNREAD)]);
  });

  test.each<readonly [string, Uint8Array, string]>([
    ["a small manifest", CORIM, "application/cbor"],
    ["a bill of a version that is not read", bytesOf({ spdxVersion: "SPDX-2.2" }), "text/plain"],
    ["a SWID tag that does not end", textOf(SWID), "application/xml"],
    ["a message around a text", forged([0x61, 0x61]), "application/cose"],
    ["a text that is called a manifest", textOf("x"), "application/rim+cose"],
  ])("lets pass what is none: %s", async (...[, payload, contentType]) => {
    expect(await reasonsOf(REVIEW, payload, contentType)).toEqual([]);
  });
});

test.each<readonly [string, RuleDocument, object, RegExp]>([
  ["reportVendor", VENDORS, REPORT, /does not publish/],
  ["noticeIssuer", NOTICES, NOTICE, /is neither that of the target/],
])("%s refuses what it would refuse, and what is padded as well", async (...row) => {
  const [, rule, value, why] = row;
  const json = "application/json";
  expect(await reasonsOf(rule, bytesOf(value), json)).toEqual([expect.stringMatching(why)]);
  const padded = bytesOf({ ...value, pad: ZEROS });
  expect(await reasonsOf(rule, padded, json)).toEqual([expect.stringMatching(UNREAD)]);
});
