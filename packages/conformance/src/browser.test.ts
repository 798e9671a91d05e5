import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { PrivateKey, encodeHex } from "@tallystick/cose";
import type { AlgorithmName } from "@tallystick/cose";
import { leafHash, nodeHash, sha256 } from "@tallystick/merkle";
import { SignedCheckpoint, issueInclusionReceipt } from "@tallystick/receipt";
import { SignedStatement, attachReceipts, signStatement } from "@tallystick/statement";
import type { Browser, Page } from "playwright-core";

import { describeBrowser, launchBrowser } from "./testing/chromium.js";
import { ROOT } from "./testing/shared.js";

/** What the page hands back: a verification's outcome as plain values. */
interface Outcome {
  readonly entryId?: string;
  readonly isIssuerVerified?: boolean;
  readonly steps?: readonly string[];
  readonly code?: string;
}

interface Case {
  readonly trust: string;
  readonly transparent: Uint8Array;
  readonly artifact: Uint8Array;
}

const CASES = [
  ["ES256", "ES256"],
  ["ES384", "ES384"],
  ["ES512", "ES256"],
  ["EdDSA", "EdDSA"],
  ["PS256", "ES256"],
  ["ML-DSA-65", "ML-DSA-44"],
] as const;

/** A statement of one algorithm with a receipt of another, and the trust that accepts both. */
async function makeCase(statementAlg: AlgorithmName, receiptAlg: AlgorithmName): Promise<Case> {
  const [vendor, service] = await Promise.all([
    PrivateKey.generate(statementAlg),
    PrivateKey.generate(receiptAlg),
  ]);
  const [issuer, origin, iss] = ["https://log.example", "log.example/log", "https://v.example"];
  const artifact = new TextEncoder().encode(`{"alg":"${statementAlg}"}`);
  const named = { issuer: iss, subject: "a", contentType: "application/json" };
  const statement = SignedStatement.decode(
    await signStatement({ ...named, payload: artifact }, vendor),
  );
  const other = leafHash(sha256(new Uint8Array(1)));
  const root = nodeHash(other, leafHash(statement.entry));
  const checkpoint = { issuer, origin, size: 2, root, time: 1_790_000_000 };
  const signed = await SignedCheckpoint.sign(checkpoint, service);
  const receipt = issueInclusionReceipt(signed, { size: 2, index: 1, path: [other] });
  const trust = JSON.stringify({
    services: [{ issuer, origin, keys: [service.publicKey.toJwk()] }],
    issuers: [{ iss, keys: [vendor.publicKey.toJwk()] }],
  });
  return { trust, transparent: attachReceipts(statement, [receipt]), artifact };
}

// Runs in the page; hexadecimal in and plain values out.
const VERIFY = `async ({ trust, transparent, artifact }) => {
  const { TrustStore, verifyTransparentStatement } = await import("/verifier.min.js");
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  try {
    const verified = await verifyTransparentStatement(bytes(transparent), TrustStore.parse(trust), {
      artifact: bytes(artifact),
    });
    return {
      entryId: verified.statement.entryId,
      isIssuerVerified: verified.isIssuerVerified,
      steps: verified.steps.map(({ step, outcome }) => step + " " + outcome),
    };
  } catch (error) {
    return { code: error.code ?? String(error) };
  }
}`;

describeBrowser("the verifier in headless Chromium, from the repository's bundle", () => {
  let browser: Browser;
  let page: Page;
  let server: Server;

  beforeAll(async () => {
    const script = join(ROOT, "scripts", "bundle-verifier.mjs");
    await promisify(execFile)(process.execPath, [script, "verifier"], { cwd: ROOT });
    const bundle = readFileSync(join(ROOT, "build", "verifier.min.js"));
    server = createServer((request, response) => {
      const isBundle = request.url === "/verifier.min.js";
      // A strict policy: no eval, nothing from elsewhere.
      response.setHeader("content-security-policy", "default-src 'self'");
      response.setHeader("content-type", isBundle ? "text/javascript" : "text/html");
      response.end(isBundle ? bundle : "<!doctype html><title>verifier</title>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await launchBrowser();
    page = await browser.newPage();
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/`);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  });

  function verifyInPage({ trust, transparent, artifact }: Case): Promise<Outcome> {
    const hex = { trust, transparent: encodeHex(transparent), artifact: encodeHex(artifact) };
    return page.evaluate(`(${VERIFY})(${JSON.stringify(hex)})`);
  }

  test.each(CASES)("%s statement, %s receipt: yes, with every step", async (statement, receipt) => {
    const made = await makeCase(statement, receipt);
    const { entryId } = SignedStatement.decode(made.transparent);
    expect(await verifyInPage(made)).toEqual({
      entryId,
      isIssuerVerified: true,
      steps: ["statement verified", "receipt verified", "issuer verified", "artifact verified"],
    });
  });

  test.each(CASES)(
    "%s statement, %s receipt: no, where a bit is flipped",
    async (statement, receipt) => {
      const made = await makeCase(statement, receipt);
      const { message } = SignedStatement.decode(made.transparent);
      const inSignature = encodeHex(made.transparent).lastIndexOf(encodeHex(message.signature)) / 2;
      const transparent = made.transparent.slice();
      const place = inSignature + 5;
      transparent[place] = (transparent[place] ?? 0) ^ 1;
      // Another signature is another entry, which the receipt does not cover.
      expect(await verifyInPage({ ...made, transparent })).toEqual({
        code: "VERIFIER_RECEIPTS_INSUFFICIENT",
      });
      const artifact = Uint8Array.of(...made.artifact, 1);
      expect(await verifyInPage({ ...made, artifact })).toEqual({
        code: "VERIFIER_ARTIFACT_MISMATCH",
      });
    },
  );
});
