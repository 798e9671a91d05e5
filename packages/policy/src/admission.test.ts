import { PrivateKey, PublicKey, type AlgorithmName } from "@tallystick/cose";
import {
  SignedStatement,
  VerifiedStatement,
  signHashEnvelope,
  signStatement,
} from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import { Admission, type PolicyInForce } from "./admission.js";
import type { PolicyDocument } from "./document.js";
import { PolicyError } from "./error.js";
import type { Policy } from "./policy.js";
import { refusal, rejection } from "./testing/refusal.js";
import {
  IN_FORCE,
  IN_FORCE_ID,
  OPERATOR,
  STRANGER,
  TIME,
  VENDOR,
  VENDOR_ISS,
  bytesOf,
  documentWith,
  policyWith,
  proposal,
  statement,
} from "./testing/sample.js";

function inForce(changes: Partial<PolicyDocument> = {}): PolicyInForce {
  return { policy: policyWith(changes), entry: IN_FORCE };
}

/** Verifies under one policy; admission may happen under another. */
async function verified(
  decoded: SignedStatement | Promise<SignedStatement> = statement(),
  policy: Policy = policyWith(),
): Promise<VerifiedStatement> {
  return VerifiedStatement.verify(await decoded, policy);
}

describe("a statement", () => {
  test("is admitted with the policy that admits it and the time", async () => {
    const decoded = await statement();
    const admission = Admission.admit(await verified(decoded), inForce(), TIME);
    expect(admission.statement).toBe(decoded);
    expect(admission.policyEntry).toStrictEqual(IN_FORCE);
    expect(admission.time).toBe(TIME);
    expect(admission.nextPolicy).toBeUndefined();
    expect(Object.isFrozen(admission)).toBe(true);
  });

  test("is admitted as a hash envelope too", async () => {
    const bytes = await signHashEnvelope(
      { issuer: VENDOR_ISS, subject: "s", hash: "sha-256", preimage: IN_FORCE },
      VENDOR,
    );
    const admission = Admission.admit(await verified(SignedStatement.decode(bytes)), inForce(), 0);
    expect(admission.statement.hashEnvelope?.hash.name).toBe("sha-256");
  });

  test("is rejected for its algorithm", () => {
    const refused = inForce({ algorithms: ["ES256", "Ed25519"] });
    const error = refusal(() => Admission.admit(verifiedVendor, refused, TIME));
    expect(error.code).toBe("POLICY_REJECTED");
    expect(error.reasons).toStrictEqual(["algorithm: EdDSA is not accepted"]);
  });

  test("is rejected from one byte over the size on, by its normalised form", () => {
    const { length } = verifiedVendor.statement.normalised;
    const exact = inForce({ maxStatementBytes: length });
    expect(Admission.is(Admission.admit(verifiedVendor, exact, TIME))).toBe(true);
    const error = refusal(() =>
      Admission.admit(verifiedVendor, inForce({ maxStatementBytes: length - 1 }), TIME),
    );
    expect(error.reasons).toStrictEqual([
      `size: ${length} bytes, at most ${length - 1} are accepted`,
    ]);
  });

  test("is rejected when its key was revoked between verify and admit", async () => {
    const before = await verified();
    for (const issuers of [
      [],
      [{ iss: VENDOR_ISS, keys: [] }],
      [{ iss: VENDOR_ISS, keys: [STRANGER.publicKey.toJwk()] }],
      [{ iss: "https://other.example", keys: [VENDOR.publicKey.toJwk()] }],
    ]) {
      const error = refusal(() => Admission.admit(before, inForce({ issuers }), TIME));
      expect(error.code).toBe("POLICY_REJECTED");
      expect(error.reasons).toStrictEqual([
        "issuer: the policy in force has no such key for this iss and kid",
      ]);
    }
  });

  test("is rejected when its kid has come to mean another key", async () => {
    const kid = "release!";
    // Both keys are for ES256, so that nothing but the key tells them apart.
    const named = PrivateKey.fromJwk({ ...OPERATOR.toJwk(), kid });
    const withKey = (jwk: object) =>
      policyWith({ issuers: [{ iss: VENDOR_ISS, keys: [{ ...PublicKey.fromJwk(jwk).toJwk() }] }] });
    const before = withKey({ ...OPERATOR.publicKey.toJwk(), kid });
    const after = withKey({ ...STRANGER.publicKey.toJwk(), kid });
    const judged = await verified(statement({}, named), before);
    expect(Admission.admit(judged, { policy: before, entry: IN_FORCE }, 0).time).toBe(0);
    const error = refusal(() => Admission.admit(judged, { policy: after, entry: IN_FORCE }, 0));
    expect(error.code).toBe("POLICY_REJECTED");
  });

  test("is rejected when its key has come to be for another algorithm", async () => {
    const jwk = (await PrivateKey.generate("PS256")).toJwk();
    const withAlg = (alg: AlgorithmName) => {
      const { kty, n, e, kid } = jwk;
      return policyWith({
        issuers: [{ iss: VENDOR_ISS, keys: [PublicKey.fromJwk({ kty, n, e, kid, alg }).toJwk()] }],
      });
    };
    const judged = await verified(statement({}, PrivateKey.fromJwk(jwk)), withAlg("PS256"));
    const after = { policy: withAlg("PS384"), entry: IN_FORCE };
    expect(refusal(() => Admission.admit(judged, after, TIME)).code).toBe("POLICY_REJECTED");
  });

  test("is rejected with every reason at once", () => {
    const strict = inForce({ algorithms: ["ES256"], maxStatementBytes: 1, issuers: [] });
    const error = refusal(() => Admission.admit(verifiedVendor, strict, TIME));
    expect(error.reasons.map((reason) => reason.split(":")[0])).toStrictEqual([
      "algorithm",
      "size",
      "issuer",
    ]);
    expect(error.message).toBe(error.reasons.join("; "));
  });

  test("I9: gets the same decision for the same inputs", () => {
    const [first, second] = [inForce(), inForce()].map((policy) =>
      Admission.admit(verifiedVendor, policy, TIME),
    );
    expect(second).toStrictEqual(first);
  });
});

const verifiedVendor = await verified();

describe("a change of policy", () => {
  const next = documentWith({ previous: IN_FORCE_ID, issuers: [] });

  test("is admitted from an operator, and says what comes next", async () => {
    const admission = Admission.admit(await verified(proposal(next)), inForce(), TIME);
    expect(admission.nextPolicy?.document).toStrictEqual(next);
    expect(admission.policyEntry).toStrictEqual(IN_FORCE);
  });

  test("has no key when it is not an operator's", async () => {
    const byVendor = verified(proposal(next, { issuer: VENDOR_ISS }, VENDOR));
    await expect(byVendor).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
    const byStranger = verified(proposal(next, {}, STRANGER));
    await expect(byStranger).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
  });

  test("is rejected when the operator is none any more", async () => {
    const judged = await verified(proposal(next));
    const operators = [{ iss: "https://log.example", keys: [STRANGER.publicKey.toJwk()] }];
    const error = refusal(() => Admission.admit(judged, inForce({ operators }), TIME));
    expect(error.code).toBe("POLICY_REJECTED");
  });

  test("is exempt from the rules for statements, so that they can always be mended", async () => {
    const judged = await verified(proposal(next));
    const strict = inForce({ maxStatementBytes: 1, algorithms: [] });
    const admission = Admission.admit(judged, strict, TIME);
    expect(admission.nextPolicy?.document).toStrictEqual(next);
  });

  test.each([
    ["an older policy", "00".repeat(32)],
    ["none, as if it were the first", null],
  ])("is stale when it replaces %s", async (_name, previous) => {
    const judged = await verified(proposal({ ...next, previous }));
    const error = refusal(() => Admission.admit(judged, inForce(), TIME));
    expect(error.code).toBe("POLICY_STALE");
    expect(error.message).toContain(IN_FORCE_ID);
  });

  test.each([
    ["no JSON object", 1],
    ["an unknown member", { ...next, rules: [] }],
    ["no operators", { ...next, operators: [] }],
    ["a private key", { ...next, operators: [{ iss: "a", keys: [OPERATOR.toJwk()] }] }],
  ])("is malformed with %s, and nothing is admitted", async (_name, document) => {
    const judged = await verified(proposal(document));
    expect(refusal(() => Admission.admit(judged, inForce(), TIME)).code).toBe("POLICY_MALFORMED");
  });

  test("is not made by a hash envelope of one", async () => {
    const bytes = await signHashEnvelope(
      {
        issuer: "https://log.example",
        subject: "registration-policy",
        hash: "sha-256",
        preimage: bytesOf(next),
        contentType: "application/vnd.tallystick.policy+json",
      },
      OPERATOR,
    );
    const judged = verified(SignedStatement.decode(bytes));
    await expect(judged).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
  });
});

describe("T14: the bootstrap", () => {
  const first = documentWith();

  test("admits a policy that is signed by an operator it names", async () => {
    const decoded = await proposal(first);
    const admission = await Admission.bootstrap(decoded, TIME);
    expect(admission).toMatchObject({ statement: decoded, policyEntry: null, time: TIME });
    expect(admission.nextPolicy?.document).toStrictEqual(first);
  });

  test("takes nothing but a policy", async () => {
    const decoded = await statement();
    expect((await rejection(Admission.bootstrap(decoded, TIME))).code).toBe("POLICY_MALFORMED");
    const broken = await proposal({ ...first, format: "x" });
    expect((await rejection(Admission.bootstrap(broken, TIME))).code).toBe("POLICY_MALFORMED");
  });

  test("takes no policy that replaces one", async () => {
    const decoded = await proposal({ ...first, previous: IN_FORCE_ID });
    const error = await rejection(Admission.bootstrap(decoded, TIME));
    expect(error.code).toBe("POLICY_STALE");
    expect(error.message).toContain("none");
  });

  test("takes no signature but an operator's", async () => {
    for (const decoded of [
      await proposal(first, {}, STRANGER),
      await proposal(first, { issuer: VENDOR_ISS }, VENDOR),
      await proposal(first, { issuer: "https://other.example" }),
    ]) {
      await expect(Admission.bootstrap(decoded, TIME)).rejects.toMatchObject({
        code: "STATEMENT_KEY_UNKNOWN",
      });
    }
  });

  test("exempts the first policy from its own rules, as it does its successors", async () => {
    const strict = documentWith({ algorithms: ["EdDSA"], maxStatementBytes: 1 });
    const admission = await Admission.bootstrap(await proposal(strict), TIME);
    expect(admission.nextPolicy?.document).toStrictEqual(strict);
  });

  test("a signature that does not hold is refused", async () => {
    const bytes = (await proposal(first)).normalised.slice();
    bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
    const forged = Admission.bootstrap(SignedStatement.decode(bytes), TIME);
    await expect(forged).rejects.toMatchObject({ code: "STATEMENT_SIGNATURE_INVALID" });
    await expect(forged).rejects.not.toBeInstanceOf(PolicyError);
  });
});

test("a statement that names no content type is no policy", async () => {
  const bytes = await signStatement(
    { issuer: VENDOR_ISS, subject: "s", payload: bytesOf(documentWith()), contentType: 0 },
    VENDOR,
  );
  const admission = Admission.admit(await verified(SignedStatement.decode(bytes)), inForce(), TIME);
  expect(admission.nextPolicy).toBeUndefined();
});
