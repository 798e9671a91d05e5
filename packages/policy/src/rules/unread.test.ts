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

/** Yields the map of a CoRIM, with a member that is of no matter and of so many items. */
function corimMap(pad: number): readonly number[] {
  const more = [0x18, 0x63, 0x9a, 0, pad >> 16, (pad >> 8) & 255, pad & 255];
  const padding = pad === 0 ? [] : [...more, ...new Uint8Array(pad)];
  return [pad === 0 ? 0xa2 : 0xa3, 0x00, 0x61, 0x78, 0x01, 0x81, ...COMID, ...padding];
}

/** Yields a COSE_Sign1 by ES256 that nobody signed. */
function forged(payload: readonly number[]): Uint8Array {
  const { length } = payload;
  const wide = [0x5a, 0, length >> 16, (length >> 8) & 255, length & 255];
  const narrow = length < 24 ? [0x40 | length] : [0x58, length];
  const head = [0xd2, 0x84, 0x43, 0xa1, 0x01, 0x26, 0xa0, ...(length < 256 ? narrow : wide)];
  return Uint8Array.from([...head, ...payload, 0x58, 0x40, ...new Uint8Array(64)]);
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

const SIGNED = await signJws(bytesOf({ ...REPORT, pad: ZEROS }), LAB);

describe("reviewSignature without content types", () => {
  test.each<readonly [string, Uint8Array, string]>([
    ["a padded report", bytesOf({ ...REPORT, pad: ZEROS }), "application/json"],
    ["a report that does not end", cut(bytesOf(REPORT)), "application/json"],
    ["a padded one that is signed", SIGNED, "application/jose"],
    ["a JWS around no JSON", textOf("e30.AAAA.AAAA"), "application/jose"],
    ["a padded CoRIM", PADDED, "application/cbor"],
    ["a CoRIM that is cut short", cut(CORIM), "application/cbor"],
    ["a padded one in a message", forged(tagged(MANY)), "application/cose"],
    ["a padded one in a message, without a tag", forged(corimMap(MANY)), "application/cose"],
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
