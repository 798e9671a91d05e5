import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import {
  ReviewKeys,
  VerifiedReport,
  recogniseContent,
  type ContentDigest,
} from "@tallystick/content";
import { PublicKey } from "@tallystick/cose";

import { sharedFolder } from "../../../scripts/shared-data.mjs";
import { decide } from "./decide.js";
import type { Gathered, Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Decision } from "./reason.js";

const TIME = 1_790_000_000;

const folder = sharedFolder("appraisals of published reports", "data", "sfr");
const describeIt = folder === undefined ? describe.skip : describe;

interface Row {
  readonly file: string;
  readonly verdict: string;
}

function rowsOf(): readonly Row[] {
  if (folder === undefined) return [{ file: "none", verdict: "none" }];
  return readFileSync(join(folder, "README.md"), "utf8")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll(/[`*]/g, "")))
    .filter((cells) => cells.length === 11 && /\.jw[st]$/.test(cells[1] ?? ""))
    .map((cells) => ({ file: cells[1] ?? "", verdict: cells[8] ?? "" }));
}

function keysIn(path: string): ReviewKeys {
  const names = readFileSync(join(path, "README.md"), "utf8").match(/`[^`]+\.(?:pub|pem)`/g) ?? [];
  const files = [...new Set(names.map((name) => name.replaceAll("`", "")))];
  return new ReviewKeys(
    files.map((file) => ({
      provider: file,
      key: PublicKey.fromPem(readFileSync(join(path, "keys", file), "utf8")),
    })),
  );
}

async function knownOf(...below: readonly string[]): Promise<Known> {
  const path = folder ?? "";
  const payload = new Uint8Array(readFileSync(join(path, ...below)));
  const { provider, reports } = await VerifiedReport.verify(payload, {
    keys: keysIn(path),
    time: TIME,
  });
  return {
    entryId: below.at(-1) ?? "",
    issuer: "https://vendor.example",
    index: 0,
    time: TIME,
    isIssuerVerified: true,
    content: recogniseContent(payload),
    provider,
    reports,
  };
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
  const gathered: Gathered = {
    known,
    lapsed: [],
    unread: [],
    refused: [],
    origin: "log.example",
    size: known.length,
    checkpointTime: TIME,
    isComplete: true,
  };
  return decide(subject, gathered, POLICY);
}

describeIt("the published reports", () => {
  const rows = rowsOf();

  test("are 25, of which one denies", () => {
    expect(rows).toHaveLength(folder === undefined ? 1 : 25);
    expect(rows.filter(({ verdict }) => verdict === "deny").map(({ file }) => file)).toEqual([
      "astera-2025-leo.jws",
    ]);
  });

  test.each(rows)("decide as their README says: $file", async ({ file, verdict }) => {
    const known = await knownOf("reports", file);
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
      ["aries6", "scorpio"].map((name) => knownOf("reports", `astera-2024-${name}-bl-stage-1.jws`)),
    );
    if (aries === undefined || scorpio === undefined) throw new Error("no reports");
    const subject = aries.reports.flatMap(({ digests }) => digests);
    expect(appraise(subject, aries, scorpio).used.map(({ edge }) => edge)).toEqual([
      "direct",
      "direct",
    ]);
  });

  test("allow evidence with the digest that a CoRIM endorses", async () => {
    const known = await knownOf("corim", "microsoft-2026-hsm-layer-0.cbor");
    const [measured] = known.reports.flatMap((report) => report.measured);
    if (measured === undefined) throw new Error("nothing is measured");
    expect(measured.value).toMatch(/^000103ed/);
    expect(appraise([measured], known)).toMatchObject({ decision: "allow" });
  });
});
