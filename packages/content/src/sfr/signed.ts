import { looksLikeCose, decodeMessage, type CoseForm } from "../corim/message.js";
import { readCorim } from "../corim/read.js";
import { parseStrictJson } from "../json.js";
import type { ContentLimits } from "../limits.js";
import { invalid } from "../record.js";
import type { Findings } from "../warning.js";
import { decodeJws } from "./jws.js";
import { readReport } from "./read.js";
import type { SfrReport } from "./report.js";
import type { ReviewSignature } from "./signature.js";

/** In what form a report in JSON came. `json` is not signed by itself. */
export type JoseForm = "jws" | "json";

/** In what form a CoRIM came. `corim` is not signed by itself. */
export type CorimForm = CoseForm | "corim";

/** In what form a signed report came. */
export type SfrForm = "jws" | CoseForm;

/** Reports with their signature, none of them verified. */
export interface SignedReport extends ReviewSignature {
  readonly form: SfrForm;
  /** At least one. */
  readonly reports: readonly SfrReport[];
}

/**
 * Decodes a signed report of any form.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
 * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_STRUCTURE_INVALID`
 */
export function decodeSignedReport(
  bytes: Uint8Array,
  limits: ContentLimits,
  findings: Findings,
): SignedReport {
  if (!looksLikeCose(bytes)) {
    const { algorithm, payload, ...jws } = decodeJws(bytes, limits);
    const report = readReport(parseStrictJson(payload, limits, "report"), findings);
    return { ...jws, form: "jws", algorithms: [algorithm], reports: [report] };
  }
  const { payload, ...message } = decodeMessage(bytes, limits);
  const reports = readCorim(payload, { limits, findings });
  if (reports.length === 0) throw invalid("the CoRIM", "endorses no report");
  return { ...message, reports };
}
