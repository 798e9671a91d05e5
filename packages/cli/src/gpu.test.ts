import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { decodeBundle, encodeBundle } from "@tallystick/appraisal";
import { digest, encodeHex } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";

import { writeDevices } from "./testing/device.js";
import { publishedData } from "./testing/published-data.js";
import { report, rom, VENDOR, writeAppraisal, writeRegistration } from "./testing/review.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const GPU_VENDOR = "NVIDIA Corporation";
const NONCE = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";
const MATCHING = "1010_0200_882_96005E0001_PROD.swidtag";
const MISMATCHING = "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml";

const { describeIt, read, readText } = publishedData("the way of a GPU's evidence");

interface Told {
  readonly code: number | null;
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
}

describeIt("a GPU, from the registration of its manifest to the decision", () => {
  let workspace: Workspace;
  let server: ServeProcess;

  async function register(name: string, type: string): Promise<string> {
    await workspace.must(
      ...["sign", name, "--key", "vendor.jwk", "--iss", VENDOR, "--sub", "fw:gpu"],
      ...["--type", type, "--out", `${name}.scitt`],
    );
    const service = ["--service", server.url, "--out", `${name}.transparent`];
    await workspace.must("register", `${name}.scitt`, ...service);
    return SignedStatement.decode(await workspace.read(`${name}.scitt`)).entryId;
  }

  /** Registers the release that leads from a manifest to the file that was reviewed. */
  async function release(name: string, rim: string): Promise<void> {
    const digests = [{ alg: "sha-384", value: encodeHex(digest("sha-384", rom(7))) }];
    const told = {
      format: "tallystick-release/1",
      ...{ vendor: GPU_VENDOR, product: "H100", version: "96.00.5E.00.01" },
      files: [{ name: "vbios.rom", digests }],
      rims: [{ entry: rim }],
    };
    await workspace.write(name, JSON.stringify(told));
    await register(name, "application/vnd.tallystick.firmware-release+json");
  }

  async function bundle(out: string, ...names: readonly string[]): Promise<void> {
    const files = names.map((name) => `${name}.transparent`);
    const args = ["--service", server.url, "--trust", "trust.json", "--files-only", "--out", out];
    await workspace.must("bundle", ...files, ...args);
  }

  async function writePolicy(name: string, evidence: object, changes: object = {}): Promise<void> {
    await writeAppraisal(workspace, name, {
      vendors: { [VENDOR]: [GPU_VENDOR] },
      rimAnchors: [readText("rim", "nvidia-swid", "verifier_RIM_root.pem")],
      allowsIncomplete: true,
      evidence: {
        anchors: [readText("evidence", "nvidia-spdm", "verifier_device_root.pem")],
        device: { vendor: GPU_VENDOR },
        // The certificates of the published manifests are out of term since 2025.
        allowsUncheckedManifests: true,
        ...evidence,
      },
      ...changes,
    });
  }

  async function appraise(changes: Readonly<Record<string, string>> = {}): Promise<Told> {
    const options: Readonly<Record<string, string>> = {
      ...{ evidence: "gpu.txt", chain: "gpu.pem", nonce: NONCE },
      ...{ bundle: "gpu.bundle", policy: "gpu.json" },
      ...changes,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const { code, stdout } = await workspace.tally("appraise", ...args, "--json");
    return { code, json: JSON.parse(stdout) as Told["json"], text: stdout };
  }

  beforeAll(async () => {
    workspace = await Workspace.moveTo();
    await workspace.must("keygen", "--alg", "ES256", "--out", "vendor.jwk");
    await workspace.must("keygen", "--alg", "ES384", "--out", "lab.jwk");
    await writeRegistration(workspace);
    const init = ["--policy", "registration.json", "--origin", "log.example/gpu"];
    await workspace.must("init", "data", ...init);
    server = await ServeProcess.start(workspace, "data");
    await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
    await workspace.write("report.json", report(7, "none").replace("Example Silicon", GPU_VENDOR));
    const signing = ["--key", "lab.jwk", "--kid", "lab-2026", "--out", "report.jws"];
    await workspace.must("sign-report", "report.json", ...signing);
    await register("report.jws", "application/jose");
    for (const [name, file] of [
      ["good", MATCHING],
      ["other", MISMATCHING],
    ] as const) {
      await workspace.write(`${name}.xml`, read("rim", "nvidia-swid", file));
      await release(`${name}.json`, await register(`${name}.xml`, "application/swid+xml"));
      await bundle(`${name}.bundle`, `${name}.xml`, `${name}.json`, "report.jws");
    }
    const spdm = ["evidence", "nvidia-spdm"];
    await workspace.write("gpu.bundle", await workspace.read("good.bundle"));
    await workspace.write("gpu.txt", read(...spdm, "hopperAttestationReport.txt"));
    await workspace.write("gpu.pem", read(...spdm, "hopperCertChain.pem"));
    await writePolicy("gpu.json", {});
    await writeDevices(workspace);
  }, 120_000);

  afterAll(async () => {
    await server.stop();
    await workspace.remove();
  });

  test("matches 12 of 12, is led to its report, and is allowed", async () => {
    const { code, json, text } = await appraise();
    expect({ code, json }).toMatchObject({
      code: 0,
      json: {
        decision: "allow",
        evidence: { form: "spdm", isFresh: true, manifests: [{ matched: 12, required: 12 }] },
      },
    });
    expect(text).toContain("was not checked, which the policy allows: CONTENT_KEY_OUT_OF_TERM");
  });

  test("fails at index 9 of the other manifest alone, and is denied", async () => {
    const { code, json } = await appraise({ bundle: "other.bundle" });
    const { evidence, reasons } = json as {
      readonly evidence: {
        readonly manifests: readonly {
          readonly matched: number;
          readonly elements: readonly { readonly status: string; readonly element: string }[];
        }[];
      };
      readonly reasons: readonly { readonly decision: string; readonly rule: string }[];
    };
    const [manifest] = evidence.manifests;
    const failed = manifest?.elements.filter(({ status }) => status.startsWith("mis"));
    expect({ code, matched: manifest?.matched, failed }).toMatchObject({
      code: 1,
      matched: 11,
      // Index 9 of the manifest is the tenth block of SPDM.
      failed: [{ status: "mismatch", element: expect.stringMatching(/^block 10\b/) as unknown }],
    });
    expect(reasons.filter(({ rule }) => rule === "manifest")).toMatchObject([{ decision: "deny" }]);
  });

  test.each([
    ["the answer to another challenge", { nonce: "07".repeat(32) }, 1, "EVIDENCE_NONCE_MISMATCH"],
    ["another device's evidence", { evidence: "device-7.bin" }, 1, "EVIDENCE_"],
    [
      "another device and its certificates",
      { evidence: "device-7.bin", chain: "device.pem" },
      1,
      "EVIDENCE_CHAIN_INVALID",
    ],
    ["another device's certificates", { chain: "device.pem" }, 1, "EVIDENCE_CHAIN_INVALID"],
  ] as const)("is denied with %s", async (...[, changes, code, says]) => {
    const outcome = await appraise(changes);
    expect({ code: outcome.code, text: outcome.text }).toMatchObject({
      code,
      text: expect.stringContaining(says) as unknown,
    });
  });

  test("is denied with a report of which a digit was changed, and not decided on half of one", async () => {
    const text = readText("evidence", "nvidia-spdm", "hopperAttestationReport.txt").trim();
    const at = 4000;
    const changed = `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}`;
    await workspace.write("changed.txt", changed);
    await workspace.write("half.txt", text.slice(0, text.length / 2));
    const [bad, half] = [
      await appraise({ evidence: "changed.txt" }),
      await appraise({ evidence: "half.txt" }),
    ];
    expect([bad.code, half.code]).toEqual([1, 2]);
    expect(bad.text).toContain("EVIDENCE_SIGNATURE_INVALID");
    expect(half.text).toContain("EVIDENCE_MALFORMED");
  });

  test("is denied where a receipt is missing: such a statement does not count", async () => {
    const whole = decodeBundle(await workspace.read("gpu.bundle"));
    const scitts = ["good.xml", "good.json", "report.jws"].map((name) => `${name}.scitt`);
    for (const [place, name] of scitts.entries()) {
      const statements = whole.statements.with(place, await workspace.read(name));
      await workspace.write("bare.bundle", encodeBundle({ ...whole, statements }));
      const { code, text } = await appraise({ bundle: "bare.bundle" });
      expect({ name, isAllowed: code === 0, text }).toMatchObject({
        isAllowed: false,
        text: expect.stringContaining("does not count: VERIFIER_RECEIPTS_MISSING") as unknown,
      });
    }
  });

  test("needs its manifest checked, and a complete bundle, unless the policy says otherwise", async () => {
    await writePolicy("strict.json", { allowsUncheckedManifests: false });
    const strict = await appraise({ policy: "strict.json" });
    expect(strict.code).not.toBe(0);
    expect(strict.text).toContain("does not count as a manifest: CONTENT_KEY_OUT_OF_TERM");
    await writePolicy("whole.json", {}, { allowsIncomplete: false });
    const whole = await appraise({ policy: "whole.json" });
    expect({ code: whole.code, text: whole.text }).toMatchObject({
      code: 2,
      text: expect.stringContaining('"rule":"complete"') as unknown,
    });
  });
});
