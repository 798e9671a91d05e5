import { describe, expect, test } from "@jest/globals";
import { verifySwidRim } from "@tallystick/content/swid-signature";
import { decodeHex } from "@tallystick/cose";

import { decodeBundle } from "./bundle.js";
import { decide, type Appraisal } from "./decide.js";
import { judgeEvidence } from "./device.js";
import { gather, type Parts } from "./gather.js";
import { parseAppraisalPolicy } from "./policy.js";
import { subjectOfDevice } from "./subject.js";
import {
  GPU_NONCE,
  gpuChain,
  gpuReport,
  ISSUER,
  MATCHING,
  MISMATCHING,
  sceneOf,
  type SceneChanges,
} from "./testing/gpu.js";
import { isPublished } from "./testing/published.js";

const LATER = 1_790_000_000;

const describeIt = isPublished ? describe : describe.skip;

interface Changes extends SceneChanges {
  readonly parts?: Parts;
}

/** Registers a published manifest in a log, and appraises the report of the GPU by a bundle of it. */
async function appraise(file: string, changes: Changes = {}): Promise<Appraisal> {
  const scene = await sceneOf(file, changes);
  const policy = parseAppraisalPolicy(scene.policy);
  const { parts = { verifySwidRim } } = changes;
  const gathered = await gather(decodeBundle(scene.bundle), policy, parts);
  const device = await judgeEvidence(gpuReport(), policy, {
    chain: gpuChain(),
    time: gathered.checkpointTime,
    nonce: decodeHex(GPU_NONCE),
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
    const { decision, held, reasons } = await appraise(MISMATCHING);
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
