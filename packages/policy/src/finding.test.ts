import { expect, jest, test } from "@jest/globals";

import { bytesOf, statement } from "./testing/sample.js";

jest.unstable_mockModule("@tallystick/content/schema", () => ({
  checkBomSchema: () => Promise.resolve("x".repeat(9000)),
}));

// Only what is imported from here on finds the schemas replaced.
const { Finding } = await import("./finding.js");

const ASKED = { reviewKeys: [], asksForSchema: true };
const TYPE = "application/vnd.cyclonedx+json";
const BOM = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };

test("what is said of a document is short, whatever is in it", async () => {
  const signed = await statement({ payload: bytesOf(BOM), contentType: TYPE });
  const { schema } = await Finding.find(signed, ASKED, undefined);
  expect(schema?.problem).toBe("x".repeat(512));
});
