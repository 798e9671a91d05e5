import { expect } from "@jest/globals";
import {
  recogniseContent,
  ReviewKeys,
  VerifiedReport,
  worstBand,
  type SfrReport,
} from "@tallystick/content";
import { decodeBase64url, PublicKey } from "@tallystick/cose";

import { TIME, type Row, type SharedData } from "./row.js";

const SRP = {
  ncc: "ocp_safe_ncc_group_ecdsa_p521.pub",
  keysight: "keysight_ocp_safe_ecdsa_p521_e1.pub",
  ioactive: "ioactive-ocp-safe-ecdsa-p521-pub.pem",
  tetrel: "tetrel-ocp-sfr-signing-key.pub",
  atredis: "atredis_ocp_safe_ecdsa_p521.pub",
  sgs: "OCP_SAFE_SFR_KEYS_SGS_BRS_2026_public.pem",
  kudelski: "kudelski_ocp_safe_ecdsa_p521.pub",
  trailOfBits: "trail_of_bits_ocp_safe_ecdsa_p384.pem",
} as const;

/** A review provider. */
export type Srp = keyof typeof SRP;
export const PROVIDERS = Object.keys(SRP) as readonly Srp[];

export const KIDS: Partial<Record<Srp, string>> = {
  ncc: "NCC Group",
  keysight: "Keysight",
  ioactive: "IOActive - secp521r1",
  tetrel: "tetrel-ocp-sfr-signing-key",
  atredis: "atredis_ocp_safe_ecdsa_p521",
  sgs: "OCP_SAFE_SFR_KEYS_SGS_BRS_2026",
};

/** What a report says, beyond its columns in the table. */
interface Seen {
  readonly report: SfrReport;
  readonly codes: readonly string[];
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: string;
  readonly bytes: Uint8Array;
}

/** Columns of the table of reports: provider, framework, digests, scope, stated scores, verdict. */
export type Columns = readonly [
  srp: Srp,
  framework: string,
  digests: "" | "sha-256" | "sha-384" | "sha-384 sha-512",
  scope: number | undefined,
  scores: readonly number[],
  verdict: "allow" | "allow, warned" | "deny" | "unmatchable",
];

const BOTH = "sha-384 sha-512";
const part = ({ bytes }: Seen, at: number): string => {
  const words = new TextDecoder().decode(bytes).trim().split(".");
  return new TextDecoder().decode(decodeBase64url(words[at] ?? ""));
};
const codes =
  (...wanted: readonly string[]) =>
  (seen: Seen): void => {
    expect(seen.codes).toEqual(expect.arrayContaining([...wanted]));
  };
const computed = ({ report }: Seen): unknown => report.issues.map(({ vector }) => vector?.score);
const manifest = ({ report }: Seen, count: number, alg: string): void => {
  expect(report.manifest).toHaveLength(count);
  expect(new Set(report.manifest.flatMap((one) => one.digests.map((it) => it.alg)))).toEqual(
    new Set([alg]),
  );
  // JSON.stringify of the manifest hashes to both digests.
  expect(report.manifestAgrees).toBe(true);
};

const REPORTS: Readonly<Record<string, readonly [Columns, (seen: Seen) => void]>> = {
  "amd-2023-mi300x-bl-stage-1.jws": [
    ["ncc", "0.3", "sha-256", undefined, [], "allow, warned"],
    codes("hash-sha256-in-sha512", "hash-empty"),
  ],
  "amd-2024-epyc9005-librom.jws": [
    ["ncc", "0.3", BOTH, 1, [2, 2], "allow, warned"],
    (seen) => {
      codes("hash-upper-case", "scope-old-member", "vector-incomplete")(seen);
      codes("vector-version", "title-not-band")(seen);
      expect(computed(seen)).toEqual([2, 2]);
      expect(seen.report.issues.map(({ vector }) => vector?.version)).toEqual(["4.0", "4.0"]);
      expect(part(seen, 1)).toContain('"3.1"');
    },
  ],
  "amd-2024-epyc9005-sev-driver.jws": [
    ["ncc", "0.3", BOTH, 1, [], "allow"],
    (seen) => {
      codes("scope-old-member")(seen);
      expect(seen.report.device.category).toContain("SEV Driver");
    },
  ],
  "amd-2024-mi300x-tee-os-kernel.jws": [
    ["ncc", "0.3", BOTH, 1, [], "allow"],
    (seen) => {
      codes("scope-old-member", "tag-absent", "version-absent")(seen);
      expect(seen.payload).toMatch(/"repo_tag": ?"".*"fw_version": ?""/s);
    },
  ],
  "amd-2025-epyc9005-gmiphy-csbin.jws": [
    ["ncc", "1.1", BOTH, 1, [], "allow"],
    codes("version-comment"),
  ],
  "ami-2024-aptio-ce-genoa.jws": [
    ["tetrel", "1.1", BOTH, 1, [2], "allow"],
    (seen) => {
      expect(seen.bytes).toHaveLength(32_016);
      manifest(seen, 134, "sha-256");
      codes("cwe-text")(seen);
      expect(seen.report.issues[0]?.vector).toMatchObject({ version: "4.0", score: 2 });
      expect(seen.report.issuedAt).toBe(1_728_565_788);
    },
  ],
  "astera-2024-aries6-bl-stage-1.jws": [
    ["ncc", "0.3", BOTH, undefined, [2.2, 0], "allow"],
    (seen) => {
      codes("vector-prefix-absent")(seen);
      expect(computed(seen)).toEqual([2.2, 0]);
      expect(seen.report.device.product).toBe("Aries");
    },
  ],
  "astera-2024-scorpio-bl-stage-1.jws": [
    ["ncc", "0.3", BOTH, undefined, [2.2, 0], "allow"],
    (seen) => {
      codes("vector-prefix-absent")(seen);
      expect(computed(seen)).toEqual([2.2, 0]);
      expect(seen.report.device.product).toBe("Scorpio");
    },
  ],
  "astera-2025-leo.jws": [
    ["ncc", "1.1", BOTH, 2, [5.3, 2.7, 0], "deny"],
    (seen) => {
      codes("title-not-band")(seen);
      expect(seen.codes).not.toContain("vector-prefix-absent");
      expect(computed(seen)).toEqual([5.3, 2.7, 0]);
      const [first] = seen.report.issues;
      expect(first?.title).toMatch(/^\[LOW\]/);
      expect(first?.severity).toEqual({ band: "medium", score: 5.3 });
    },
  ],
  "axiado-2026-ax3005-bootrom.jws": [
    ["keysight", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      manifest(seen, 2, "sha-512");
      codes("version-absent")(seen);
    },
  ],
  "broadcom-2025-thor3-ocpr-agent.jws": [
    ["ncc", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      expect(seen.payload).toMatch(/"fw_version": ?"0"/);
      expect(seen.report.device.repoTag).toMatch(/^[0-9a-f]{40}$/);
    },
  ],
  "caliptra-2023-fmc.jws": [
    ["ncc", "0.3", BOTH, undefined, [], "allow"],
    (seen) => {
      expect(seen.report.device.category).toContain("caliptra-fmc.elf");
      expect(seen.report.measured).toEqual([]);
    },
  ],
  "caliptra-2023-rom.jws": [
    ["ncc", "0.3", "", undefined, [], "unmatchable"],
    (seen) => {
      codes("hash-empty", "hash-none")(seen);
      expect(seen.report.device).toMatchObject({
        ...{ category: "Root of Trust - ROM (caliptra-rom.elf)", repoTag: "release_v20231014_0" },
      });
    },
  ],
  "cornelis-2026-cn5000-uefi.jws": [
    ["ioactive", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      manifest(seen, 2, "sha-512");
      codes("hash-upper-case", "scope-text")(seen);
      expect(seen.header).not.toHaveProperty("typ");
    },
  ],
  "fadu-2026-fc6161-rom.jws": [
    ["ioactive", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      codes("text-untrimmed", "tag-absent", "scope-text")(seen);
      const { device } = JSON.parse(seen.payload) as { device: Record<string, string> };
      expect(Object.keys(device)).toEqual(Object.keys(device).sort());
      expect(device).toMatchObject({ product: expect.stringMatching(/ $/), repo_tag: "" });
    },
  ],
  "google-2026-piec-zephyr.jws": [
    ["keysight", "1.1", "", 1, [0], "unmatchable"],
    (seen) => {
      codes("hash-empty", "hash-none", "vector-absent")(seen);
      expect(seen.payload).toMatch(/"cvss_vector": ?"N\/A"/);
      expect(seen.report.device.firmwareVersion?.split(", ").length).toBeGreaterThan(3);
    },
  ],
  "hpe-2026-scale-up-3250.jws": [
    ["atredis", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      expect(seen.report.device.repoTag).toMatch(/-\d{8}_\d{6}$/);
    },
  ],
  "micron-2026-7550.jwt": [
    ["keysight", "1.1", BOTH, 1, [], "allow, warned"],
    (seen) => {
      codes("date-form")(seen);
      expect(seen.report.completed).toEqual({ written: "2025-8-13", day: "2025-08-13" });
      expect(seen.report.provider).not.toBe("Keysight Riscure");
    },
  ],
  "microsoft-2026-maia200-rot.jws": [
    ["keysight", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      codes("category-absent", "tag-absent")(seen);
      expect(seen.payload).not.toMatch(/"category"|"repo_tag"/);
    },
  ],
  "nvidia-2025-blackwell-cc.jws": [
    ["tetrel", "1.1", "sha-384", 1, [], "allow"],
    (seen) => {
      expect(seen.report.issuedAt).toBe(1_754_594_588);
      expect(seen.header["typ"]).toBe("jwt");
      expect(seen.payload).toMatch(/"cvss_version": ?"4.0"/);
    },
  ],
  "nvidia-2025-connectx-cx4-1.jws": [
    ["tetrel", "1.2", BOTH, 1, [], "allow"],
    (seen) => {
      codes("scope-text", "tag-absent")(seen);
      expect(seen.report.issuedAt).toBe(1_769_631_163);
    },
  ],
  "nvidia-2025-connectx-cx7-20.jws": [
    ["tetrel", "1.2", BOTH, 1, [], "allow"],
    (seen) => {
      codes("scope-text")(seen);
      expect(seen.report.issuedAt).toBe(1_770_050_008);
    },
  ],
  "rohde-schwarz-2026-trusted-disk.jws": [
    ["sgs", "2.1", BOTH, 1, [2.1, 2.1], "allow, warned"],
    (seen) => {
      codes("score-not-vector")(seen);
      expect(computed(seen)).toEqual([2.8, 3.3]);
      manifest(seen, 14, "sha-512");
      expect(seen.report.device.product).toContain("application");
    },
  ],
  "skhynix-2025-peb110.jws": [
    ["keysight", "1.1", BOTH, 1, [3.7, 2.3], "allow, warned"],
    (seen) => {
      codes("vector-form", "manifest-hash-upper-case")(seen);
      expect(seen.payload).toMatch(/"cvss_vector": ?"\//);
      expect(computed(seen)).toEqual([3.7, 2.3]);
      manifest(seen, 1, "sha-512");
    },
  ],
  "virtium-2025-victoria.jws": [
    ["keysight", "1.1", BOTH, 1, [], "allow"],
    (seen) => {
      expect(seen.bytes.at(-1)).toBe(0x0a);
      expect(seen.report.device.vendor).toBe("Virtium LLC");
    },
  ],
};

const keyOf = (data: SharedData, srp: Srp): PublicKey =>
  PublicKey.fromPem(data.text(`sfr/keys/${SRP[srp]}`));

/** Yields the keys of providers. */
export const keysOf = (data: SharedData, ...srps: readonly Srp[]): ReviewKeys =>
  new ReviewKeys(srps.map((srp) => ({ provider: srp, key: keyOf(data, srp) })));

/** Yields the providers under whose key a payload verifies, each tried by itself. */
export async function signersOf(data: SharedData, payload: Uint8Array): Promise<readonly Srp[]> {
  const found: Srp[] = [];
  for (const srp of PROVIDERS) {
    const trust = { keys: keysOf(data, srp), time: TIME };
    const isHeld = await VerifiedReport.verify(payload, trust).then(
      () => true,
      () => false,
    );
    if (isHeld) found.push(srp);
  }
  return found;
}

async function checkReport(data: SharedData, file: string): Promise<void> {
  const entry = REPORTS[file];
  if (entry === undefined) throw new Error(`no columns for ${file}`);
  const [[srp, framework, digests, scope, scores, verdict], shows] = entry;
  const bytes = data.bytes(`sfr/reports/${file}`);
  expect(recogniseContent(bytes)).toMatchObject({ kind: "sfr", form: "jws", kid: KIDS[srp] });
  expect(await signersOf(data, bytes)).toEqual([srp]);
  const verified = await VerifiedReport.verify(bytes, { keys: keysOf(data, srp), time: TIME });
  const [report, ...more] = verified.reports;
  if (report === undefined) throw new Error("no report");
  expect(more).toEqual([]);
  expect(report).toMatchObject({ frameworkVersion: framework });
  expect(report.scope).toBe(scope);
  expect(report.digests.map(({ alg }) => alg).join(" ")).toBe(digests);
  expect(report.issues.map(({ statedScore }) => statedScore)).toEqual(scores);
  const isWarned = verified.warnings.some(({ level }) => level === "warning");
  expect(verdictOn(report, isWarned)).toBe(verdict);
  const seen = { report, bytes, codes: verified.warnings.map(({ code }) => code) };
  const words = { ...seen, header: {}, payload: "" };
  const header = JSON.parse(part(words, 0)) as Seen["header"];
  expect(header["alg"]).toBe("ES512");
  shows({ ...seen, header, payload: part(words, 1) });
}

/** The policy of the table: an open issue of medium or higher is denied. */
export function verdictOn({ digests, issues }: SfrReport, isWarned: boolean): Columns[5] {
  if (digests.length === 0) return "unmatchable";
  const worst = worstBand(issues.map(({ severity }) => severity.band));
  if (worst !== "none" && worst !== "low") return "deny";
  return isWarned ? "allow, warned" : "allow";
}

async function checkKey(data: SharedData, srp: Srp): Promise<void> {
  const key = keyOf(data, srp);
  expect(key.toJwk()).toMatchObject({ kty: "EC", crv: srp === "trailOfBits" ? "P-384" : "P-521" });
  const trust = { keys: keysOf(data, srp), time: TIME };
  const held: string[] = [];
  for (const file of Object.keys(REPORTS)) {
    await VerifiedReport.verify(data.bytes(`sfr/reports/${file}`), trust).then(
      () => held.push(file),
      () => undefined,
    );
  }
  const own = Object.entries(REPORTS).filter(([, [[signer]]]) => signer === srp);
  expect(held).toEqual(own.map(([file]) => file));
  const kids = PROVIDERS.filter((other) => KIDS[other] !== undefined);
  expect(own.length > 0).toBe(kids.includes(srp));
  // Keys that sign no report are told apart by what they are.
  const thumbprints = PROVIDERS.map((other) => String(keyOf(data, other).thumbprint()));
  expect(new Set(thumbprints).size).toBe(PROVIDERS.length);
}

/** Reports, and the keys of their providers. */
export const REPORT_ROWS: readonly Row[] = [
  ...Object.entries(REPORTS).map(([file, [columns]]) => ({
    file: `sfr/reports/${file}`,
    outcome: `verifies under the key of ${columns[0]} alone: ${columns[5]}`,
    check: (data: SharedData) => checkReport(data, file),
  })),
  ...PROVIDERS.map((srp) => ({
    file: `sfr/keys/${SRP[srp]}`,
    outcome: "verifies the reports of its provider, and no others",
    check: (data: SharedData) => checkKey(data, srp),
  })),
];
