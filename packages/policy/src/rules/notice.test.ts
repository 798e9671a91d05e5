import { describe, expect, test } from "@jest/globals";
import { VerifiedStatement } from "@tallystick/statement";

import { Admission } from "../admission.js";
import { PolicyError } from "../error.js";
import type { RuleDocument } from "../rule.js";
import {
  STRANGER,
  TIME,
  VENDOR_ISS,
  bytesOf,
  policyWith,
  stateWith,
  statement,
} from "../testing/sample.js";

const OWN: RuleDocument = { name: "own", use: "noticeIssuer", with: {} };
const REVOCATION = {
  contentType: "application/json",
  payload: bytesOf({
    ...{ format: "tallystick-revoke/1", target: "11".repeat(32) },
    ...{ issuer: VENDOR_ISS, reason: "lost" },
  }),
};

describe("the issuer of a notice", () => {
  test("is whose key the policy lists for it", async () => {
    const state = await stateWith({ rules: [OWN] });
    const policy = state.inForce.policy;
    const verified = await VerifiedStatement.verify(await statement(REVOCATION), policy, {
      time: TIME,
    });
    expect(Admission.admit(verified, state, TIME).time).toBe(TIME);
  });

  test("is nobody else who writes its name", async () => {
    const state = await stateWith({ rules: [OWN] });
    const claiming = await statement(REVOCATION, STRANGER);
    const verifying = VerifiedStatement.verify(claiming, state.inForce.policy, { time: TIME });
    await expect(verifying).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
    // Verified under a policy that lists the stranger for that name, and admitted under this one.
    const elsewhere = policyWith({
      issuers: [{ iss: VENDOR_ISS, keys: [{ ...STRANGER.publicKey.toJwk() }] }],
    });
    const verified = await VerifiedStatement.verify(claiming, elsewhere, { time: TIME });
    expect(() => Admission.admit(verified, state, TIME)).toThrow(PolicyError);
  });
});
