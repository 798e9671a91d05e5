import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { beforeAll, describe, expect, test } from "@jest/globals";
import { verifySwidRim } from "@tallystick/content/swid-signature";
import { decodeHex, PrivateKey } from "@tallystick/cose";
import { parseCertificates } from "@tallystick/statement";

import { SignedLog, statementOf } from "./testing/signed-log.js";
import { decodeBundle } from "./bundle.js";
import { decide, type Appraisal } from "./decide.js";
import { judgeEvidence } from "./device.js";
import { gather, type Parts } from "./gather.js";
import { parseAppraisalPolicy } from "./policy.js";
import { subjectOfDevice } from "./subject.js";

/** When the certificates of the published manifests were in force. */
const TIME = 1_742_000_000;
const LATER = 1_790_000_000;
const ISSUER = "https://nvidia.example";
const VENDOR = "NVIDIA Corporation";
const NONCE = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";
const MATCHING = "1010_0200_882_96005E0001_PROD.swidtag";
const OTHER = "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml";

/** Yields the folder of published data; where it is missing, that is said aloud, in CI as an error. */
function publishedFolder(): string | undefined {
  const shared =
    process.env["TALLYSTICK_SHARED"] ?? resolve(import.meta.dirname, "../../../../shared");
  const folder = join(shared, "data");
  if (existsSync(join(folder, "rim", "nvidia-swid"))) return folder;
  const message = `SKIPPED: appraisals of a GPU need ${folder}, which is missing`;
  if (process.env["CI"]) throw new Error(message);
  console.warn(message);
  return undefined;
}

const folder = publishedFolder();
const describeIt = folder === undefined ? describe.skip : describe;
const read = (...below: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(join(folder ?? "", ...below)));
const pem = (...below: readonly string[]): string => new TextDecoder().decode(read(...below));
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);

let vendor: PrivateKey;

beforeAll(async () => {
  vendor = await PrivateKey.generate("ES256");
});

interface Changes {
  readonly time?: number;
  readonly payload?: (text: string) => string;
  readonly policy?: object;
  readonly evidence?: object;
  readonly parts?: Parts;
}

/** Registers a published manifest in a log, and appraises the report of the GPU by a bundle of it. */
async function appraise(file: string, changes: Changes = {}): Promise<Appraisal> {
  const { time = TIME, payload = (text: string): string => text } = changes;
  const signer = { iss: ISSUER, key: vendor };
  const manifest = payload(pem("rim", "nvidia-swid", file));
  const log = await SignedLog.make(
    "log",
    await Promise.all([
      statementOf(signer, manifest, "application/swid+xml"),
      statementOf(signer, "beside", "text/plain"),
    ]),
    time,
  );
  const issuers = [{ iss: ISSUER, keys: [vendor.publicKey.toJwk()] }];
  const policy = parseAppraisalPolicy(
    utf8(
      JSON.stringify({
        format: "tallystick-appraisal/1",
        trust: { services: [log.pinned], issuers },
        reviewKeys: [
          { provider: "Lab", key: (await PrivateKey.generate("ES384")).publicKey.toJwk() },
        ],
        vendors: { [ISSUER]: [VENDOR] },
        rimAnchors: [pem("rim", "nvidia-swid", "verifier_RIM_root.pem")],
        evidence: {
          anchors: [pem("evidence", "nvidia-spdm", "verifier_device_root.pem")],
          device: { vendor: VENDOR },
          ...changes.evidence,
        },
        ...changes.policy,
      }),
    ),
  );
  const gathered = await gather(
    decodeBundle(await log.bundle()),
    policy,
    changes.parts ?? { verifySwidRim },
  );
  const report = read("evidence", "nvidia-spdm", "hopperAttestationReport.txt");
  const device = await judgeEvidence(report, policy, {
    chain: parseCertificates(pem("evidence", "nvidia-spdm", "hopperCertChain.pem")),
    time: gathered.checkpointTime,
    nonce: decodeHex(NONCE),
  });
  return decide(subjectOfDevice(device), gathered, policy);
}

const saidOf = ({ reasons, warnings }: Appraisal): string => JSON.stringify([reasons, warnings]);

describeIt("a GPU and its registered manifest", () => {
  test("match, 12 of 12, and no report is known", async () => {
    const { held, reasons, warnings, used } = await appraise(MATCHING);
    expect(held.map(({ match }) => match)).toMatchObject([{ isMatch: true, matched: 12 }]);
    expect(used.map(({ known, edge }) => [known.content.kind, edge])).toStrictEqual([
      ["swid", "measured"],
    ]);
    expect(reasons.map(({ decision, rule }) => [decision, rule])).toStrictEqual([
      ["allow", "evidence"],
      ["allow", "fresh"],
      ["allow", "manifest"],
      ["manual", "uncovered"],
      ["deny", "reviewed"],
    ]);
    expect(warnings).toStrictEqual([]);
  });

  test("are denied at index 9, which is block 10, by the other manifest", async () => {
    const { decision, held, reasons } = await appraise(OTHER);
    expect(decision).toBe("deny");
    expect(held.map(({ match }) => match)).toMatchObject([{ isMatch: false, matched: 11 }]);
    const denied = reasons.filter(({ rule }) => rule === "manifest");
    expect(denied.map(({ value }) => value)).toStrictEqual([
      expect.stringMatching(/, 11 of 12: block 10 .*has sha-384 7f3e9382785513c1/),
    ]);
  });

  test("are visible to rules", async () => {
    const rule = { name: "swid", cel: "rims.size() == 1", reason: "no manifest" };
    const found = saidOf(await appraise(MATCHING, { policy: { rules: [rule] } }));
    expect(found).not.toContain("no manifest");
  });

  const unsigned = (text: string): string => text.replace(/<ds:Signature .*<\/ds:Signature>/s, "");
  const UNCHECKED: readonly (readonly [string, Changes, string])[] = [
    ["registered after its certificates", { time: LATER }, "CONTENT_KEY_OUT_OF_TERM"],
    ["under no root", { policy: { rimAnchors: [] } }, "CONTENT_KEY_UNKNOWN"],
    ["signed in a way that is not verified", { parts: {} }, "APPRAISAL_PART_MISSING"],
    ["unsigned", { payload: unsigned }, "CONTENT_KEY_UNKNOWN"],
    [
      "changed",
      { payload: (text) => text.replace("c3f65ef7", "c3f65ef8") },
      "CONTENT_SIGNATURE_INVALID",
    ],
  ];

  test.each(UNCHECKED)("do not come together where it is %s", async (_name, changes, code) => {
    const refused = await appraise(MATCHING, changes);
    expect(refused.held).toStrictEqual([]);
    expect(saidOf(refused)).toContain(`does not count as a manifest: ${code}`);
    const evidence = { allowsUncheckedManifests: true };
    const allowed = await appraise(MATCHING, { ...changes, evidence });
    expect(allowed.held).toHaveLength(1);
    expect(saidOf(allowed)).toContain(`was not checked, which the policy allows: ${code}`);
  });

  test.each<[string, Changes, string]>([
    [
      "its issuer signs for another vendor",
      { policy: { vendors: { [ISSUER]: ["Other"] } } },
      `${ISSUER} does not sign for`,
    ],
    ["the device is another's", { evidence: { device: { vendor: "Other" } } }, "and the device of"],
  ])("do not come together where %s", async (_name, changes, says) => {
    const refused = await appraise(MATCHING, changes);
    expect(refused.held).toStrictEqual([]);
    expect(saidOf(refused)).toContain(says);
  });
});
