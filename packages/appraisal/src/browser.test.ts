import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeHex, encodeHex } from "@tallystick/cose";
import { recogniseContent } from "@tallystick/content";
import { chromium, type Browser, type Page } from "playwright-core";

import { decodeBundle } from "./bundle.js";
import { decide, type Appraisal } from "./decide.js";
import { judgeEvidence } from "./device.js";
import { gather } from "./gather.js";
import { parseAppraisalPolicy } from "./policy.js";
import { subjectOfDevice, type Subject } from "./subject.js";
import {
  GPU_NONCE,
  gpuChain,
  gpuReport,
  isPublished,
  MATCHING,
  read,
  sceneOf,
  type Scene,
} from "./testing/gpu.js";

const ROOT = resolve(import.meta.dirname, "../../..");
const CHROMIUM = process.env["TALLYSTICK_CHROMIUM"] ?? "/usr/bin/chromium";
const REPORTS = ["amd-2024-epyc9005-librom.jws", "astera-2025-leo.jws"];

/** Runs the suite, or says by name why it does not; under CI the browser has to be there. */
function describeBrowser(name: string, suite: () => void): void {
  const isThere = existsSync(CHROMIUM);
  if (isThere && isPublished) {
    describe(name, suite);
    return;
  }
  const message = `SKIPPED for want of ${isThere ? "published data" : CHROMIUM}: ${name}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  console.warn(message);
  describe.skip(name, suite);
}

/** What is asked, as a page takes it: hexadecimal, or digests. */
interface Asked {
  readonly digests?: Subject["digests"];
  readonly nonce?: string;
}

type Told = Pick<Appraisal, "decision" | "reasons" | "warnings">;

// Runs in the page.
const APPRAISE = `async ({ bundle, policy, evidence, asked }) => {
  const appraisal = await import("/appraisal.min.js");
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  try {
    const parsed = appraisal.parseAppraisalPolicy(bytes(policy));
    const gathered = await appraisal.gather(appraisal.decodeBundle(bytes(bundle)), parsed);
    const subject = asked.digests !== undefined ? { digests: asked.digests }
      : appraisal.subjectOfDevice(await appraisal.judgeEvidence(bytes(evidence.report), parsed, {
          chain: bytes(evidence.chain),
          nonce: bytes(asked.nonce),
          time: gathered.checkpointTime,
        }));
    const { decision, reasons, warnings } = appraisal.decide(subject, gathered, parsed);
    return { decision, warnings, reasons: reasons.map((one) => ({ ...one, statement: one.statement ?? null })) };
  } catch (error) {
    return { code: error.code ?? String(error) };
  }
}`;

/** The same under Node, also without the part that needs it. */
async function appraiseHere(scene: Scene, { digests, nonce = "" }: Asked): Promise<Told> {
  const policy = parseAppraisalPolicy(scene.policy);
  const gathered = await gather(decodeBundle(scene.bundle), policy);
  const subject =
    digests === undefined
      ? subjectOfDevice(
          await judgeEvidence(gpuReport(), policy, {
            chain: gpuChain(),
            nonce: decodeHex(nonce),
            time: gathered.checkpointTime,
          }),
        )
      : { digests };
  const { decision, reasons, warnings } = decide(subject, gathered, policy);
  return { decision, reasons, warnings };
}

describeBrowser("an appraisal in headless Chromium, from the repository's bundle", () => {
  let browser: Browser;
  let page: Page;
  let server: Server;
  let scene: Scene;

  beforeAll(async () => {
    const script = join(ROOT, "scripts", "bundle-verifier.mjs");
    await promisify(execFile)(process.execPath, [script, "appraisal"], { cwd: ROOT });
    const bundle = readFileSync(join(ROOT, "build", "appraisal.min.js"));
    server = createServer((request, response) => {
      const isBundle = request.url === "/appraisal.min.js";
      // A strict policy: no eval, nothing from elsewhere.
      response.setHeader("content-security-policy", "default-src 'self'");
      response.setHeader("content-type", isBundle ? "text/javascript" : "text/html");
      response.end(isBundle ? bundle : "<!doctype html><title>appraisal</title>");
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    const quiet = ["--disable-background-networking", "--disable-component-update"];
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...args, ...quiet] });
    page = await browser.newPage();
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
    const rule = { name: "small", cel: "size < 100 && isComplete", reason: "a large log" };
    scene = await sceneOf(MATCHING, { reports: REPORTS, policy: { rules: [rule] } });
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await new Promise((done) => server.close(done));
  });

  async function appraiseThere({ bundle, policy }: Scene, asked: Asked): Promise<unknown> {
    const evidence = { report: encodeHex(gpuReport()), chain: encodeHex(gpuChain()) };
    const given = { bundle: encodeHex(bundle), policy: encodeHex(policy), evidence, asked };
    return page.evaluate(`(${APPRAISE})(${JSON.stringify(given)})`);
  }

  const plain = ({ reasons, ...told }: Told): unknown => ({
    ...told,
    reasons: reasons.map((one) => ({ ...one, statement: one.statement ?? null })),
  });

  test.each([
    ["allow", REPORTS[0] ?? ""],
    ["deny", REPORTS[1] ?? ""],
  ])("is the same as under Node: %s, by %s", async (decision, name) => {
    const content = recogniseContent(read("sfr", "reports", name));
    const digests = "reports" in content ? content.reports.flatMap((one) => one.digests) : [];
    const here = await appraiseHere(scene, { digests });
    expect(here).toMatchObject({ decision });
    expect(await appraiseThere(scene, { digests })).toEqual(plain(here));
  });

  test("is the same as under Node of a GPU, whose manifest is not verified and does not count", async () => {
    const here = await appraiseHere(scene, { nonce: GPU_NONCE });
    const there = await appraiseThere(scene, { nonce: GPU_NONCE });
    expect(there).toEqual(plain(here));
    expect(here.reasons.slice(0, 2)).toMatchObject([
      { decision: "allow", rule: "evidence" },
      { decision: "allow", rule: "fresh" },
    ]);
    expect(here.warnings.join()).toContain("does not count as a manifest: APPRAISAL_PART_MISSING");
    const told = await appraiseThere(scene, { nonce: "08" });
    expect(JSON.stringify(told)).toContain("EVIDENCE_NONCE_MISMATCH");
  });

  test("is an error with a code where the bundle or the policy is none", async () => {
    const bundle = scene.bundle.subarray(0, -1);
    const code = "APPRAISAL_BUNDLE_INVALID";
    expect(await appraiseThere({ ...scene, bundle }, { digests: [] })).toEqual({ code });
    const policy = scene.policy.subarray(0, -1);
    expect(await appraiseThere({ ...scene, policy }, { digests: [] })).toEqual({
      code: "APPRAISAL_POLICY_INVALID",
    });
  });
});
