import { beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { firstPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import type { KeyDocument } from "@tallystick/statement";
import type { TrustedIssuersDocument } from "@tallystick/verifier";

import { trustedIssuers } from "./policy-issuers.js";

const OPERATOR = "https://log.example";
const VENDOR = "https://vendor.example";
const AT = { origin: "log.example/log", index: 3 };

let operator: KeyDocument;
let lost: KeyDocument;
let vendor: KeyDocument;
let first: PolicyDocument;

beforeAll(async () => {
  const keys = [0, 1, 2].map(() => PrivateKey.generate("Ed25519"));
  const [one, two, three] = await Promise.all(keys);
  if (!one || !two || !three) throw new Error("no keys");
  first = firstPolicy({ iss: OPERATOR, key: one.publicKey });
  [operator, lost, vendor] = [one, two, three].map(({ publicKey }) => publicKey.toJwk()) as [
    KeyDocument,
    KeyDocument,
    KeyDocument,
  ];
});

const revoked = (key: KeyDocument, from: number): KeyDocument => ({ ...key, revoked: { from } });
const exported = (key: KeyDocument, from: number): KeyDocument => ({
  ...key,
  revoked: { from, origin: AT.origin },
});
const among = (...keys: readonly KeyDocument[]): Partial<PolicyDocument> => ({
  operators: [{ iss: OPERATOR, keys: [operator, ...keys] }],
});
const issuing = (
  ...keys: readonly KeyDocument[]
): { readonly issuers: PolicyDocument["issuers"] } => ({
  issuers: [{ iss: VENDOR, keys }],
});

describe("what a trust file takes over from a policy", () => {
  test.each<[string, () => Partial<PolicyDocument>, () => TrustedIssuersDocument]>([
    ["nobody, where a policy admits nobody any more", () => ({}), () => ({ issuers: [] })],
    ["issuers, and no operators", () => issuing(vendor), () => issuing(vendor)],
    [
      "a revocation, with its log",
      () => issuing(revoked(vendor, 4)),
      () => issuing(exported(vendor, 4)),
    ],
    [
      "what operators revoke of an issuer",
      () => ({ ...issuing(vendor), ...among(revoked(vendor, 4)) }),
      () => issuing(exported(vendor, 4)),
    ],
    [
      "the earlier of two revocations, the operators'",
      () => ({ ...issuing(revoked(vendor, 5)), ...among(revoked(vendor, 4)) }),
      () => issuing(exported(vendor, 4)),
    ],
    [
      "the earlier of two revocations, the issuers'",
      () => ({ ...issuing(revoked(vendor, 3)), ...among(revoked(vendor, 4)) }),
      () => issuing(exported(vendor, 3)),
    ],
    [
      "a lost key of an operator, which certificates and DIDs may have",
      () => ({ selfContained: ["did:jwk"], ...issuing(vendor), ...among(revoked(lost, 4)) }),
      () => ({
        issuers: [
          { iss: VENDOR, keys: [vendor] },
          { iss: OPERATOR, keys: [exported(lost, 4)] },
        ],
        selfContained: ["did:jwk"],
      }),
    ],
  ])("%s", (_name, changes, wanted) => {
    expect(trustedIssuers({ ...first, ...changes() }, AT)).toEqual(wanted());
  });

  test("nothing, where the first policy admits nobody yet", () => {
    expect(trustedIssuers(first, { ...AT, index: 0 })).toEqual({});
  });
});
