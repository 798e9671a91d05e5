import { describe, expect, test } from "@jest/globals";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { algorithmByName } from "@tallystick/cose";

import { factsOfContent } from "../facts.js";
import { recogniseContent } from "../recognise.js";
import { bytesOf, publishedKeys, publishedReports } from "../testing/published.js";
import { sharedFolder } from "../testing/shared.js";
import type { PublishedReport } from "../testing/published.js";
import type { SfrReport } from "./report.js";
import { worstBand } from "./severity.js";
import { VerifiedReport } from "./verified.js";

const TIME = 1_790_000_000;

/** The answer of a policy that refuses what is not fixed and of medium severity or worse. */
function verdictOn(report: SfrReport): string {
  if (report.digests.length === 0) return "unmatchable";
  const worst = worstBand(report.issues.map(({ severity }) => severity.band));
  return worst === "none" || worst === "low" ? "allow" : "deny";
}

/** Yields how a digest column of the table describes what was read. */
function columnOf(report: SfrReport, alg: string, isUpper: boolean): string {
  if (!report.digests.some((digest) => digest.alg === alg)) return "-";
  return isUpper ? "Y" : "y";
}

const folder = sharedFolder("published short-form reports", "data", "sfr");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("the published reports", () => {
  const shared = folder ?? "";
  const rows = folder === undefined ? [] : publishedReports(shared);
  const table = rows.map((row): [string, PublishedReport] => [row.file, row]);
  const verify = (file: string): Promise<VerifiedReport> =>
    VerifiedReport.verify(bytesOf(shared, "reports", file), {
      keys: publishedKeys(shared),
      time: TIME,
    });

  test("are all in the table", () => {
    expect(rows).toHaveLength(25);
    expect(rows.map(({ file }) => file).sort()).toStrictEqual(
      readdirSync(join(shared, "reports")).sort(),
    );
  });

  test.each(table)("%s is what the table says", async (file, row) => {
    const verified = await verify(file);
    const [report] = verified.reports;
    if (report === undefined) throw new Error("no report");
    const oddities = verified.warnings.map(({ code }) => code);
    expect(report.frameworkVersion).toBe(row.framework);
    expect(columnOf(report, "sha-384", oddities.includes("hash-upper-case"))).toBe(row.sha384);
    if (row.sha512 === "64 hex digits") {
      expect(report.digests.map(({ alg }) => alg)).toStrictEqual(["sha-256"]);
      expect(oddities).toContain("hash-sha256-in-sha512");
    } else {
      expect(columnOf(report, "sha-512", oddities.includes("hash-upper-case"))).toBe(row.sha512);
    }
    const [, scope] = /([1-3])/.exec(row.scope) ?? [];
    expect(report.scope).toBe(scope === undefined ? undefined : Number(scope));
    const [, scores = ""] = /\(([^)]*)\)/.exec(row.issues) ?? [];
    expect(report.issues.map(({ statedScore }) => statedScore)).toStrictEqual(
      scores === "" ? [] : scores.split(",").map(Number),
    );
    const [wanted = "", warned] = row.verdict.replaceAll("*", "").split(" + ");
    expect(verdictOn(report)).toBe(wanted);
    if (wanted === "allow") {
      const levels = verified.warnings.map(({ level }) => level);
      expect(levels.includes("warning")).toBe(warned !== undefined);
    }
  });

  test.each(table)("%s has the same facts unverified", async (file) => {
    const payload = bytesOf(shared, "reports", file);
    const content = recogniseContent(payload, { contentType: "application/jose" });
    const verified = await verify(file);
    expect(content).toMatchObject({ kind: "sfr", form: "jws", reports: verified.reports });
    const facts = factsOfContent(content);
    expect(JSON.parse(JSON.stringify(facts))).toStrictEqual(facts);
  });

  test.each(table)("%s is signed by one provider, the one of its kid", async (file) => {
    const payload = bytesOf(shared, "reports", file);
    const content = recogniseContent(payload);
    const verified = await verify(file);
    if (content.kind !== "sfr") throw new Error("no report");
    const named = publishedKeys(shared).candidates(content.kid, [algorithmByName("ES512")])[0];
    expect(named?.provider).toBe(verified.provider);
  });

  test("have manifests that hash to what the reports state", async () => {
    const withManifest = [];
    for (const { file } of rows) {
      const [report] = (await verify(file)).reports;
      if (report !== undefined && report.manifest.length > 0) withManifest.push(report);
    }
    expect(withManifest.map(({ manifestAgrees }) => manifestAgrees)).toStrictEqual(
      Array.from({ length: 5 }, () => true),
    );
    expect(Math.max(...withManifest.map(({ manifest }) => manifest.length))).toBe(134);
  });

  test("name vectors that compute to what the table says", async () => {
    const scoresOf = async (file: string): Promise<unknown> =>
      (await verify(file)).reports[0]?.issues.map(({ vector }) => vector?.score);
    expect(await scoresOf("rohde-schwarz-2026-trusted-disk.jws")).toStrictEqual([2.8, 3.3]);
    expect(await scoresOf("skhynix-2025-peb110.jws")).toStrictEqual([3.7, 2.3]);
    expect(await scoresOf("astera-2025-leo.jws")).toStrictEqual([5.3, 2.7, 0]);
    expect(await scoresOf("astera-2024-aries6-bl-stage-1.jws")).toStrictEqual([2.2, 0]);
    expect(await scoresOf("ami-2024-aptio-ce-genoa.jws")).toStrictEqual([2]);
  });

  test("share a digest where two products share a boot loader", async () => {
    const digestsOf = async (file: string): Promise<unknown> =>
      (await verify(file)).reports[0]?.digests;
    expect(await digestsOf("astera-2024-aries6-bl-stage-1.jws")).toStrictEqual(
      await digestsOf("astera-2024-scorpio-bl-stage-1.jws"),
    );
  });

  test("differ from an unsigned twin that says something else", async () => {
    const twinOf = (name: string): SfrReport | undefined => {
      const content = recogniseContent(bytesOf(shared, "unsigned-twins", name));
      return content.kind === "sfr" ? content.reports[0] : undefined;
    };
    const google = (await verify("google-2026-piec-zephyr.jws")).reports[0];
    expect(twinOf("google-2026-piec-zephyr.json")?.device.product).not.toBe(google?.device.product);
    const nvidia = (await verify("nvidia-2025-blackwell-cc.jws")).reports[0];
    expect({ ...twinOf("nvidia-2025-blackwell-cc.json"), issuedAt: 1_754_594_588 }).toStrictEqual(
      nvidia,
    );
  });
});
