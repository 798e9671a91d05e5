import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeBundle, encodeBundle } from "@tallystick/appraisal";
import { digest, encodeHex } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";

import type { Outcome } from "./testing/command.js";
import { FirmwareWalk, type Told } from "./testing/firmware.js";
import {
  OPERATOR,
  VENDOR,
  report,
  rom,
  writeAppraisal,
  writeRegistration,
} from "./testing/review.js";
import type { Workspace } from "./testing/workspace.js";

let walk: FirmwareWalk;
let workspace: Workspace;
let service: readonly string[] = [];

const register = (
  ...args: Parameters<FirmwareWalk["register"]>
): ReturnType<FirmwareWalk["register"]> => walk.register(...args);

async function registerReport(name: string, text: string, key = "lab.jwk"): Promise<string> {
  await workspace.write(`${name}.json`, text);
  const signing = ["--key", key, "--kid", "lab-2026", "--out", `${name}.jws`];
  await workspace.must("sign-report", `${name}.json`, ...signing);
  const { code, entryId, stderr } = await register(`${name}.jws`, "application/jose");
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return entryId;
}

function appraise(
  version: number,
  policy = "appraisal.json",
  bundle = "all.bundle",
): Promise<Told> {
  const named = `sha-384:${encodeHex(digest("sha-384", rom(version)))}`;
  return walk.appraise("--digest", named, "--bundle", bundle, "--policy", policy);
}

const bundle = (): Promise<Outcome> => walk.bundle();

beforeAll(async () => {
  walk = await FirmwareWalk.run(writeRegistration);
  ({ workspace, service } = walk);
}, 300_000);

afterAll(() => walk.end());

describe("a report whose inner signature does not hold", () => {
  test.each([
    [
      "by another key",
      async () => {
        await workspace.must("keygen", "--alg", "ES384", "--out", "forger.jwk");
        await workspace.write("forged.json", report(8, "none"));
        const signing = ["--key", "forger.jwk", "--kid", "lab-2026", "--out", "forged.jws"];
        await workspace.must("sign-report", "forged.json", ...signing);
        return "forged.jws";
      },
    ],
    [
      "changed",
      async () => {
        const bytes = await workspace.read("report-7.jws");
        bytes[bytes.length - 20] = bytes[bytes.length - 20] === 0x41 ? 0x42 : 0x41;
        await workspace.write("changed.jws", bytes);
        return "changed.jws";
      },
    ],
  ])("never reaches the log: %s", async (_name, make) => {
    const name = await make();
    const { code, stderr } = await register(name, "application/jose");
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toContain(
      "rule reviewed: the signature of the report is of no review provider's key",
    );
    expect(
      (await workspace.must("checkpoint", ...service, "--trust", "trust.json", "--json")).stdout,
    ).toContain('"size":5');
  });
});

describe("an appraisal", () => {
  let bare: string;

  beforeAll(async () => {
    bare = await registerReport("bare", report(9, ""));
    const newer = await registerReport("newer", report(6, "2.0", { report_version: "1.1" }));
    await workspace.write(
      "revoke.json",
      JSON.stringify({
        format: "tallystick-revoke/1",
        target: newer,
        issuer: VENDOR,
        reason: "wrong image",
      }),
    );
  }, 60_000);

  test("takes the newest report of a provider", async () => {
    await bundle();
    expect(await appraise(6)).toMatchObject({
      code: 0,
      json: { decision: "allow", log: { isComplete: true, size: 7 } },
    });
  });

  test("denies what was never reviewed", async () => {
    expect(await appraise(1)).toMatchObject({
      code: 1,
      json: { statements: [], reasons: [{ rule: "reviewed", statement: null }] },
    });
  });

  test("denies an issue of unknown severity, or leaves it to a person", async () => {
    expect(await appraise(9)).toMatchObject({
      code: 1,
      json: { reasons: [{ rule: "severity", statement: bare }] },
    });
    await writeAppraisal(workspace, "manual.json", { unknownSeverity: "manual" });
    expect(await appraise(9, "manual.json")).toMatchObject({
      code: 2,
      json: { decision: "manual" },
    });
  });

  test("applies the rules of the relying party", async () => {
    const rule = {
      name: "deep",
      cel: "reports.exists(r, r.sfr.exists(s, s.scope >= 2))",
      reason: "no review of scope 2",
    };
    await writeAppraisal(workspace, "deep.json", { rules: [rule] });
    expect(await appraise(7, "deep.json")).toMatchObject({
      code: 1,
      json: {
        reasons: [
          { decision: "allow" },
          { decision: "deny", rule: "deep", value: "no review of scope 2" },
        ],
      },
    });
    await writeAppraisal(workspace, "broken.json", {
      rules: [{ ...rule, cel: "reports[7].edge == 'direct'" }],
    });
    expect(await appraise(7, "broken.json")).toMatchObject({ code: 1 });
  });

  test("takes no notice of reports under keys that are not trusted, or were not in force", async () => {
    const key = await workspace.json("vendor.pub.jwk");
    const lab = await workspace.json("lab.pub.jwk");
    for (const reviewKeys of [
      [{ provider: "x", key: lab, expires: 5 }],
      [{ provider: "x", key: lab, revoked: 5 }],
    ]) {
      await writeAppraisal(workspace, "late.json", { reviewKeys });
      const { code, json } = await appraise(7, "late.json");
      expect({ code, warnings: JSON.stringify(json["warnings"]) }).toMatchObject({ code: 1 });
      expect(JSON.stringify(json["warnings"])).toContain("CONTENT_KEY_OUT_OF_TERM");
    }
    await writeAppraisal(workspace, "other.json", {
      trust: {
        services: (await workspace.json("trust.json"))["services"],
        issuers: [{ iss: "https://other.example", keys: [key] }],
      },
    });
    const { code, json } = await appraise(7, "other.json");
    expect(code).toBe(1);
    expect(JSON.stringify(json["warnings"])).toContain("VERIFIER_ISSUER_UNVERIFIED");
  });

  test("follows a revocation, and says so of a bundle that leaves it out", async () => {
    const { code } = await register("revoke.json", "application/vnd.tallystick.revoke+json");
    expect(code).toBe(0);
    const before = await appraise(6);
    await bundle();
    const after = await appraise(6);
    expect([before.code, after.code]).toEqual([0, 1]);
    expect(JSON.stringify(after.json["reasons"])).toContain("(wrong image)");
    const args = [...service, "--trust", "trust.json", "--files-only", "--out", "some.bundle"];
    await workspace.must("bundle", "newer.jws.transparent", ...args);
    const some = await appraise(6, "appraisal.json", "some.bundle");
    expect(some).toMatchObject({ code: 2, json: { log: { isComplete: false, size: 8 } } });
    expect(JSON.stringify(some.json["reasons"])).toContain('"rule":"complete"');
    await writeAppraisal(workspace, "some.json", { allowsIncomplete: true });
    expect(await appraise(6, "some.json", "some.bundle")).toMatchObject({ code: 0 });
  });

  test("follows a release from what is measured to the file that was reviewed", async () => {
    const digests = (version: number): readonly object[] => [
      { alg: "sha-384", value: encodeHex(digest("sha-384", rom(version))) },
    ];
    const release = {
      format: "tallystick-release/1",
      ...{ vendor: "Example Silicon", product: "Root of Trust", version: "7.0.1" },
      files: [{ name: "rot-7.bin", digests: digests(7) }],
      measurements: [{ element: "2", digests: digests(70) }],
    };
    await workspace.write("release.json", JSON.stringify(release));
    const type = "application/vnd.tallystick.firmware-release+json";
    const { entryId } = await register("release.json", type);
    await bundle();
    expect(await appraise(70)).toMatchObject({
      code: 1,
      json: { statements: [{ kind: "release", edge: "direct" }] },
    });
    await writeAppraisal(workspace, "vendors.json", { vendors: { [VENDOR]: ["Example Silicon"] } });
    expect(await appraise(70, "vendors.json")).toMatchObject({
      code: 0,
      json: {
        statements: [
          { kind: "release", edge: "direct" },
          { kind: "sfr", edge: `release ${entryId}` },
        ],
      },
    });
  });

  test("lets nobody put a report away by what is no newer report", async () => {
    const target = await registerReport("bad", report(5, "5.3", { report_version: "1.1" }));
    const replacement = await registerReport("good", report(5, "2.0"));
    const notice = { format: "tallystick-supersede/1", target, issuer: VENDOR, replacement };
    await workspace.write("supersede.json", JSON.stringify(notice));
    await bundle();
    expect(await appraise(5)).toMatchObject({ code: 1 });
    const { code } = await register("supersede.json", "application/vnd.tallystick.supersede+json");
    expect(code).toBe(0);
    await bundle();
    const { code: after, json } = await appraise(5);
    expect(after).toBe(1);
    expect(JSON.stringify(json["reasons"])).toContain("which is no newer report");
    expect(JSON.stringify(json["reasons"])).toContain("is medium (5.3)");
  });

  test("trusts no checkpoint, receipt and statement that is not under its pins", async () => {
    const { statements, checkpoint, keys } = decodeBundle(await workspace.read("all.bundle"));
    const changed = new Uint8Array(checkpoint);
    changed[10] = (changed[10] ?? 0) ^ 1;
    await workspace.write("bad.bundle", encodeBundle({ statements, checkpoint: changed, keys }));
    expect(await appraise(7, "appraisal.json", "bad.bundle")).toMatchObject({
      code: 2,
      json: { error: { code: "APPRAISAL_CHECKPOINT_INVALID" } },
    });
    const cut = statements.map((bytes) => bytes.subarray(0, bytes.length - 1));
    await workspace.write("cut.bundle", encodeBundle({ statements: cut, checkpoint, keys }));
    expect(await appraise(7, "appraisal.json", "cut.bundle")).toMatchObject({
      code: 1,
      json: { log: { isComplete: false } },
    });
  });

  test("asks for a person where a report or notice on the log lapsed, or is of nobody known", async () => {
    const [vendor, lab, other, operator] = await Promise.all(
      ["vendor", "lab", "other-lab", "operator"].map((name) => workspace.json(`${name}.pub.jwk`)),
    );
    const { services } = await workspace.json("trust.json");
    const expectOf = async (rest: object, code: number, says: string): Promise<void> => {
      await writeAppraisal(workspace, "lapsed.json", rest);
      const found = await appraise(7, "lapsed.json");
      expect({ code: found.code, reasons: JSON.stringify(found.json["reasons"]) }).toMatchObject({
        code,
        reasons: expect.stringContaining(says) as unknown,
      });
    };
    const trusting = (...issuers: readonly object[]): object => ({
      operators: [OPERATOR],
      trust: { services, issuers: [{ iss: VENDOR, keys: [vendor] }, ...issuers] },
    });
    const { entryId: target } = SignedStatement.decode(await workspace.read("report-7.scitt"));
    const adverse = await registerReport("adverse", report(7, "5.3"), "other-lab.jwk");
    await bundle();
    const reviewKeys = (more: object): object => ({
      reviewKeys: [
        { provider: "Example Lab", key: lab },
        { provider: "Other Lab", key: other, ...more },
      ],
    });
    await expectOf(reviewKeys({}), 1, adverse);
    await expectOf(reviewKeys({ expires: 5 }), 2, adverse);
    const revoke = { format: "tallystick-revoke/1", target, issuer: VENDOR, reason: "recalled" };
    await workspace.write("recall.json", JSON.stringify(revoke));
    const type = "application/vnd.tallystick.revoke+json";
    const { code, entryId } = await register("recall.json", type, [
      ...["--key", "operator.jwk", "--iss", OPERATOR],
    ]);
    expect(code).toBe(0);
    await bundle();
    await expectOf(trusting(), 2, entryId);
    await expectOf(trusting({ iss: OPERATOR, keys: [{ ...operator, exp: 5 }] }), 2, entryId);
    await expectOf(trusting({ iss: OPERATOR, keys: [operator] }), 1, "recalled");
  });

  test("audits as it was decided", async () => {
    const { code, stdout } = await workspace.tally(
      "audit",
      ...service,
      "--trust",
      "trust.json",
      "--json",
    );
    expect({ code, stdout }).toMatchObject({ code: 0 });
  });
});
