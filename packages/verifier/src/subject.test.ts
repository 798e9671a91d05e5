import { CLAIM, LABEL, signSign1, type CborValue } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";
import { expect, test } from "@jest/globals";
import { verifyTransparentStatement } from "./transparent.js";
import { ARTIFACT, ISSUERS, VENDOR, VENDOR_ISS, transparent } from "./testing/sample.js";
import { makeService, trustIn } from "./testing/service.js";

test("IS7: a statement without sub, which the policy of its log let pass, verifies", async () => {
  const protectedHeader = new Map<number, CborValue>([
    [LABEL.contentType, "application/json"],
    [LABEL.cwtClaims, new Map([[CLAIM.iss, VENDOR_ISS]])],
    [LABEL.kid, VENDOR.publicKey.kid],
  ]);
  const bytes = await signSign1({ protectedHeader, payload: ARTIFACT }, VENDOR);
  const bare = SignedStatement.decode(bytes, { isSubjectOptional: true });
  const alpha = await makeService("alpha");
  const trust = trustIn([alpha], { issuers: ISSUERS });
  const verified = await verifyTransparentStatement(await transparent([alpha], bare), trust);
  expect(verified.isIssuerVerified).toBe(true);
  expect(verified.statement.claims.subject).toBeUndefined();
});
