import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { signReport } from "@tallystick/content";
import { decodeHex, PrivateKey } from "@tallystick/cose";

import { GPU_NONCE, gpuChain, gpuReport, GPU_VENDOR } from "./testing/gpu.js";
import { isPublished, readText } from "./testing/published.js";
import { report, rom, VENDOR } from "./testing/review.js";
import { SignedLog, statementOf } from "./testing/signed-log.js";

const HOME = resolve(import.meta.dirname, "..");
const run = promisify(execFile);
const testIt = isPublished ? test : test.skip;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-appraisal-"));
  symlinkSync(resolve(HOME, "../../node_modules"), join(folder, "node_modules"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Writes what the README speaks of: a policy, and a bundle with a report on version 7. */
async function writeFiles(): Promise<void> {
  const [key, lab] = [await PrivateKey.generate("ES256"), await PrivateKey.generate("ES384")];
  const signed = await signReport(new TextEncoder().encode(report(7, "none")), lab, { kid: "lab" });
  const signer = { iss: VENDOR, key };
  const log = await SignedLog.make("log", [
    await statementOf(signer, signed.bytes, "application/jose"),
    await statementOf(signer, "beside", "text/plain"),
  ]);
  const policy = {
    format: "tallystick-appraisal/1",
    trust: { services: [log.pinned], issuers: [{ iss: VENDOR, keys: [key.publicKey.toJwk()] }] },
    reviewKeys: [{ provider: "Example Lab", key: lab.publicKey.toJwk() }],
    evidence: {
      anchors: [readText("evidence", "nvidia-spdm", "verifier_device_root.pem")],
      device: { vendor: GPU_VENDOR },
    },
  };
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "appraisal.json": JSON.stringify(policy),
    "firmware.bundle": await log.bundle(),
    "rot-7.bin": rom(7),
    "device.bin": gpuReport(),
    "device.pem": gpuChain(),
    "nonce.bin": decodeHex(GPU_NONCE),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

testIt(
  "the README runs as it stands, allows the reviewed firmware, and not the device",
  async () => {
    await writeFiles();
    const page = readFileSync(join(HOME, "README.md"), "utf8");
    const blocks = [...page.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
    expect(blocks).toHaveLength(2);
    writeFileSync(join(folder, "example.mjs"), blocks.join("\n"));
    const { stdout, stderr } = await run(process.execPath, ["example.mjs"], { cwd: folder });
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(
        /^allow reviewed [0-9a-f]{64} reviewed by Example Lab, worst open issue: none\ndeny\n$/,
      ) as unknown,
      stderr: "",
    });
  },
);
