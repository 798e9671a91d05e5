import {
  CONTENT_KINDS,
  isWarningCode,
  type ContentKind,
  type SfrReport,
} from "@tallystick/content";

import { unreadableRefusal, type ContentFacts } from "../content-facts.js";
import { concerns } from "./content.js";
import { isRecord, listed, quote } from "./parameters.js";
import type { Parameters } from "./parameters.js";
import type { ReadyRule } from "./ready.js";

const KINDS: readonly string[] = CONTENT_KINDS;

/** The kinds that have reports in them. */
export const REPORT_KINDS: readonly ContentKind[] = ["sfr", "sfr-corim"];
const NOTICE_KINDS: readonly ContentKind[] = ["revoke", "supersede"];

/** Yields the reports that a payload has; `undefined` where it is none. */
export function reportsIn({ content }: ContentFacts): readonly SfrReport[] | undefined {
  return content !== undefined && "reports" in content ? content.reports : undefined;
}

/** The payload can be read where it is of a kind that is known, and is of one of the kinds listed. */
export const soundContent: ReadyRule = {
  parameters: ["kinds", "contentTypes"],
  compile: (parameters) => {
    const kinds = parameters.has("kinds") ? parameters.texts("kinds") : KINDS;
    const unknown = kinds.find((kind) => !KINDS.includes(kind));
    if (unknown !== undefined) {
      throw parameters.malformed("kinds", `has ${quote(unknown)}, want ${listed(KINDS)}`);
    }
    const types = parameters.contentTypes("contentTypes");
    return (facts, meter) => {
      if (!concerns(types, facts.statement)) return undefined;
      const { content, problem } = facts.content(meter);
      if (content === undefined) return `the payload cannot be read: ${String(problem)}`;
      if (kinds.includes(content.kind)) return undefined;
      const why = problem === undefined ? "" : `, for ${problem}`;
      return `the payload is of kind ${content.kind}${why}, want ${listed(kinds)}`;
    };
  },
};

/** The payload has none of the warnings listed. */
export const contentWarnings: ReadyRule = {
  parameters: ["refuse"],
  compile: (parameters) => {
    const codes = parameters.texts("refuse");
    const unknown = codes.find((code) => !isWarningCode(code));
    if (unknown !== undefined) {
      throw parameters.malformed("refuse", `has ${quote(unknown)}, which is no code of a warning`);
    }
    const refused = new Set(codes);
    return (facts, meter) => {
      const { content } = facts.content(meter);
      const found = content?.warnings.find(({ code }) => refused.has(code));
      return found === undefined ? undefined : `the payload has ${found.code} at ${found.path}`;
    };
  },
};

/**
 * A report is about a product of a vendor for whom the issuer of the statement may publish; what could
 * be a report can be read.
 */
export const reportVendor: ReadyRule = {
  parameters: ["vendors"],
  compile: (parameters) => {
    const vendors = vendorsOf(parameters);
    return (facts, meter) => {
      const { issuer } = facts.statement.claims;
      const allowed = vendors.get(issuer) ?? new Set<string>();
      const found = facts.content(meter);
      const refusal = unreadableRefusal(found, facts.statement, REPORT_KINDS);
      if (refusal !== undefined) return refusal;
      const other = reportsIn(found)?.find(({ device }) => !allowed.has(device.vendor));
      return other === undefined
        ? undefined
        : `the report is about a product of ${quote(other.device.vendor)}, for whom ${quote(issuer)} does not publish`;
    };
  },
};

function vendorsOf(parameters: Parameters): ReadonlyMap<string, ReadonlySet<string>> {
  const value = parameters.value("vendors");
  const entries = isRecord(value) ? Object.entries(value) : [];
  if (entries.length === 0 || entries.length > 1000) {
    throw parameters.malformed("vendors", "is not an object with 1 to 1000 issuers");
  }
  return new Map(
    entries.map(([issuer, names]) => {
      const texts: readonly unknown[] = Array.isArray(names) ? names : [];
      const known = texts.filter((name) => typeof name === "string" && name.length > 0);
      if (known.length === 0 || known.length !== texts.length || known.length > 1000) {
        throw parameters.malformed("vendors", "has no list of 1 to 1000 texts for an issuer");
      }
      return [issuer, new Set(known as readonly string[])];
    }),
  );
}

/**
 * A revocation or supersession is by the issuer of its target, as it names it, or by an operator; what
 * could be one can be read.
 */
export const noticeIssuer: ReadyRule = {
  parameters: ["operators"],
  compile: (parameters) => {
    const operators = new Set(parameters.has("operators") ? parameters.texts("operators") : []);
    return (facts, meter) => {
      const found = facts.content(meter);
      const refusal = unreadableRefusal(found, facts.statement, NOTICE_KINDS);
      if (refusal !== undefined) return refusal;
      const { content } = found;
      if (content === undefined || !("notice" in content)) return undefined;
      const { issuer } = facts.statement.claims;
      if (issuer === content.notice.issuer || operators.has(issuer)) return undefined;
      return `issuer ${quote(issuer)} is neither that of the target, ${quote(content.notice.issuer)}, nor an operator`;
    };
  },
};
