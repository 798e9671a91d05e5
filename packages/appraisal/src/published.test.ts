import { describe, expect, test } from "@jest/globals";
import { ReviewKeys, VerifiedReport, type ContentDigest } from "@tallystick/content";
import { PublicKey } from "@tallystick/cose";

import { gatheredOf, knownOf, TIME } from "./testing/known.js";
import { isPublished, read, readText } from "./testing/published.js";
import { decide } from "./decide.js";
import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Decision } from "./reason.js";

const describeIt = isPublished ? describe : describe.skip;

interface Row {
  readonly file: string;
  readonly verdict: string;
}

function rowsOf(): readonly Row[] {
  if (!isPublished) return [{ file: "none", verdict: "none" }];
  return readText("sfr", "README.md")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll(/[`*]/g, "")))
    .filter((cells) => cells.length === 11 && /\.jw[st]$/.test(cells[1] ?? ""))
    .map((cells) => ({ file: cells[1] ?? "", verdict: cells[8] ?? "" }));
}

function publishedKeys(): ReviewKeys {
  const names = readText("sfr", "README.md").match(/`[^`]+\.(?:pub|pem)`/g) ?? [];
  const files = [...new Set(names.map((name) => name.replaceAll("`", "")))];
  return new ReviewKeys(
    files.map((file) => ({
      provider: file,
      key: PublicKey.fromPem(readText("sfr", "keys", file)),
    })),
  );
}

async function reviewedBy(...below: readonly string[]): Promise<Known> {
  const payload = read("sfr", ...below);
  const { provider, reports } = await VerifiedReport.verify(payload, {
    keys: publishedKeys(),
    time: TIME,
  });
  return knownOf(below.at(-1) ?? "", payload, { index: 0, provider, reports });
}

const POLICY = {
  operators: new Set<string>(),
  vendors: new Map(),
  threshold: "medium",
  unknownSeverity: "deny",
  allowsIncomplete: false,
  rules: [],
} as unknown as AppraisalPolicy;

function appraise(
  subject: readonly ContentDigest[],
  ...known: readonly Known[]
): ReturnType<typeof decide> {
  return decide(subject, gatheredOf(known), POLICY);
}

describeIt("the published reports", () => {
  const rows = rowsOf();

  test("are 25, of which one denies", () => {
    expect(rows).toHaveLength(isPublished ? 25 : 1);
    expect(rows.filter(({ verdict }) => verdict === "deny").map(({ file }) => file)).toEqual([
      "astera-2025-leo.jws",
    ]);
  });

  test.each(rows)("decide as their README says: $file", async ({ file, verdict }) => {
    const known = await reviewedBy("reports", file);
    const digests = known.reports.flatMap((report) => report.digests);
    if (verdict === "unmatchable") {
      expect(digests).toEqual([]);
      expect(appraise([{ alg: "sha-384", value: "00".repeat(48) }], known)).toMatchObject({
        decision: "deny",
        used: [],
      });
      return;
    }
    const expected: Decision = verdict === "deny" ? "deny" : "allow";
    for (const digest of digests) {
      const { decision, reasons, warnings } = appraise([digest], known);
      expect(decision).toBe(expected);
      expect(reasons.map(({ statement }) => statement)).toContain(file);
      if (verdict.includes("warning")) expect(warnings.join()).toContain(file);
    }
    expect(digests.length).toBeGreaterThan(0);
  });

  test("of two products with one boot loader are a set", async () => {
    const [aries, scorpio] = await Promise.all(
      ["aries6", "scorpio"].map((name) =>
        reviewedBy("reports", `astera-2024-${name}-bl-stage-1.jws`),
      ),
    );
    if (aries === undefined || scorpio === undefined) throw new Error("no reports");
    const subject = aries.reports.flatMap(({ digests }) => digests);
    expect(appraise(subject, aries, scorpio).used.map(({ edge }) => edge)).toEqual([
      "direct",
      "direct",
    ]);
  });

  test("allow evidence with the digest that a CoRIM endorses", async () => {
    const known = await reviewedBy("corim", "microsoft-2026-hsm-layer-0.cbor");
    const [measured] = known.reports.flatMap((report) => report.measured);
    if (measured === undefined) throw new Error("nothing is measured");
    expect(measured.value).toMatch(/^000103ed/);
    expect(appraise([measured], known)).toMatchObject({ decision: "allow" });
  });
});
