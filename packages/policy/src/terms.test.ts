import {
  CLAIM,
  LABEL,
  encodeBase64url,
  encodeHex,
  signSign1,
  type CborValue,
} from "@tallystick/cose";
import {
  SignedStatement,
  VerifiedStatement,
  parseCertificates,
  signHashEnvelope,
} from "@tallystick/statement";
import type { KeyDocument } from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import { Admission } from "./admission.js";
import type { PolicyDocument } from "./document.js";
import { ROOT_BASE64, ROOT_PEM, certifiedStatement } from "./testing/certificate.js";
import { refusal, rejection } from "./testing/refusal.js";
import {
  IN_FORCE,
  OPERATOR,
  SERVICE_ISS,
  STRANGER,
  TIME,
  VENDOR,
  VENDOR_ISS,
  documentWith,
  proposal,
  stateWith,
  statement,
} from "./testing/sample.js";

const key = VENDOR.publicKey.toJwk();

/** Verifies and admits under one policy, at one time. */
async function admit(
  decoded: SignedStatement,
  changes: Partial<PolicyDocument>,
  time = TIME,
): Promise<Admission> {
  const state = await stateWith(changes);
  const verified = await VerifiedStatement.verify(decoded, state.inForce.policy, { time });
  return Admission.admit(verified, state, time);
}

async function reasonsOf(pending: Promise<unknown>): Promise<readonly string[]> {
  const error = await rejection(pending);
  expect(error.code).toBe("POLICY_REJECTED");
  return error.reasons;
}

const withTerms = (terms: Partial<KeyDocument>): Partial<PolicyDocument> => ({
  issuers: [{ iss: VENDOR_ISS, keys: [{ ...key, ...terms }] }],
});

describe("a key with a window", () => {
  const window = withTerms({ nbf: TIME, exp: TIME + 10 });

  test.each([TIME, TIME + 9])("admits at %i", async (time) => {
    expect((await admit(await statement(), window, time)).time).toBe(time);
  });

  test.each([
    [TIME - 1, "key: not to be used before 2027-01-15T08:00:00.000Z"],
    [TIME + 10, "key: expired at 2027-01-15T08:00:10.000Z"],
  ])("is refused at %i with its reason", async (time, reason) => {
    expect(await reasonsOf(admit(await statement(), window, time))).toStrictEqual([reason]);
  });

  test("is held against every kid of the key", async () => {
    const issuers = [
      { iss: VENDOR_ISS, keys: [key, { ...key, kid: "k!" }].map((jwk) => ({ ...jwk, exp: TIME })) },
    ];
    expect(await reasonsOf(admit(await statement(), { issuers }))).toHaveLength(1);
  });

  test("binds operators too", async () => {
    const operators = [
      { iss: SERVICE_ISS, keys: [{ ...OPERATOR.publicKey.toJwk(), exp: TIME + 10 }] },
    ];
    const state = await stateWith({ operators });
    const next = documentWith({ previous: encodeHex(state.inForce.entry) });
    const verified = await VerifiedStatement.verify(await proposal(next), state.inForce.policy);
    expect(Admission.admit(verified, state, TIME + 9).isControl).toBe(true);
    expect(refusal(() => Admission.admit(verified, state, TIME + 10)).code).toBe("POLICY_REJECTED");
  });

  test("cannot make a first policy that it is too late for", async () => {
    const operators = [{ iss: SERVICE_ISS, keys: [{ ...OPERATOR.publicKey.toJwk(), exp: TIME }] }];
    expect(await reasonsOf(stateWith({ operators }))).toHaveLength(1);
  });
});

describe("a revoked key", () => {
  test("admits nothing, and says from where on", async () => {
    const revoked = { from: 7, reason: "lost" };
    expect(await reasonsOf(admit(await statement(), withTerms({ revoked })))).toStrictEqual([
      "key: revoked from entry 7 on, lost",
    ]);
  });

  test("is revoked under every other name too", async () => {
    const issuers = [
      { iss: VENDOR_ISS, keys: [key] },
      { iss: "other", keys: [{ ...key, revoked: { from: 0 } }] },
    ];
    const anchors = [{ certificate: ROOT_BASE64, issuers: ["ca-name"] }];
    expect(await reasonsOf(admit(await statement(), { issuers, anchors }))).toStrictEqual([
      "key: revoked from entry 0 on",
    ]);
    const certified = await certifiedStatement("ca-name");
    expect(await reasonsOf(admit(certified, { issuers, anchors }))).toStrictEqual([
      "key: revoked from entry 0 on (the key of CN=Leaf)",
    ]);
  });

  test("of an authority vouches for nobody", async () => {
    const [root] = parseCertificates(ROOT_PEM);
    const authority = { ...root?.publicKey.toJwk(), kty: "OKP", revoked: { from: 4 } };
    const issuers = [{ iss: "ca", keys: [authority] }];
    const anchors = [{ certificate: ROOT_BASE64, issuers: ["ca-name"] }];
    const decoded = await certifiedStatement("ca-name");
    expect(await reasonsOf(admit(decoded, { issuers, anchors }))).toStrictEqual([
      "key: revoked from entry 4 on (the key of CN=Root)",
    ]);
  });

  test("of an operator signs nothing for issuers either", async () => {
    const operators = [
      { iss: SERVICE_ISS, keys: [OPERATOR.publicKey.toJwk(), { ...key, revoked: { from: 3 } }] },
    ];
    const { kty, crv, x } = key;
    const jwk = encodeBase64url(new TextEncoder().encode(JSON.stringify({ kty, crv, x })));
    const changes: Partial<PolicyDocument> = {
      operators,
      anchors: [{ certificate: ROOT_BASE64, issuers: ["ca-name"] }],
      selfContained: ["did:jwk"],
    };
    const revoked = "revoked from entry 3 on";
    for (const [decoded, reason] of [
      [await statement(), `key: ${revoked}`],
      [await statement({ issuer: `did:jwk:${jwk}` }), `key: ${revoked}`],
      [await certifiedStatement("ca-name"), `key: ${revoked} (the key of CN=Leaf)`],
    ] as const) {
      expect(await reasonsOf(admit(decoded, changes))).toStrictEqual([reason]);
    }
  });

  test("of an issuer signs no policy either", async () => {
    const keys = [OPERATOR.publicKey.toJwk(), STRANGER.publicKey.toJwk()];
    const revoked = { ...OPERATOR.publicKey.toJwk(), revoked: { from: 3, reason: "lost" } };
    const changes = {
      operators: [{ iss: SERVICE_ISS, keys }],
      issuers: [{ iss: VENDOR_ISS, keys: [revoked] }],
    };
    const reason = "key: revoked from entry 3 on, lost";
    expect(await reasonsOf(stateWith(changes, OPERATOR))).toStrictEqual([reason]);
    const state = await stateWith(changes, STRANGER);
    const next = documentWith({ ...changes, previous: encodeHex(state.inForce.entry) });
    const decoded = await proposal(next, {}, OPERATOR);
    const verified = await VerifiedStatement.verify(decoded, state.inForce.policy);
    expect(refusal(() => Admission.admit(verified, state, TIME)).reasons).toStrictEqual([reason]);
  });
});

describe("content types", () => {
  const contentTypes = ["application/json", 60];

  test("that are listed are admitted", async () => {
    expect(Admission.is(await admit(await statement(), { contentTypes }))).toBe(true);
  });

  test("that are not are refused", async () => {
    const plain = await statement({ contentType: "text/plain" });
    expect(await reasonsOf(admit(plain, { contentTypes }))).toStrictEqual([
      "contentType: this one is not accepted",
    ]);
  });

  test.each([
    ["application/json", true],
    [60, true],
    ["text/plain", false],
    [undefined, false],
  ])("of a hash envelope are those of the preimage: %s", async (contentType, isTaken) => {
    const bytes = await signHashEnvelope(
      {
        issuer: VENDOR_ISS,
        subject: "s",
        hash: "sha-256",
        preimage: IN_FORCE,
        ...(contentType === undefined ? {} : { contentType }),
      },
      VENDOR,
    );
    const pending = admit(SignedStatement.decode(bytes), { contentTypes });
    if (isTaken) expect((await pending).change).toBeUndefined();
    else expect((await reasonsOf(pending))[0]).toMatch(/^contentType: /);
  });
});

test("a statement without sub needs a policy that lets it pass", async () => {
  const claims = new Map<number, string>([[CLAIM.iss, VENDOR_ISS]]);
  const protectedHeader = new Map<number, CborValue>([
    [LABEL.contentType, "application/json"],
    [LABEL.cwtClaims, claims],
    [LABEL.kid, VENDOR.publicKey.kid],
  ]);
  const bytes = await signSign1({ protectedHeader, payload: IN_FORCE }, VENDOR);
  const decoded = SignedStatement.decode(bytes, { isSubjectOptional: true });
  expect(await reasonsOf(admit(decoded, {}))).toStrictEqual(["subject: claim sub (2) is missing"]);
  expect((await admit(decoded, { isSubjectOptional: true })).statement).toBe(decoded);
});

test("rules refuse under their names, after everything else, and spare operators", async () => {
  const never = { cel: "false", reason: "closed" };
  const rules = [
    { name: "first", ...never },
    { name: "second", ...never },
  ];
  const changes = { rules, maxStatementBytes: 1 };
  const [size, ...others] = await reasonsOf(admit(await statement(), changes));
  expect(size).toMatch(/^size: /);
  expect(others).toStrictEqual(["rule first: closed", "rule second: closed"]);
  const state = await stateWith(changes);
  const next = await proposal(documentWith({ previous: encodeHex(state.inForce.entry) }));
  const verified = await VerifiedStatement.verify(next, state.inForce.policy);
  expect(Admission.admit(verified, state, TIME).isControl).toBe(true);
});

describe("T7: an anchor", () => {
  test.each<[string, string, object]>([
    ["lists the issuer", "ca-name", { issuers: ["ca-name"] }],
    ["lets the leaf name a URI", "urn:example:vendor", { bindings: ["san"] }],
    ["lets the leaf name a host", "https://vendor.example/a", { bindings: ["san"] }],
  ])("vouches where it %s", async (_name, iss, terms) => {
    const changes = { anchors: [{ certificate: ROOT_BASE64, ...terms }], issuers: [] };
    expect(Admission.is(await admit(await certifiedStatement(iss), changes))).toBe(true);
  });

  test("that is gone, or vouches no more, when the statement is admitted refuses it", async () => {
    const decoded = await certifiedStatement("ca-name");
    const before = await stateWith({
      anchors: [{ certificate: ROOT_BASE64, issuers: ["ca-name"] }],
    });
    const { policy } = before.inForce;
    const verified = await VerifiedStatement.verify(decoded, policy, { time: TIME });
    for (const anchors of [[], [{ certificate: ROOT_BASE64, bindings: ["san" as const] }]]) {
      const state = await stateWith({ anchors });
      const { reasons } = refusal(() => Admission.admit(verified, state, TIME));
      expect(reasons).toHaveLength(1);
      expect(reasons[0]).toMatch(/^issuer: CN=Root does not vouch/);
    }
    // From November 2036 on, for the leaf.
    const { reasons } = refusal(() => Admission.admit(verified, before, 2_200_000_000));
    expect(reasons).toStrictEqual([
      "certificate: CN=Leaf is not valid at the time of registration",
    ]);
  });

  test("never makes an operator", async () => {
    const anchors = [{ certificate: ROOT_BASE64, issuers: [SERVICE_ISS] }];
    const decoded = await certifiedStatement(SERVICE_ISS, "application/vnd.tallystick.policy+json");
    expect(await reasonsOf(admit(decoded, { anchors }))).toStrictEqual([
      "issuer: the policy in force has no such key for this iss and kid",
    ]);
  });
});

test("T7: an issuer by did:jwk needs a policy that takes the method, or lists the key", async () => {
  const { kty, crv, x, y } = STRANGER.publicKey.toJwk();
  const encoded = btoa(JSON.stringify({ kty, crv, x, y }))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
  const issuer = `did:jwk:${encoded}`;
  const decoded = await statement({ issuer }, STRANGER);
  const open = await stateWith({ selfContained: ["did:jwk"] });
  const verified = await VerifiedStatement.verify(decoded, open.inForce.policy);
  expect(Admission.admit(verified, open, TIME).statement).toBe(decoded);
  const listing = { issuers: [{ iss: issuer, keys: [STRANGER.publicKey.toJwk()] }] };
  expect((await admit(decoded, listing)).statement).toBe(decoded);
  const closed = await stateWith({ selfContained: ["did:key"] });
  expect(refusal(() => Admission.admit(verified, closed, TIME)).reasons).toStrictEqual([
    "issuer: the policy in force does not take issuers by did:jwk",
  ]);
});
