import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import { PrivateKey, PublicKey } from "@tallystick/cose";
import { VerifiedStatement } from "@tallystick/statement";

import { sharedFolder } from "../../../../scripts/shared-data.mjs";
import { Admission } from "../admission.js";
import { PolicyError } from "../error.js";
import type { RuleDocument } from "../rule.js";
import { bytesOf, policyWith, stateWith, statement, TIME } from "../testing/sample.js";

const COSE = "application/rim+cose";
const SWID = "application/swid+xml";
/** When the certificates of the published manifests were in force. */
const IN_TERM = 1_742_000_000;
const NVIDIA = "1010_0200_882_96005E0001_PROD.swidtag";

const folder = sharedFolder("rules about manifests", "data", "rim");
const describeIt = folder === undefined ? describe.skip : describe;
const read = (...below: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(join(folder ?? "", ...below)));
const readText = (...below: readonly string[]): string => new TextDecoder().decode(read(...below));

const ready = (parameters: object): RuleDocument =>
  ({ name: "signed", use: "rimSignature", with: parameters }) as RuleDocument;

async function reasonsOf(
  rules: readonly RuleDocument[],
  payload: Uint8Array,
  { contentType = COSE, time = TIME }: { contentType?: string; time?: number } = {},
): Promise<readonly string[]> {
  const state = await stateWith({ rules });
  const signed = await statement({ payload, contentType });
  const verified = await VerifiedStatement.verify(signed, state.inForce.policy, { time });
  try {
    Admission.admit(verified, state, time);
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return error.reasons;
    throw error;
  }
}

function changedAt(bytes: Uint8Array, at: number): Uint8Array {
  const changed = new Uint8Array(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

describeIt("rimSignature", () => {
  const acme = (more: object = {}): object => {
    const published = readText("corim-veraison", "ec-p256.public.jwk");
    // It says that it is for encryption, and is published beside what it signed.
    const { kty, crv, x, y } = JSON.parse(published) as Readonly<Record<string, unknown>>;
    return { provider: "ACME", key: { kty, crv, x, y }, ...more };
  };
  const arm = (): object => ({
    provider: "Arm",
    key: PublicKey.fromPem(readText("corim-cover", "key.pub.pem")).toJwk(),
  });
  const nvidia = (): object => ({
    provider: "NVIDIA",
    certificate: readText("nvidia-swid", "verifier_RIM_root.pem"),
  });
  const everybody = (more: object = {}): RuleDocument =>
    ready({ keys: [acme(), arm()], anchors: [nvidia()], ...more });

  test.each([
    ["a signed CoRIM", ["corim-veraison", "signed-good-corim.cbor"], COSE],
    ["one without the tag of manifests", ["corim-cocli", "signed-corim.cbor"], COSE],
    ["one of another vendor", ["corim-cover", "signed-corim-cca-ref-plat.cbor"], COSE],
    ["one of a general type", ["corim-cover", "signed-corim-cca-ta.cbor"], "application/cbor"],
    ["a SWID tag", ["nvidia-swid", NVIDIA], SWID],
  ])("lets pass %s, and no byte of its signed parts may change", async (...[, below, type]) => {
    const payload = read(...below);
    const how = { contentType: type, time: IN_TERM };
    expect(await reasonsOf([everybody()], payload, how)).toEqual([]);
    for (const place of [0.4, 0.6, 0.8]) {
      const changed = changedAt(payload, Math.floor(payload.length * place));
      const reasons = await reasonsOf([everybody({ contentTypes: [type] })], changed, how);
      expect(reasons).toEqual([expect.stringMatching(/^rule signed: /)]);
    }
  });

  test.each<[string, () => RuleDocument, readonly string[], string]>([
    [
      "a key that nobody named",
      () => ready({ keys: [arm()] }),
      ["corim-veraison", "signed-good-corim.cbor"],
      "the signature inside the manifest: CONTENT_SIGNATURE_INVALID",
    ],
    [
      "a key that has expired",
      () => ready({ keys: [acme({ expires: IN_TERM })] }),
      ["corim-veraison", "signed-good-corim.cbor"],
      "the key of ACME had expired before",
    ],
    [
      "a key that was withdrawn",
      () => ready({ keys: [acme({ revoked: IN_TERM })] }),
      ["corim-veraison", "signed-good-corim.cbor"],
      "the key of ACME was withdrawn before",
    ],
    [
      "no signature",
      () => everybody(),
      ["corim-veraison", "unsigned-good-corim.cbor"],
      "the manifest is not signed inside",
    ],
    [
      "a SWID tag under no root",
      () => ready({ keys: [acme()] }),
      ["nvidia-swid", NVIDIA],
      "the signature inside the manifest: CONTENT_KEY_UNKNOWN",
    ],
  ])("refuses %s", async (...[, rule, below, why]) => {
    const contentType = below.includes(NVIDIA) ? SWID : "application/octet-stream";
    const reasons = await reasonsOf([rule()], read(...below), { contentType, time: IN_TERM });
    expect(reasons).toEqual([expect.stringContaining(`rule signed: ${why}`)]);
  });

  test("refuses certificates that are not in force any more, by the name of their authority", async () => {
    const how = { contentType: SWID, time: TIME };
    expect(await reasonsOf([everybody()], read("nvidia-swid", NVIDIA), how)).toEqual([
      "rule signed: the certificates under NVIDIA are not valid at the time of registration",
    ]);
  });

  test("asks each rule for its own keys and roots", async () => {
    const rules = [everybody(), { ...ready({ keys: [arm()] }), name: "arm" }];
    const payload = read("corim-veraison", "signed-good-corim.cbor");
    const why = "the manifest is signed by no key or authority of the rule";
    expect(await reasonsOf(rules, payload)).toEqual([`rule arm: ${why}`]);
    const how = { contentType: SWID, time: IN_TERM };
    expect(await reasonsOf(rules, read("nvidia-swid", NVIDIA), how)).toEqual([`rule arm: ${why}`]);
  });

  test("lets pass what is unsigned where that is allowed, and what is no manifest", async () => {
    const unsigned = read("corim-veraison", "unsigned-good-corim.cbor");
    expect(await reasonsOf([everybody({ allowUnsigned: true })], unsigned)).toEqual([]);
    const json = { contentType: "application/json" };
    expect(await reasonsOf([everybody()], bytesOf({ sbom: 1 }), json)).toEqual([]);
    const named = everybody({ contentTypes: ["application/json"] });
    expect(await reasonsOf([named], bytesOf({ sbom: 1 }), json)).toEqual([
      "rule signed: the payload is of kind opaque, want a signed manifest",
    ]);
  });

  test("decides nothing by what was found under another policy", async () => {
    const state = await stateWith({ rules: [everybody()] });
    const signed = await statement({
      payload: read("corim-veraison", "signed-good-corim.cbor"),
      contentType: COSE,
    });
    const before = policyWith({ rules: [ready({ keys: [arm()] })] });
    const stale = await VerifiedStatement.verify(signed, before, { time: TIME });
    expect(() => Admission.admit(stale, state, TIME)).toThrow("not looked at under this policy");
    const again = await stale.verifyAgain(state.inForce.policy, { time: TIME });
    expect(Admission.is(Admission.admit(again, state, TIME))).toBe(true);
    const same = await again.verifyAgain(state.inForce.policy, { time: TIME });
    expect(same.finding).toBe(again.finding);
  });

  test("is malformed without keys and roots, and with too many", async () => {
    const key = async (): Promise<object> => ({
      provider: "x",
      key: (await PrivateKey.generate("ES256")).publicKey.toJwk(),
    });
    const keys = await Promise.all(Array.from({ length: 40 }, key));
    const half = (name: string, from: number): RuleDocument => ({
      ...ready({ keys: keys.slice(from), anchors: [nvidia()] }),
      name,
    });
    for (const [rules, why] of [
      [[ready({})], "keys is missing"],
      [[ready({ keys: [] })], "keys is not a list of 1 to 64 keys"],
      [[ready({ keys: [{ provider: "x", key: { kty: "OKP" } }] })], "cannot be read"],
      [[ready({ anchors: [] })], "anchors is not a list of 1 to 16 anchors"],
      [[ready({ anchors: ["x"] })], "anchors [0] is not an object"],
      [[ready({ anchors: [{ ...nvidia(), more: 1 }] })], "unknown member"],
      [[ready({ anchors: [{ provider: "x", certificate: 1 }] })], "has no certificate in PEM"],
      [[ready({ anchors: [{ provider: "x", certificate: "x" }] })], "cannot be read"],
      [[ready({ anchors: [{ certificate: "x" }] })], "has no provider"],
      [[ready({ anchors: [nvidia(), nvidia()] })], "has one certificate twice"],
      [[half("a", 0), half("b", 10)], "72 keys and anchors of manifests, want 64 at most"],
    ] as const) {
      expect(() => policyWith({ rules })).toThrow(why);
    }
  });
});
