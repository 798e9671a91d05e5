import { PrivateKey, PublicKey, encodeHex, type AlgorithmName } from "@tallystick/cose";
import {
  SignedStatement,
  VerifiedStatement,
  signHashEnvelope,
  signStatement,
} from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import { Admission } from "./admission.js";
import type { PolicyDocument } from "./document.js";
import { PolicyError } from "./error.js";
import type { Policy } from "./policy.js";
import { PolicyState } from "./state.js";
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
  namedKey,
  policyWith,
  proposal,
  stateWith,
  statement,
} from "./testing/sample.js";

const GENESIS = await proposal(documentWith());
const STATE = PolicyState.genesis(await Admission.bootstrap(GENESIS, TIME));
const CURRENT = encodeHex(STATE.inForce.entry);

/** Yields the document that an admission proposes, `undefined` when it proposes none. */
function proposedBy({ change }: Admission): PolicyDocument | undefined {
  return change?.kind === "proposal" ? change.policy.document : undefined;
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
    const admission = Admission.admit(await verified(decoded), STATE, TIME);
    expect(admission.statement).toBe(decoded);
    expect(admission.policyEntry).toStrictEqual(STATE.inForce.entry);
    expect(admission.time).toBe(TIME);
    expect(admission.change).toBeUndefined();
    expect(admission.isControl).toBe(false);
    expect(Object.isFrozen(admission)).toBe(true);
  });

  test("is admitted as a hash envelope too", async () => {
    const bytes = await signHashEnvelope(
      { issuer: VENDOR_ISS, subject: "s", hash: "sha-256", preimage: IN_FORCE },
      VENDOR,
    );
    const admission = Admission.admit(await verified(SignedStatement.decode(bytes)), STATE, 0);
    expect(admission.statement.hashEnvelope?.hash.name).toBe("sha-256");
  });

  test("is rejected for its algorithm", async () => {
    const refused = await stateWith({ algorithms: ["ES256", "Ed25519"] });
    const error = refusal(() => Admission.admit(verifiedVendor, refused, TIME));
    expect(error.code).toBe("POLICY_REJECTED");
    expect(error.reasons).toStrictEqual(["algorithm: EdDSA is not accepted"]);
  });

  test("is rejected from one byte over the size on, by its normalised form", async () => {
    const { length } = verifiedVendor.statement.normalised;
    const exact = await stateWith({ maxStatementBytes: length });
    expect(Admission.is(Admission.admit(verifiedVendor, exact, TIME))).toBe(true);
    const under = await stateWith({ maxStatementBytes: length - 1 });
    const error = refusal(() => Admission.admit(verifiedVendor, under, TIME));
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
      const state = await stateWith({ issuers });
      const error = refusal(() => Admission.admit(before, state, TIME));
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
    const withKey = (key: PrivateKey) =>
      stateWith({ issuers: [{ iss: VENDOR_ISS, keys: [namedKey(key, kid)] }] });
    const [before, after] = [await withKey(OPERATOR), await withKey(STRANGER)];
    const judged = await verified(statement({}, named), before.inForce.policy);
    expect(Admission.admit(judged, before, 0).time).toBe(0);
    const error = refusal(() => Admission.admit(judged, after, 0));
    expect(error.code).toBe("POLICY_REJECTED");
  });

  test("is rejected when its key has come to be for another algorithm", async () => {
    const jwk = (await PrivateKey.generate("PS256")).toJwk();
    const withAlg = (alg: AlgorithmName) => {
      const { kty, n, e, kid } = jwk;
      return stateWith({
        issuers: [{ iss: VENDOR_ISS, keys: [PublicKey.fromJwk({ kty, n, e, kid, alg }).toJwk()] }],
      });
    };
    const { policy } = (await withAlg("PS256")).inForce;
    const judged = await verified(statement({}, PrivateKey.fromJwk(jwk)), policy);
    const after = await withAlg("PS384");
    expect(refusal(() => Admission.admit(judged, after, TIME)).code).toBe("POLICY_REJECTED");
  });

  test("is rejected with every reason at once", async () => {
    const strict = await stateWith({ algorithms: ["ES256"], maxStatementBytes: 1, issuers: [] });
    const error = refusal(() => Admission.admit(verifiedVendor, strict, TIME));
    expect(error.reasons.map((reason) => reason.split(":")[0])).toStrictEqual([
      "algorithm",
      "size",
      "issuer",
    ]);
    expect(error.message).toBe(error.reasons.join("; "));
  });

  test("I9: gets the same decision for the same inputs", async () => {
    const again = await PolicyState.replay([{ statement: GENESIS, index: 0, time: TIME }]);
    const [first, second] = [STATE, again].map((state) =>
      Admission.admit(verifiedVendor, state, TIME),
    );
    expect(second).toStrictEqual(first);
  });
});

const verifiedVendor = await verified();

describe("a change of policy", () => {
  const next = documentWith({ previous: CURRENT, issuers: [] });

  test("is admitted from an operator, and says what comes next", async () => {
    const admission = Admission.admit(await verified(proposal(next)), STATE, TIME);
    expect(proposedBy(admission)).toStrictEqual(next);
    expect(admission.policyEntry).toStrictEqual(STATE.inForce.entry);
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
    const state = await stateWith({ operators }, STRANGER);
    const error = refusal(() => Admission.admit(judged, state, TIME));
    expect(error.code).toBe("POLICY_REJECTED");
  });

  test("is exempt from the rules for statements, so that they can always be mended", async () => {
    const judged = await verified(proposal(next));
    const strict = await stateWith({ maxStatementBytes: 1, algorithms: [] });
    const previous = encodeHex(strict.inForce.entry);
    const mended = await verified(proposal({ ...next, previous }));
    expect(proposedBy(Admission.admit(mended, strict, TIME))).toMatchObject({ previous });
    // It is stale there, and nothing else.
    expect(refusal(() => Admission.admit(judged, strict, TIME)).code).toBe("POLICY_STALE");
  });

  test.each([
    ["an older policy", "00".repeat(32)],
    ["none, as if it were the first", null],
  ])("is stale when it replaces %s", async (_name, previous) => {
    const judged = await verified(proposal({ ...next, previous }));
    const error = refusal(() => Admission.admit(judged, STATE, TIME));
    expect(error.code).toBe("POLICY_STALE");
    expect(error.message).toContain(CURRENT);
    // That is told before the rest is read.
    const broken = await verified(proposal({ ...next, previous, operators: [] }));
    expect(refusal(() => Admission.admit(broken, STATE, TIME)).code).toBe("POLICY_STALE");
  });

  test.each([
    ["no JSON object", 1],
    ["an unknown member", { ...next, rule: [] }],
    ["no operators", { ...next, operators: [] }],
    ["a private key", { ...next, operators: [{ iss: "a", keys: [OPERATOR.toJwk()] }] }],
  ])("is malformed with %s, and nothing is admitted", async (_name, document) => {
    const judged = await verified(proposal(document));
    expect(refusal(() => Admission.admit(judged, STATE, TIME)).code).toBe("POLICY_MALFORMED");
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
    expect(proposedBy(admission)).toStrictEqual(first);
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
    expect(proposedBy(admission)).toStrictEqual(strict);
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
  const admission = Admission.admit(await verified(SignedStatement.decode(bytes)), STATE, TIME);
  expect(admission.change).toBeUndefined();
});
