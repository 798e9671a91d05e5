import { describe, expect, test } from "@jest/globals";
import { VerifiedStatement } from "@tallystick/statement";

import { Admission } from "../admission.js";
import { PolicyError } from "../error.js";
import type { RuleDocument } from "../rule.js";
import { TIME, bytesOf, policyWith, stateWith, statement } from "../testing/sample.js";

const TYPE = "application/vnd.cyclonedx+json";
const rule = (parameters: object = {}): RuleDocument =>
  ({ name: "schema", use: "bomSchema", with: parameters }) as RuleDocument;
const BOM = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };
const UNSOUND = { ...BOM, more: 1 };
const SPDX = {
  ...{ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", dataLicense: "CC0-1.0", name: "rom" },
  documentNamespace: "https://vendor.example/rom",
  creationInfo: { created: "2026-11-01T00:00:00Z", creators: ["Tool: ours"] },
};

async function reasonsOf(
  document: RuleDocument,
  payload: Uint8Array,
  contentType: string,
): Promise<readonly string[]> {
  const state = await stateWith({ rules: [document] });
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

describe("bomSchema", () => {
  test.each([
    ["CycloneDX", rule(), bytesOf(BOM), TYPE],
    ["SPDX", rule({ contentTypes: [TYPE, "application/json"] }), bytesOf(SPDX), "application/json"],
    ["what is no bill of materials", rule(), bytesOf({ a: 1 }), "application/json"],
    ["what is of an unknown type", rule(), bytesOf(UNSOUND), "application/vnd.example"],
  ] as const)("admits %s", async (...[, document, payload, contentType]) => {
    expect(await reasonsOf(document, payload, contentType)).toStrictEqual([]);
  });

  test.each([
    ["what the schema does not take", rule(), bytesOf(UNSOUND), TYPE, /must NOT have additional/],
    ["the same by structure", rule(), bytesOf(UNSOUND), "application/json", /additional/],
    [
      "SPDX without its licence",
      rule(),
      bytesOf({ ...SPDX, dataLicense: "MIT" }),
      "text/plain",
      /dataLicense/,
    ],
    ["what cannot be read", rule(), bytesOf({ ...BOM, components: 1 }), TYPE, /cannot be read/],
    [
      "something else under its type",
      rule({ contentTypes: [TYPE] }),
      bytesOf({ ...BOM, specVersion: "1.2" }),
      TYPE,
      /want a bill of materials/,
    ],
  ] as const)("refuses %s", async (...[, document, payload, contentType, why]) => {
    const [reason, ...more] = await reasonsOf(document, payload, contentType);
    expect(reason).toMatch(why);
    expect(more).toStrictEqual([]);
  });

  test("is not decided by what was found out under another policy", async () => {
    const signed = await statement({ payload: bytesOf(BOM), contentType: TYPE });
    const verified = await VerifiedStatement.verify(signed, policyWith(), { time: TIME });
    const state = await stateWith({ rules: [rule()] });
    expect(() => Admission.admit(verified, state, TIME)).toThrow(/was not looked at/);
    const again = await verified.verifyAgain(state.inForce.policy, { time: TIME });
    expect(Admission.is(Admission.admit(again, state, TIME))).toBe(true);
    const same = await again.verifyAgain(policyWith({ rules: [rule()] }), { time: TIME });
    expect(same.finding).toBe(again.finding);
  });
});
