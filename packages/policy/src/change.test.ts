import { PublicKey } from "@tallystick/cose";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import { Admission } from "./admission.js";
import { POLICY_SUBJECT, firstPolicy, signPolicy, withIssuerKey } from "./change.js";
import { formatPolicy } from "./document.js";
import { Policy, isPolicyStatement } from "./policy.js";
import { PolicyState } from "./state.js";
import { refusal, rejection } from "./testing/refusal.js";
import {
  IN_FORCE_ID,
  OPERATOR,
  SERVICE_ISS,
  STRANGER,
  TIME,
  VENDOR,
  VENDOR_ISS,
  documentWith,
  namedKey,
  statement,
} from "./testing/sample.js";

const FIRST = firstPolicy({ iss: SERVICE_ISS, key: OPERATOR.publicKey });
const vendor = { iss: VENDOR_ISS, key: VENDOR.publicKey };
const CLAIMS = { issuer: SERVICE_ISS, issuedAt: TIME };

describe("withIssuerKey", () => {
  test("adds an issuer and changes nothing else", () => {
    const next = withIssuerKey(FIRST, IN_FORCE_ID, vendor);
    expect(next).toStrictEqual({
      ...FIRST,
      previous: IN_FORCE_ID,
      issuers: [{ iss: VENDOR_ISS, keys: [VENDOR.publicKey.toJwk()] }],
    });
    expect(FIRST.issuers).toStrictEqual([]);
  });

  test("adds a key to an issuer, and keeps other issuers", () => {
    const other = { iss: "https://other.example", key: STRANGER.publicKey };
    const one = withIssuerKey(FIRST, IN_FORCE_ID, vendor);
    const two = withIssuerKey(one, IN_FORCE_ID, other);
    const three = withIssuerKey(two, IN_FORCE_ID, { ...vendor, key: STRANGER.publicKey });
    expect(
      Policy.parse(formatPolicy(three)).issuers.map(({ iss, keys }) => [iss, keys.length]),
    ).toStrictEqual([
      ["https://other.example", 1],
      [VENDOR_ISS, 2],
    ]);
  });

  test("does not add a key twice", () => {
    const once = withIssuerKey(FIRST, IN_FORCE_ID, vendor);
    expect(withIssuerKey(once, IN_FORCE_ID, vendor)).toStrictEqual(once);
  });

  test("keeps a key under the kid it had, when it is added under another", () => {
    const once = withIssuerKey(FIRST, IN_FORCE_ID, vendor);
    const key = PublicKey.fromJwk(namedKey(VENDOR, "release!"));
    const twice = withIssuerKey(once, IN_FORCE_ID, { iss: VENDOR_ISS, key });
    expect(twice.issuers[0]?.keys).toStrictEqual([VENDOR.publicKey.toJwk(), key.toJwk()]);
    expect(Policy.parse(formatPolicy(twice)).issuers).toHaveLength(1);
  });

  test("never puts another key in the place of one with its kid", async () => {
    const mine = PublicKey.fromJwk(namedKey(VENDOR, "release!"));
    const theirs = PublicKey.fromJwk(namedKey(STRANGER, "release!"));
    const once = withIssuerKey(FIRST, IN_FORCE_ID, { iss: VENDOR_ISS, key: mine });
    const twice = withIssuerKey(once, IN_FORCE_ID, { iss: VENDOR_ISS, key: theirs });
    expect(refusal(() => formatPolicy(twice)).code).toBe("POLICY_MALFORMED");
    expect((await rejection(signPolicy(twice, CLAIMS, OPERATOR))).code).toBe("POLICY_MALFORMED");
  });
});

describe("signPolicy", () => {
  test("makes a statement that registers as a policy", async () => {
    const decoded = SignedStatement.decode(await signPolicy(FIRST, CLAIMS, OPERATOR));
    expect(isPolicyStatement(decoded)).toBe(true);
    expect(decoded.claims).toMatchObject({
      issuer: SERVICE_ISS,
      subject: POLICY_SUBJECT,
      issuedAt: TIME,
    });
    expect(decoded.payload).toStrictEqual(formatPolicy(FIRST));
    const admission = await Admission.bootstrap(decoded, TIME);
    expect(PolicyState.genesis(admission).inForce.policy.document).toStrictEqual(FIRST);
  });

  test("rejects a document that is malformed", async () => {
    const pending = signPolicy(documentWith({ operators: [] }), CLAIMS, OPERATOR);
    expect((await rejection(pending)).code).toBe("POLICY_MALFORMED");
  });
});

test("from the first policy to the first statement of an issuer", async () => {
  const genesis = SignedStatement.decode(await signPolicy(FIRST, CLAIMS, OPERATOR));
  const first = PolicyState.genesis(await Admission.bootstrap(genesis, TIME));
  const early = VerifiedStatement.verify(await statement(), first.inForce.policy);
  await expect(early).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });

  const change = withIssuerKey(first.inForce.policy.document, genesis.entryId, vendor);
  const changing = SignedStatement.decode(await signPolicy(change, CLAIMS, OPERATOR));
  const changed = await VerifiedStatement.verify(changing, first.inForce.policy);
  const second = first.next(Admission.admit(changed, first, TIME), 1);
  const verified = await VerifiedStatement.verify(await statement(), second.inForce.policy);
  const admission = Admission.admit(verified, second, TIME);
  expect(admission.policyEntry).toStrictEqual(changing.entry);

  // The first change, sent again, is stale by now.
  const again = await VerifiedStatement.verify(changing, second.inForce.policy);
  expect(refusal(() => Admission.admit(again, second, TIME)).code).toBe("POLICY_STALE");
});
