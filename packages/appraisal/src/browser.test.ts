import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeHex, encodeHex } from "@tallystick/cose";
import { recogniseContent } from "@tallystick/content";
import { build, stop } from "esbuild";
import { chromium, type Browser, type Page } from "playwright-core";

import { decodeBundle } from "./bundle.js";
import { decide, type Appraisal } from "./decide.js";
import { judgeEvidence } from "./device.js";
import { gather } from "./gather.js";
import { parseAppraisalPolicy } from "./policy.js";
import { subjectOfDevice, type Subject } from "./subject.js";
import { GPU_NONCE, gpuChain, gpuReport, MATCHING, sceneOf, type Scene } from "./testing/gpu.js";
import { isPublished, read } from "./testing/published.js";

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
  process.stderr.write(`${message}\n`);
  describe.skip(name, suite);
}

/** What is asked, as a page takes it: hexadecimal, or digests. */
interface Asked {
  readonly digests?: Subject["digests"];
  readonly nonce?: string;
}

type Told = Pick<Appraisal, "decision" | "reasons" | "warnings">;

/** What a page is made of that asks for all of an appraisal, and for what browsers do without. */
const WHOLE = `
  export * from "@tallystick/appraisal";
  export { recogniseContent } from "@tallystick/content";
  export * from "@tallystick/content/swid-signature";
  export * from "@tallystick/content/schema";
`;

/** Bundles it as any page would be: by the conditions of the packages alone. */
async function wholeBundle(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents: WHOLE, resolveDir: import.meta.dirname },
    ...{ bundle: true, format: "esm", platform: "browser", target: "es2022", write: false },
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error("nothing was bundled");
  return file.contents;
}

// Runs in the page.
const CHECK_SCHEMA = `async (bom) => {
  const { checkBomSchema } = await import("/whole.js");
  const format = { kind: "cyclonedx", specVersion: "1.6" };
  return checkBomSchema(new TextEncoder().encode(bom), format).then(
    (problem) => ({ problem }),
    ({ name, code }) => ({ name, code }),
  );
}`;

// Runs in the page.
const APPRAISE = `async ({ bundle, policy, evidence, asked, script }) => {
  const appraisal = await import(script);
  const { verifySwidRim } = appraisal;
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  try {
    const parsed = appraisal.parseAppraisalPolicy(bytes(policy));
    const gathered = await appraisal.gather(
      appraisal.decodeBundle(bytes(bundle)), parsed, verifySwidRim === undefined ? {} : { verifySwidRim });
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
    const scripts = new Map([
      ["/appraisal.min.js", bundle],
      ["/whole.js", await wholeBundle()],
    ]);
    server = createServer((request, response) => {
      const script = scripts.get(request.url ?? "");
      // A strict policy: no eval, nothing from elsewhere.
      response.setHeader("content-security-policy", "default-src 'self'");
      response.setHeader("content-type", script === undefined ? "text/html" : "text/javascript");
      response.end(script ?? "<!doctype html><title>appraisal</title>");
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
    await stop();
    await browser.close();
    await new Promise((done) => server.close(done));
  });

  async function appraiseThere(
    { bundle, policy }: Scene,
    asked: Asked,
    script = "/appraisal.min.js",
  ): Promise<unknown> {
    const evidence = { report: encodeHex(gpuReport()), chain: encodeHex(gpuChain()) };
    const given = { bundle: encodeHex(bundle), policy: encodeHex(policy), evidence, asked, script };
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

  test.each([
    ["is not there", "/appraisal.min.js"],
    ["is the one that browsers find", "/whole.js"],
  ])("cannot decide on a GPU where what verifies its manifest %s", async (_name, script) => {
    const here = await appraiseHere(scene, { nonce: GPU_NONCE });
    const there = await appraiseThere(scene, { nonce: GPU_NONCE }, script);
    if (script === "/whole.js") expect(there).toMatchObject({ decision: "manual" });
    else expect(there).toEqual(plain(here));
    const told = JSON.stringify(there);
    expect(here.reasons.slice(0, 2)).toMatchObject([
      { decision: "allow", rule: "evidence" },
      { decision: "allow", rule: "fresh" },
    ]);
    expect(told).toContain(
      "does not count as a manifest: APPRAISAL_PART_MISSING: signatures of XML",
    );
    const undecided = here.reasons.filter(({ rule }) => rule === "undecided");
    expect(undecided).toMatchObject([{ decision: "manual" }]);
    expect(told).toContain(`"statement":"${undecided[0]?.statement ?? ""}","value":"it is about`);
    expect([here.decision, told.includes(`"decision":"deny"`)]).toEqual(["manual", false]);
  });

  test("denies a GPU for what is against it, whatever cannot be verified", async () => {
    const told = await appraiseThere(scene, { nonce: "08" }, "/whole.js");
    expect(told).toMatchObject({ decision: "deny" });
    expect(JSON.stringify(told)).toContain("EVIDENCE_NONCE_MISMATCH");
  });

  test("is asked of a bill of materials in vain, with a code, what its schema says", async () => {
    const bom = JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6" });
    expect(await page.evaluate(`(${CHECK_SCHEMA})(${JSON.stringify(bom)})`)).toEqual({
      ...{ name: "ContentError", code: "CONTENT_PART_MISSING" },
    });
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
