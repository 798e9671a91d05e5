import type { Content } from "./content.js";
import { digestFacts, present, type FactMap } from "./fact.js";
import { recordFacts, releaseFacts, rimFacts } from "./rim-facts.js";
import type { Bom, BomComponent } from "./sbom/bom.js";
import type { SfrIssue, SfrReport } from "./sfr/report.js";
import { worstBand } from "./sfr/severity.js";
import { swidFacts, tagFacts } from "./tag-facts.js";
import type { ContentWarning } from "./warning.js";

/**
 * Yields what a payload says in plain JSON: what is not known is absent, and nothing is null. Two
 * payloads that say the same in different forms have the same facts under `sfr`.
 */
export function factsOfContent(content: Content): FactMap {
  const frame = { kind: content.kind, warnings: content.warnings.map(warningFacts) };
  switch (content.kind) {
    case "sfr":
    case "sfr-corim":
      return {
        ...frame,
        form: content.form,
        ...present({ kid: content.kid }),
        sfr: content.reports.map(reportFacts),
      };
    case "cyclonedx":
    case "spdx":
      return { ...frame, bom: bomFacts(content.bom) };
    case "rim":
      return {
        ...frame,
        form: content.form,
        ...present({ kid: content.kid }),
        rim: rimFacts(content.rim, content.signer),
      };
    case "swid":
      return { ...frame, swid: swidFacts(content.swid) };
    case "coswid":
      return { ...frame, form: content.form, ...tagFacts(content.tags) };
    case "release":
      return { ...frame, release: releaseFacts(content.release) };
    case "record":
      return { ...frame, record: recordFacts(content.record) };
    case "revoke":
    case "supersede":
      return { ...frame, notice: present({ ...content.notice }) };
    case "opaque":
      return { ...frame, ...present({ problem: content.problem }) };
  }
}

/** Yields the facts of one report. */
export function reportFacts(report: SfrReport): FactMap {
  const { device, issues } = report;
  return {
    frameworkVersion: report.frameworkVersion,
    reportVersion: report.reportVersion,
    ...present({ ...device }),
    digests: report.digests.map(digestFacts),
    measured: report.measured.map(digestFacts),
    isMatchable: report.digests.length > 0,
    manifest: report.manifest.map(({ name, digests }) => ({
      name,
      digests: digests.map(digestFacts),
    })),
    provider: report.provider,
    ...present({
      manifestAgrees: report.manifestAgrees,
      methodology: report.methodology,
      scope: report.scope,
      solidVersion: report.solidVersion,
      completed: report.completed.day,
      issuedAt: report.issuedAt,
    }),
    worst: worstBand(issues.map(({ severity }) => severity.band)),
    issues: issues.map(issueFacts),
  };
}

function bomFacts({ subject, components, vulnerabilities, ...bom }: Bom): FactMap {
  return {
    ...present({ ...bom, subject: subject === undefined ? undefined : componentFacts(subject) }),
    components: components.map(componentFacts),
    vulnerabilities: vulnerabilities.map((vulnerability) => present({ ...vulnerability })),
  };
}

function componentFacts({ digests, ...component }: BomComponent): FactMap {
  return { ...present({ ...component }), digests: digests.map(digestFacts) };
}

function issueFacts({ severity, vector, ...issue }: SfrIssue): FactMap {
  return {
    title: issue.title,
    band: severity.band,
    ...present({
      score: severity.score,
      statedScore: issue.statedScore,
      vector: vector?.text,
      vectorScore: vector?.score,
      cwe: issue.cwe,
      cve: issue.cve,
      description: issue.description,
    }),
  };
}

function warningFacts({ code, level, path }: ContentWarning): FactMap {
  return { code, level, path };
}
