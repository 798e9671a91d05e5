import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL, PrivateKey } from "@tallystick/cose";

import { base64Of, issueCa, issueLeaf } from "../testing/pki.js";
import type { Issued } from "../testing/pki.js";
import { VENDOR, didKey, didX509, signed, x5chain } from "../testing/vendor.js";
import type { Headers } from "../testing/vendor.js";
import { Engine, ISSUER, TIME } from "./engine.js";
import { post, refusal } from "./tally-service.js";

const OTHER = "https://other.example";

const UNKNOWN_MEND =
  "Sign with a key that the policy lists for this issuer, or ask the operator to add it.";
const DID_MEND = "Use a DID that the key or the certificate chain bears out.";

let engine: Engine;
let root: Issued;
let middle: Issued;
let leaf: Issued;
let vendor: PrivateKey;
let other: PrivateKey;

beforeAll(async () => {
  root = await issueCa("CN=Root", { alg: "EdDSA" });
  middle = await issueCa("CN=Middle", { alg: "EdDSA", by: root });
  leaf = await issueLeaf("CN=Leaf", { alg: "EdDSA", by: middle });
  [vendor, other] = await Promise.all([PrivateKey.generate("ES256"), PrivateKey.generate("ES256")]);
  engine = await Engine.start({
    issuers: [
      { iss: VENDOR, keys: [vendor.publicKey.toJwk()] },
      { iss: OTHER, keys: [other.publicKey.toJwk()] },
    ],
    anchors: [{ certificate: base64Of(root), issuers: [VENDOR], bindings: ["did:x509"] }],
  });
});

afterAll(async () => {
  await engine.close();
});

describe("refuses keys that are not the issuer's:", () => {
  test("the kid and key of another issuer", async () => {
    const bytes = await signed(other, { set: [[LABEL.kid, other.publicKey.kid]] });
    const refused = await refusal(engine.url, bytes);
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain("no key for this iss and kid");
  });

  test("the kid of another issuer under a statement of one's own", async () => {
    const bytes = await signed(vendor, {
      iss: OTHER,
      set: [[LABEL.kid, other.publicKey.kid]],
    });
    const refused = await refusal(engine.url, bytes);
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain("signature does not verify");
  });
});

describe("a listed key outside of its window is refused, and says since when", () => {
  test.each([
    [
      "not to be used yet",
      { nbf: TIME + 1 },
      "key: not to be used before 2026-09-21T14:13:21.000Z",
    ],
    ["expired", { exp: TIME }, "key: expired at 2026-09-21T14:13:20.000Z"],
  ])("%s", async (_name, terms, detail) => {
    const key = await PrivateKey.generate("EdDSA");
    const issuers = [{ iss: VENDOR, keys: [{ ...key.publicKey.toJwk(), ...terms }] }];
    const timed = await Engine.start({ issuers });
    const bytes = await signed(key, { set: [[LABEL.kid, key.publicKey.kid]] });
    const refused = await refusal(timed.url, bytes);
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain(detail);
    expect(timed.size).toBe(1);
    await timed.close();
  });
});

describe("refuses DIDs", () => {
  test.each<[string, () => Headers, string, string]>([
    [
      "of a method that the policy does not take",
      () => ({ iss: didKey(leaf.key.publicKey), set: [[LABEL.kid, leaf.key.publicKey.kid]] }),
      "issuers by did:key are not taken",
      UNKNOWN_MEND,
    ],
    [
      "that do not parse",
      () => ({ iss: "did:key:z6Mk0", set: [[LABEL.kid, leaf.key.publicKey.kid]] }),
      "iss of did:key: not base58 text",
      DID_MEND,
    ],
    [
      "that stand for a chain which did not come along",
      () => ({
        iss: didX509({ alg: "ES256", root, middle, leaf }),
        set: [[LABEL.kid, leaf.key.publicKey.kid]],
      }),
      "did:x509: no certificate chain came with it",
      DID_MEND,
    ],
  ])("%s", async (...[, headers, detail, mend]) => {
    const refused = await refusal(engine.url, await signed(leaf.key, headers()));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain(detail);
    expect(refused.detail).toContain(mend);
  });
});

describe("a key that was revoked", () => {
  test.each([
    ["from an entry of the past on", 2],
    ["from an entry that is not there yet on", 1000],
  ])("%s admits nothing new, and what it has signed stays", async (_name, from) => {
    const key = await PrivateKey.generate("EdDSA");
    const jwk = key.publicKey.toJwk();
    const revoked = await Engine.start({ issuers: [{ iss: VENDOR, keys: [jwk] }] });
    const statement = (payload: string): Promise<Uint8Array> =>
      signed(key, { payload, set: [[LABEL.kid, key.publicKey.kid]] });
    const before = await statement("before the cut-off");
    const behind = await statement("behind the cut-off");
    for (const bytes of [before, behind]) {
      expect(await post(revoked.url, bytes)).toMatchObject({ status: 201 });
    }
    const issuers = [{ iss: VENDOR, keys: [{ ...jwk, revoked: { from, reason: "laptop lost" } }] }];
    const proposal = await revoked.propose({ issuers });
    expect(await post(revoked.url, proposal)).toMatchObject({ status: 201 });

    const refused = await refusal(revoked.url, await statement("new"));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain(`key: revoked from entry ${from} on, laptop lost`);
    for (const bytes of [before, behind]) {
      expect(await post(revoked.url, bytes)).toMatchObject({ status: 201 });
    }
    expect(revoked.size).toBe(4);
    await revoked.close();
  });

  test.each<[string, () => Headers]>([
    ["a certificate", () => ({ set: [x5chain(leaf, middle)] })],
    [
      "a DID",
      () => ({ iss: didKey(leaf.key.publicKey), set: [[LABEL.kid, leaf.key.publicKey.kid]] }),
    ],
  ])("is not made good by %s", async (_name, headers) => {
    const jwk = { ...leaf.key.publicKey.toJwk(), revoked: { from: 1 } };
    const revoked = await Engine.start({
      issuers: [{ iss: "former", keys: [jwk] }],
      anchors: [{ certificate: base64Of(root), issuers: [VENDOR] }],
      selfContained: ["did:key"],
    });
    const refused = await refusal(revoked.url, await signed(leaf.key, headers()));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain("key: revoked from entry 1 on");
    await revoked.close();
  });

  test("of an operator proposes nothing", async () => {
    const [second, third] = await Promise.all([
      PrivateKey.generate("EdDSA"),
      PrivateKey.generate("EdDSA"),
    ]);
    const started = await Engine.start();
    const { operator } = started;
    const keys = [
      { ...operator.publicKey.toJwk(), revoked: { from: 0 } },
      second.publicKey.toJwk(),
    ];
    const proposal = await started.propose({ operators: [{ iss: ISSUER, keys }] });
    expect(await post(started.url, proposal)).toMatchObject({ status: 201 });
    const issuers = [{ iss: VENDOR, keys: [third.publicKey.toJwk()] }];
    const refused = await refusal(started.url, await started.propose({ issuers }));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain("key: revoked from entry 0 on");
    await started.close();
  });
});
