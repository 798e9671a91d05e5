import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PublicKey } from "@tallystick/cose";

import type { Outcome } from "./testing/command.js";
import { publishedData } from "./testing/published-data.js";
import { VENDOR } from "./testing/review.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const COSE = "application/rim+cose";
const SWID = "application/swid+xml";

const { describeIt, read, readText } = publishedData("registration of signed manifests");

/** Yields the bytes with the last one changed, which is in the signature of a COSE message. */
function forged(bytes: Uint8Array): Uint8Array {
  const changed = new Uint8Array(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
}

describeIt("a service that takes manifests by the signature inside", () => {
  let workspace: Workspace;
  let server: ServeProcess;

  async function sign(name: string, payload: Uint8Array, type: string): Promise<void> {
    await workspace.write(name, payload);
    await workspace.must(
      ...["sign", name, "--key", "vendor.jwk", "--iss", VENDOR, "--sub", "rim:x"],
      ...["--type", type, "--out", `${name}.scitt`],
    );
  }

  async function register(name: string, payload: Uint8Array, type: string): Promise<Outcome> {
    await sign(name, payload, type);
    const service = ["--service", server.url, "--out", `${name}.transparent`];
    return workspace.tally("register", `${name}.scitt`, ...service);
  }

  async function sizeOfLog(): Promise<number> {
    const args = ["--service", server.url, "--trust", "trust.json", "--json"];
    const { stdout } = await workspace.must("checkpoint", ...args);
    return (JSON.parse(stdout) as { readonly size: number }).size;
  }

  beforeAll(async () => {
    workspace = await Workspace.moveTo();
    await workspace.must("keygen", "--alg", "ES256", "--out", "vendor.jwk");
    const arm = PublicKey.fromPem(readText("rim", "corim-cover", "key.pub.pem")).toJwk();
    const anchor = readText("rim", "nvidia-swid", "verifier_RIM_root.pem");
    await workspace.write(
      "registration.json",
      JSON.stringify({
        format: "tallystick-policy/1",
        issuers: [{ iss: VENDOR, keys: [await workspace.json("vendor.pub.jwk")] }],
        algorithms: ["ES256"],
        maxStatementBytes: 1_048_576,
        rules: [
          {
            name: "signed-rims",
            use: "rimSignature",
            with: {
              contentTypes: [COSE, SWID],
              keys: [{ provider: "Arm", key: arm }],
              anchors: [{ provider: "NVIDIA", certificate: anchor }],
            },
          },
        ],
      }),
    );
    await workspace.must("init", "data", "--policy", "registration.json");
    server = await ServeProcess.start(workspace, "data");
    await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
  }, 120_000);

  afterAll(async () => {
    await server.stop();
    await workspace.remove();
  });

  test("registers a published manifest, and an audit decides the same", async () => {
    const payload = read("rim", "corim-cover", "signed-corim-cca-ref-plat.cbor");
    const { code, stderr } = await register("good.cbor", payload, COSE);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const audit = await workspace.tally(
      ...["audit", "--service", server.url, "--trust", "trust.json"],
    );
    expect(audit).toMatchObject({ code: 0 });
  });

  test.each<[string, () => Uint8Array, string, string]>([
    [
      "its signature is changed",
      () => forged(read("rim", "corim-cover", "signed-corim-cca-ta.cbor")),
      COSE,
      "the signature inside the manifest: CONTENT_SIGNATURE_INVALID",
    ],
    [
      "it is of another key",
      () => read("rim", "corim-veraison", "signed-good-corim.cbor"),
      COSE,
      "the signature inside the manifest: CONTENT_SIGNATURE_INVALID",
    ],
    [
      "it is not signed",
      () => read("rim", "corim-veraison", "unsigned-good-corim.cbor"),
      COSE,
      "the manifest is not signed inside",
    ],
    [
      "its certificates are out of term",
      () => read("rim", "nvidia-swid", "1010_0200_882_96005E0001_PROD.swidtag"),
      SWID,
      "the certificates under NVIDIA are not valid at the time of registration",
    ],
    [
      "a digest in it is changed",
      () => {
        const text = readText("rim", "nvidia-swid", "1010_0200_882_96005E0001_PROD.swidtag");
        return new TextEncoder().encode(text.replace("c3f65ef7", "c3f65ef8"));
      },
      SWID,
      "the signature inside the manifest: CONTENT_SIGNATURE_INVALID",
    ],
  ])("keeps one out of the log: %s", async (...[, payload, type, why]) => {
    const before = await sizeOfLog();
    const { code, stderr } = await register("bad.cbor", payload(), type);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`rule signed-rims: ${why}`) as unknown,
    });
    expect(await sizeOfLog()).toBe(before);
  });

  test("is what tally policy test says of statements before anybody registers them", async () => {
    await sign("trial-good.cbor", read("rim", "corim-cover", "signed-corim-cca-ta.cbor"), COSE);
    await sign(
      "trial-bad.cbor",
      forged(read("rim", "corim-cover", "signed-corim-cca-ta.cbor")),
      COSE,
    );
    const trial = ["policy", "test", "registration.json", "--statements"];
    expect(await workspace.tally(...trial, "trial-good.cbor.scitt")).toMatchObject({ code: 0 });
    // The certificates of the published tag were in force then.
    const swid = read("rim", "nvidia-swid", "1010_0200_882_96005E0001_PROD.swidtag");
    await sign("trial.xml", swid, SWID);
    const then = ["trial.xml.scitt", "--time", "1742000000"];
    expect(await workspace.tally(...trial, ...then)).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await workspace.tally(...trial, "trial-bad.cbor.scitt");
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`).toContain("rule signed-rims: the signature inside the manifest");
  });
});
