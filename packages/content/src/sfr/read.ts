import { digestOfHex, type ContentDigest } from "../hash.js";
import { isJsonObject, memberOf, type Json } from "../json.js";
import { invalid, JsonRecord } from "../record.js";
import type { Findings } from "../warning.js";
import { readCve, readCwe, readDay } from "./identifier.js";
import { readManifest } from "./manifest.js";
import type { SfrDevice, SfrIssue, SfrReport } from "./report.js";
import { assess, MAX_ISSUES } from "./severity.js";

/** The members by which a short-form report is told. */
export const REPORT_MEMBERS: readonly string[] = ["review_framework_version", "device", "audit"];

/** Yields whether the value has the three members by which a short-form report is told. */
export function looksLikeReport(value: Json): boolean {
  return isJsonObject(value) && REPORT_MEMBERS.every((name) => memberOf(value, name) !== undefined);
}

/**
 * Reads a short-form report in JSON, as leniently as what is published demands; every departure
 * from the format becomes a warning.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readReport(value: Json, findings: Findings): SfrReport {
  const root = JsonRecord.of(value, "");
  const frameworkVersion = root.requiredText("review_framework_version");
  const device = root.record("device");
  const audit = root.record("audit");
  const digests = readDigests(device, findings);
  const manifest = readManifest(device, digests, findings);
  const issuedAt = root.integer("iat");
  return {
    frameworkVersion,
    reportVersion: audit.requiredText("report_version"),
    device: readDevice(device, findings),
    digests,
    measured: [],
    manifest: manifest.entries,
    manifestAgrees: manifest.agrees,
    provider: trimmed(audit, audit.requiredText("srp"), { name: "srp", findings }),
    methodology: audit.text("methodology"),
    scope: readScope(audit, findings),
    solidVersion: audit.text("solid_ver"),
    completed: readDay(audit.requiredText("completion_date"), {
      path: audit.at("completion_date"),
      findings,
    }),
    issuedAt: Number.isSafeInteger(issuedAt) ? issuedAt : undefined,
    issues: readIssues(audit, findings),
  };
}

function readDevice(device: JsonRecord, findings: Findings): SfrDevice {
  const firmwareVersion = device.requiredText("fw_version");
  const category = device.text("category");
  const repoTag = device.text("repo_tag");
  if (category === undefined) findings.add("category-absent", device.at("category"));
  if (repoTag === undefined || repoTag === "") findings.add("tag-absent", device.at("repo_tag"));
  const isPlaceholder = firmwareVersion === "" || firmwareVersion === "0";
  if (isPlaceholder) findings.add("version-absent", device.at("fw_version"));
  if (/[(,]/.test(firmwareVersion)) findings.add("version-comment", device.at("fw_version"));
  const nameOf = (name: "vendor" | "product"): string =>
    trimmed(device, device.requiredText(name, 1), { name, findings });
  return {
    vendor: nameOf("vendor"),
    product: nameOf("product"),
    category: category === "" ? undefined : category,
    repoTag: repoTag === "" ? undefined : repoTag,
    firmwareVersion: isPlaceholder ? undefined : firmwareVersion,
    classId: device.text("class_id"),
  };
}

function trimmed(
  record: JsonRecord,
  text: string,
  { name, findings }: { readonly name: string; readonly findings: Findings },
): string {
  const short = text.trim();
  if (short !== text) findings.add("text-untrimmed", record.at(name));
  return short;
}

/** Digests that a member may hold, by its name; the shorter one is a known slip. */
const HASH_MEMBERS = [
  ["fw_hash_sha2_384", ["sha-384"]],
  ["fw_hash_sha2_512", ["sha-512", "sha-256"]],
] as const;

function readDigests(device: JsonRecord, findings: Findings): readonly ContentDigest[] {
  const digests: ContentDigest[] = [];
  for (const [name, algorithms] of HASH_MEMBERS) {
    const written = device.text(name);
    if (written === undefined || written === "") {
      findings.add("hash-empty", device.at(name));
      continue;
    }
    const found = digestOfHex(written.replace(/^0x/, ""));
    if (found === undefined || !algorithms.some((alg) => alg === found.alg)) {
      throw invalid(device.at(name), `is no digest of ${algorithms.join(" or ")} in hex`);
    }
    if (written.startsWith("0x")) findings.add("hash-prefix", device.at(name));
    if (/[A-F]/.test(written)) findings.add("hash-upper-case", device.at(name));
    if (found.alg === "sha-256") findings.add("hash-sha256-in-sha512", device.at(name));
    digests.push(found);
  }
  if (digests.length === 0) findings.add("hash-none", device.path);
  return digests;
}

function readScope(audit: JsonRecord, findings: Findings): number | undefined {
  const written = audit.get("scope_number");
  const older = audit.text("scope");
  if (written === undefined) {
    const isOlder = older !== undefined;
    const path = audit.at(isOlder ? "scope" : "scope_number");
    findings.add(isOlder ? "scope-old-member" : "scope-absent", path);
    return isOlder ? scopeOf(older, { path, findings }) : undefined;
  }
  const path = audit.at("scope_number");
  if (typeof written !== "number" && typeof written !== "string") {
    throw invalid(path, "is neither a number nor a text");
  }
  if (typeof written === "string") findings.add("scope-text", path);
  return scopeOf(written, { path, findings });
}

function scopeOf(
  written: string | number,
  { path, findings }: { readonly path: string; readonly findings: Findings },
): number | undefined {
  const [, digit] = /^([1-3])(?:\.0{1,6})?$/.exec(String(written).trim()) ?? [];
  if (digit === undefined) findings.add("scope-unreadable", path);
  return digit === undefined ? undefined : Number(digit);
}

function readIssues(audit: JsonRecord, findings: Findings): readonly SfrIssue[] {
  if (!audit.has("issues")) throw invalid(audit.at("issues"), "is missing");
  const version = audit.text("cvss_version");
  if (version === undefined) findings.add("cvss-version-assumed", audit.at("cvss_version"));
  const issues = audit.records("issues");
  if (issues.length > MAX_ISSUES) throw invalid(audit.at("issues"), `has over ${MAX_ISSUES}`);
  return issues.map((issue) => {
    const title = issue.requiredText("title");
    const assessed = assess(
      {
        title,
        score: issue.requiredText("cvss_score"),
        vector: issue.text("cvss_vector"),
        version,
        path: issue.path,
      },
      findings,
    );
    return {
      title,
      description: issue.text("description"),
      ...assessed,
      cwe: readCwe(issue.nullableText("cwe"), { path: issue.at("cwe"), findings }),
      cve: readCve(issue.nullableText("cve"), { path: issue.at("cve"), findings }),
    };
  });
}
