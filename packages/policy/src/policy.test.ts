import { describe, expect, test } from "@jest/globals";
import { POLICY_MEDIA_TYPE } from "./document.js";
import { Policy, isPolicyStatement } from "./policy.js";
import {
  OPERATOR,
  SERVICE_ISS,
  STRANGER,
  VENDOR,
  VENDOR_ISS,
  bytesOf,
  documentWith,
  policyWith,
  proposal,
  statement,
} from "./testing/sample.js";

const policy = policyWith();

describe("T7: the key of a statement is", () => {
  test("the issuer's, for an ordinary one", async () => {
    expect(policy.resolve(await statement())?.thumbprint()).toStrictEqual(VENDOR.publicKey.kid);
  });

  test("the operator's, for a policy", async () => {
    const found = policy.resolve(await proposal(documentWith()));
    expect(found?.thumbprint()).toStrictEqual(OPERATOR.publicKey.thumbprint());
  });

  test("unknown for an operator's ordinary statement, and for an issuer's policy", async () => {
    expect(policy.resolve(await statement({ issuer: SERVICE_ISS }, OPERATOR))).toBeUndefined();
    const byVendor = await proposal(documentWith(), { issuer: VENDOR_ISS }, VENDOR);
    expect(policy.resolve(byVendor)).toBeUndefined();
  });

  test("unknown for another key, and for the key under another name", async () => {
    expect(policy.resolve(await statement({}, STRANGER))).toBeUndefined();
    expect(policy.resolve(await statement({ issuer: "https://other.example" }))).toBeUndefined();
    const asService = await proposal(documentWith(), { issuer: VENDOR_ISS });
    expect(policy.resolve(asService)).toBeUndefined();
  });

  test("both, for a key that is listed as both", async () => {
    const keys = [OPERATOR.publicKey.toJwk()];
    const both = policyWith({ issuers: [{ iss: SERVICE_ISS, keys }] });
    expect(both.resolve(await statement({ issuer: SERVICE_ISS }, OPERATOR))).toBeDefined();
    expect(both.resolve(await proposal(documentWith()))).toBeDefined();
  });
});

test("the same bytes are parsed once, until four others have come", () => {
  const bytes = (size: number): Uint8Array => bytesOf(documentWith({ maxStatementBytes: size }));
  const first = Policy.parse(bytes(1));
  for (const size of [2, 3, 4]) Policy.parse(bytes(size));
  expect(Policy.parse(bytes(1))).toBe(first);
  for (const size of [5, 6, 7, 8]) Policy.parse(bytes(size));
  const again = Policy.parse(bytes(1));
  expect(again).not.toBe(first);
  expect(again.document).toStrictEqual(first.document);
});

test("issuers are listed for others to show", () => {
  expect(policy.issuers.map(({ iss, keys }) => [iss, keys.length])).toStrictEqual([
    [VENDOR_ISS, 1],
  ]);
  expect(Object.isFrozen(policy)).toBe(true);
});

test.each([
  [POLICY_MEDIA_TYPE, true],
  [POLICY_MEDIA_TYPE.toUpperCase(), false],
  [`${POLICY_MEDIA_TYPE};charset=utf-8`, false],
  [` ${POLICY_MEDIA_TYPE}`, false],
  ["application/json", false],
])("the content type %s makes a policy: %s", async (contentType, want) => {
  expect(isPolicyStatement(await statement({ contentType }))).toBe(want);
});
