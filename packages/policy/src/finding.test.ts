import { expect, jest, test } from "@jest/globals";

import { reportWith, signJws } from "./testing/report.js";
import { bytesOf, statement, STRANGER } from "./testing/sample.js";

jest.unstable_mockModule("@tallystick/content/schema", () => ({
  checkBomSchema: () => Promise.resolve("x".repeat(9000)),
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
