import { truncate } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { encodeBundle, parseAppraisalPolicy } from "@tallystick/appraisal";

import { readDevice } from "./appraisal/device.js";
import { record } from "./testing/device.js";
import { VENDOR, report, rom, writeAppraisal } from "./testing/review.js";
import { Workspace } from "./testing/workspace.js";

/** Nothing listens there, and nothing is asked of it. */
const SERVICE = ["--service", "http://127.0.0.1:9"];

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("keygen", "--alg", "ES256", "--out", "vendor.jwk");
  await workspace.must("keygen", "--alg", "ES384", "--out", "lab.jwk");
  const keys = [await workspace.json("lab.pub.jwk")];
  const services = [{ issuer: "https://log.example", origin: "log.example/1", keys }];
  await workspace.write("trust.json", JSON.stringify({ services }));
  await writeAppraisal(workspace, "appraisal.json");
  const checkpoint = new Uint8Array();
  const empty = encodeBundle({ statements: [], checkpoint, keys: checkpoint });
  await workspace.write("empty.bundle", empty);
  await workspace.write("registration.json", '{"format":"tallystick-policy/1"}');
  await workspace.write("some.pem", "-----BEGIN CERTIFICATE-----\n");
  await workspace.write("rot-7.bin", rom(7));
  await workspace.write("report-7.json", report(7, "none"));
  await workspace.must(
    ...["sign", "report-7.json", "--key", "vendor.jwk", "--iss", VENDOR, "--sub", "x"],
    ...["--type", "application/json", "--out", "report-7.scitt"],
  );
});

afterAll(() => workspace.remove());

describe("wrong input", () => {
  const DIGEST = `sha-256:${"0".repeat(64)}`;
  test.each([
    [
      "nothing to appraise",
      ["--policy", "appraisal.json"],
      3,
      "want one of --subject, --digest and --evidence",
    ],
    [
      "both",
      ["--subject", "rot-7.bin", "--digest", DIGEST, "--policy", "appraisal.json"],
      3,
      "want one of",
    ],
    [
      "evidence beside a digest",
      ["--evidence", "rot-7.bin", "--digest", DIGEST, "--policy", "appraisal.json"],
      3,
      "want one of",
    ],
    [
      "a challenge without evidence",
      ["--digest", DIGEST, "--nonce", "00", "--policy", "appraisal.json"],
      3,
      "--chain and --nonce go with --evidence",
    ],
    [
      "a digest by an algorithm that is none",
      ["--digest", "md5:00", "--policy", "appraisal.json"],
      3,
      "a whole digest by sha-256, sha-384, sha-512",
    ],
    [
      "a digest without a name",
      ["--digest", "00", "--policy", "appraisal.json"],
      3,
      "--digest is not ALG:HEX",
    ],
    [
      "half a digest",
      ["--digest", "sha-256:00", "--policy", "appraisal.json"],
      3,
      "--digest is not ALG:HEX of a whole digest: sha-256 has 64 digits, not 2",
    ],
    [
      "a digest of another algorithm's length",
      ["--digest", `sha-384:${"0".repeat(64)}`, "--policy", "appraisal.json"],
      3,
      "sha-384 has 96 digits, not 64",
    ],
    [
      "a file that is not there",
      ["--subject", "none", "--policy", "appraisal.json"],
      2,
      "cannot read none",
    ],
    [
      "a policy that is none",
      ["--digest", DIGEST, "--policy", "trust.json"],
      2,
      "--policy trust.json: not a policy for appraisals: its format is not tallystick-appraisal/1",
    ],
    [
      "a trust file for a policy",
      ["--digest", DIGEST, "--policy", "trust.json"],
      2,
      "; it is a trust file: --trust takes it, and the member trust of a policy for appraisals",
    ],
    [
      "a policy that is not there",
      ["--digest", DIGEST, "--policy", "none.json"],
      2,
      "cannot read none.json",
    ],
    [
      "a bundle that is not there",
      ["--digest", DIGEST, "--policy", "appraisal.json"],
      2,
      "cannot read no.bundle",
    ],
  ] as const)("is refused: %s", async (...[, args, code, says]) => {
    const outcome = await workspace.tally("appraise", ...args, "--bundle", "no.bundle");
    expect(outcome).toMatchObject({ code, stderr: expect.stringContaining(says) as unknown });
  });

  test.each([
    ["a threshold", { threshold: "none" }, "threshold is not one of"],
    ["an outcome", { unknownSeverity: "allow" }, "neither deny nor manual"],
    ["a flag", { allowsIncomplete: "yes" }, "neither true nor false"],
    ["an unknown member", { more: 1 }, "unknown member"],
    ["no keys", { reviewKeys: [] }, "keys is not a list"],
    ["vendors", { vendors: [] }, "vendors is not an object"],
    ["a vendor", { vendors: { a: "b" } }, "vendors of a are no list"],
    ["evidence", { evidence: { allowsDebug: 1 } }, "allowsDebug is neither true nor false"],
    ["keys of manifests", { rimKeys: [] }, "rimKeys: "],
    ["roots of manifests", { rimAnchors: ["x"] }, "rimAnchors[0]: PEM"],
    ["a trust file", { trust: { services: [] } }, "requireReceipts"],
    [
      "a rule that does not compile",
      { rules: [{ name: "a", cel: "x", reason: "b" }] },
      "rules[0].cel",
    ],
    [
      "a rule twice",
      { rules: [1, 2].map(() => ({ name: "a", cel: "true", reason: "b" })) },
      "one name twice",
    ],
  ])("is refused of a policy: %s", async (_name, changes, says) => {
    await writeAppraisal(workspace, "wrong.json", changes);
    const args = ["--digest", DIGEST, "--bundle", "no.bundle", "--policy", "wrong.json"];
    const outcome = await workspace.tally("appraise", ...args);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(says) as unknown });
  });

  test.each([
    ["operators", { operators: [VENDOR] }],
    ["vendors", { vendors: { [VENDOR]: ["Example Silicon"] } }],
  ])("is refused of a policy: %s whom nobody verifies", async (_name, changes) => {
    const { services } = await workspace.json("trust.json");
    const args = ["--digest", DIGEST, "--bundle", "no.bundle", "--policy", "wrong.json"];
    const saysWith = async (more: object): Promise<string> => {
      await writeAppraisal(workspace, "wrong.json", { trust: { services, ...more }, ...changes });
      const { code, stderr } = await workspace.tally("appraise", ...args);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await saysWith({})).toContain("has no issuers to verify them by");
    for (const named of [{ issuers: [] }, { anchors: [] }, { selfContained: ["did:key"] }]) {
      expect(await saysWith(named)).toContain("cannot read no.bundle");
    }
  });

  test.each<[string, string, string, string, string]>([
    [
      "a statement for a bundle",
      "appraisal.json",
      "report-7.scitt",
      "--bundle report-7.scitt: not a bundle: ",
      "; it is a statement: tally verify takes it, and tally bundle puts it into a bundle",
    ],
    [
      "a policy for a bundle",
      "appraisal.json",
      "appraisal.json",
      "--bundle appraisal.json: not a bundle: ",
      "; it is a policy for appraisals: tally appraise --policy takes it",
    ],
    [
      "certificates for a bundle",
      "appraisal.json",
      "some.pem",
      "--bundle some.pem: not a bundle: ",
      "; it is PEM: --chain takes certificates",
    ],
    [
      "a policy for registrations",
      "registration.json",
      "no.bundle",
      "--policy registration.json: not a policy for appraisals: ",
      "; it is a policy for registrations: tally init --policy and tally policy take it",
    ],
    [
      "a bundle for a policy",
      "empty.bundle",
      "no.bundle",
      "--policy empty.bundle: not a policy for appraisals: ",
      "; it is a bundle: tally appraise --bundle decides by it, tally search finds what is in it",
    ],
    [
      "what is nothing that is known",
      "appraisal.json",
      "rot-7.bin",
      "--bundle rot-7.bin: not a bundle: ",
      "",
    ],
  ])("is named, with what it is for: %s", async (...[, policy, bundle, begins, ends]) => {
    const args = ["--digest", DIGEST, "--bundle", bundle, "--policy", policy];
    const { code, stderr } = await workspace.tally("appraise", ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(begins);
    expect(stderr.trimEnd()).toMatch(new RegExp(`${ends === "" ? "[^;]" : ends}$`));
  });

  test.each([
    ["a statement", "report-7.scitt", "it is a statement: "],
    ["a report", "report-7.json", "neither an SPDM transcript, nor a measurement record"],
    ["a trust file", "trust.json", "it is a trust file: "],
  ])("is named where it is no evidence: %s", async (_name, evidence, says) => {
    await writeAppraisal(workspace, "device.json", { evidence: {} });
    const policy = parseAppraisalPolicy(await workspace.read("device.json"));
    await expect(readDevice({ evidence }, policy, 0)).rejects.toMatchObject({
      code: "EVIDENCE_MALFORMED",
      message: expect.stringContaining(says) as unknown,
    });
  });

  test("is named where a bundle is verified as a statement", async () => {
    const { code, stderr } = await workspace.tally(
      ...["verify", "empty.bundle", "--trust", "trust.json"],
    );
    expect({ code, stderr }).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        "empty.bundle is no statement, it is a bundle: tally appraise --bundle",
      ) as unknown,
    });
  });

  test.each([
    ["in any case", []],
    ["under pins", ["--trust", "trust.json"]],
  ])("is told of a search where nothing is, %s", async (_name, pins) => {
    const { code, stderr } = await workspace.tally("search", "nowhere", "--sub", "x", ...pins);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^tally: CLI_FILE_FAILED: cannot read nowhere: nothing is there; want the address of a service with https:/,
      ) as unknown,
    });
  });

  test.each([
    ["no CBOR", Uint8Array.of(0xff)],
    ["another map", Uint8Array.of(0xa0)],
    ["many items", Uint8Array.of(0x9a, 0x7f, 0xff, 0xff, 0xff)],
  ])("is refused of a bundle: %s", async (_name, bytes) => {
    await workspace.write("wrong.bundle", bytes);
    const args = [
      "--digest",
      DIGEST,
      "--bundle",
      "wrong.bundle",
      "--policy",
      "appraisal.json",
      "--json",
    ];
    const { code, stdout } = await workspace.tally("appraise", ...args);
    expect({ code, stdout }).toMatchObject({
      code: 2,
      stdout: expect.stringContaining("APPRAISAL_BUNDLE_INVALID") as unknown,
    });
  });

  test.each([
    ["a bundle", 268_435_457, ["--digest", DIGEST, "--bundle", "large.bin"], "appraisal.json"],
    ["a policy", 1_048_577, ["--digest", DIGEST, "--bundle", "no.bundle"], "large.bin"],
  ])("is not read where it is too large: %s", async (...[, size, args, policy]) => {
    await workspace.write("large.bin", "");
    await truncate("large.bin", size);
    const outcome = await workspace.tally("appraise", ...args, "--policy", policy);
    const says = expect.stringContaining(`large.bin: it is over ${size - 1} bytes`) as unknown;
    expect(outcome).toMatchObject({ code: 2, stderr: says });
  });

  test.each([
    ["evidence", ["large.bin"]],
    ["certificates", ["small.bin", "--chain", "large.bin"]],
  ])(
    "is not read where it is too large: %s of a device",
    async (_name, [evidence = "", ...chain]) => {
      await workspace.write("large.bin", "");
      await truncate("large.bin", 1_048_577);
      await workspace.write("small.bin", record(7));
      const options = { evidence, ...(chain[1] === undefined ? {} : { chain: chain[1] }) };
      await writeAppraisal(workspace, "device.json", { evidence: {} });
      const policy = parseAppraisalPolicy(await workspace.read("device.json"));
      await expect(readDevice(options, policy, 0)).rejects.toMatchObject({
        code: "CLI_FILE_FAILED",
        message: expect.stringContaining("large.bin: it is over 1048576 bytes") as unknown,
      });
    },
  );

  test("is refused of what is signed and bundled", async () => {
    const sign = ["--kid", "x", "--out", "none.jws"];
    expect(
      (await workspace.tally("sign-report", "report-7.json", "--key", "vendor.jwk", ...sign))
        .stderr,
    ).toContain("ES256 is not one of");
    expect(
      (await workspace.tally("sign-report", "trust.json", "--key", "lab.jwk", ...sign)).code,
    ).toBe(1);
    const empty = ["--key", "lab.jwk", "--kid", "", "--out", "none.jws"];
    expect((await workspace.tally("sign-report", "report-7.json", ...empty)).code).toBe(3);
    const out = [...SERVICE, "--trust", "trust.json", "--out", "none.bundle"];
    expect((await workspace.tally("bundle", "--files-only", ...out)).code).toBe(3);
    expect((await workspace.tally("bundle", "report-7.scitt", ...out)).stderr).toContain(
      "carries no receipt",
    );
    expect((await workspace.tally("bundle", "rot-7.bin", ...out)).code).toBe(1);
  });
});
