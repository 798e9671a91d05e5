import { SignedStatement, attachReceipts } from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { verifyConsistency } from "./consistency.js";
import { VerifierError } from "./error.js";
import { verifyTransparentStatement } from "./transparent.js";
import { TrustStore } from "./trust.js";
import { ISSUERS, STATEMENT, transparent } from "./testing/sample.js";
import { makeService, pinned, receiptFor, trustIn } from "./testing/service.js";

const service = await makeService("alpha");
const trust = trustIn([service], { issuers: ISSUERS });
const good = await transparent([service]);
const receipt = await receiptFor(service, STATEMENT.entry);

/** Yields whether the bytes verify, and fails the test on anything but this package's error. */
async function isVerified(pending: Promise<unknown>): Promise<boolean> {
  try {
    await pending;
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(VerifierError);
    return false;
  }
}

describe("any bytes", () => {
  test("give a verdict or this package's error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await isVerified(verifyTransparentStatement(bytes, trust))).toBe(false);
        const old = { size: 1, root: STATEMENT.entry };
        expect(await isVerified(verifyConsistency(bytes, trust, old))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("as receipts never vouch, and never keep a good one from vouching", async () => {
    const rubbish = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rubbish, rubbish, async (before, after) => {
        const bytes = attachReceipts(STATEMENT, [...before, receipt, ...after]);
        expect(await isVerified(verifyTransparentStatement(bytes, trust))).toBe(true);
        if (before.length === 0) return;
        const alone = attachReceipts(STATEMENT, before);
        expect(await isVerified(verifyTransparentStatement(alone, trust))).toBe(false);
      }),
    );
  });

  test("in the place of good ones verify only if they say the same", async () => {
    const at = fc.nat({ max: good.length - 1 });
    const splice = fc.uint8Array({ minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(at, splice, async (offset, changed) => {
        const bytes = Uint8Array.of(
          ...good.subarray(0, offset),
          ...changed,
          ...good.subarray(offset + changed.length),
        );
        const isSame = Buffer.from(bytes).equals(Buffer.from(good));
        expect(await isVerified(verifyTransparentStatement(bytes, trust))).toBe(isSame);
      }),
      { numRuns: 1000 },
    );
    expect(SignedStatement.decode(good).entryId).toBe(STATEMENT.entryId);
  });
});

test("any text gives a trust store or this package's error", () => {
  const json = { services: [pinned(service)], issuers: ISSUERS, requireReceipts: 1 };
  const spoilt = fc
    .tuple(fc.constantFrom("services", "issuers", "requireReceipts", "more"), fc.jsonValue())
    .map(([member, value]) => JSON.stringify({ ...json, [member]: value }));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), spoilt), (text) => {
      try {
        expect(TrustStore.parse(text).services.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(VerifierError);
      }
    }),
    { numRuns: 1000 },
  );
});
