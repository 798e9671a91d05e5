import { expect, jest, test } from "@jest/globals";
import { ContentError } from "@tallystick/content";
import { parseCertificates } from "@tallystick/statement";

import { ROOT_PEM } from "./testing/certificate.js";
import { reportWith, signJws } from "./testing/report.js";
import { bytesOf, statement, STRANGER } from "./testing/sample.js";

const missing = (): Promise<never> =>
  Promise.reject(new ContentError("CONTENT_PART_MISSING", "verified under Node alone"));
const checkBomSchema = jest.fn(() => Promise.resolve("x".repeat(9000)));

jest.unstable_mockModule("@tallystick/content/schema", () => ({ checkBomSchema }));
// As browsers find it.
jest.unstable_mockModule("@tallystick/content/swid-signature", () => ({
  findSwidAuthorities: missing,
}));

// Only what is imported from here on finds the schemas replaced.
const { Finding } = await import("./finding.js");

const ASKED = { reviewKeys: [], rimAuthorities: { keys: [], anchors: [] }, asksForSchema: true };
const TYPE = "application/vnd.cyclonedx+json";
const BOM = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };

test("what is said of a document is short, whatever is in it", async () => {
  const signed = await statement({ payload: bytesOf(BOM), contentType: TYPE });
  const { schema } = await Finding.find(signed, ASKED, undefined);
  expect(schema?.problem).toBe("x".repeat(512));
});

const SIGNED_TAG = `<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
  xmlns:h="http://www.w3.org/2001/04/xmlenc#sha384" tagId="tag-1" name="GPU" version="1.0">
  <Entity name="Example Silicon" role="tagCreator"/>
  <Payload><Resource type="Measurement" index="1" active="True" alternatives="1" name="one"
    h:Hash0="${"ab".repeat(48)}"/></Payload>
  <Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></SoftwareIdentity>`;

test("nothing is found out where what it takes is not here, so that no decision follows", async () => {
  const code = "CONTENT_PART_MISSING";
  const bom = await statement({ payload: bytesOf(BOM), contentType: TYPE });
  checkBomSchema.mockImplementationOnce(missing);
  await expect(Finding.find(bom, ASKED, undefined)).rejects.toMatchObject({ code });
  const swid = await statement({
    payload: new TextEncoder().encode(SIGNED_TAG),
    contentType: "application/swid+xml",
  });
  const rimAuthorities = { keys: [], anchors: parseCertificates(ROOT_PEM) };
  await expect(Finding.find(swid, { ...ASKED, rimAuthorities }, undefined)).rejects.toMatchObject({
    code,
  });
});

const JWS = await signJws(bytesOf(reportWith()), STRANGER, { alg: "ES256", kid: "lab" });
const REPORT_TYPE = "application/vnd.ocp.safe-sfr+json";

test.each([
  ["a signed report", JWS, "application/jose", 0],
  ["a report by its type", bytesOf(reportWith()), REPORT_TYPE, 0],
  ["what is of an unknown type", bytesOf(BOM), "application/vnd.example", 0],
  ["a bill of materials", bytesOf(BOM), TYPE, 1],
  ["one by its structure", bytesOf(BOM), "application/json", 1],
])("is looked for by reading what may be one alone: %s", async (...row) => {
  const [, payload, contentType, count] = row;
  const signed = await statement({ payload, contentType });
  const decode = jest.spyOn(TextDecoder.prototype, "decode");
  const { schema } = await Finding.find(signed, ASKED, undefined);
  const calls = decode.mock.calls.length;
  decode.mockRestore();
  expect([Math.min(calls, 1), schema === undefined]).toStrictEqual([count, count === 0]);
});
