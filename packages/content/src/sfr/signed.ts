import { parseStrictJson } from "../json.js";
import type { ContentLimits } from "../limits.js";
import type { Findings } from "../warning.js";
import { decodeJws } from "./jws.js";
import { readReport } from "./read.js";
import type { SfrReport } from "./report.js";
import type { ReviewSignature } from "./signature.js";

/** In what form a report came. `json` is not signed by itself. */
export type SfrForm = "jws" | "json";

/** A report with its signature, neither of them verified. */
export interface SignedReport extends ReviewSignature {
  readonly form: SfrForm;
  readonly reports: readonly SfrReport[];
}

/**
 * Decodes a signed report of any form.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
 * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_STRUCTURE_INVALID`
 */
export function decodeSignedReport(
  payload: Uint8Array,
  limits: ContentLimits,
  findings: Findings,
): SignedReport {
  const { algorithm, kid, message, signature, ...jws } = decodeJws(payload, limits);
  const report = readReport(parseStrictJson(jws.payload, limits, "report"), findings);
  return { form: "jws", reports: [report], kid, algorithms: [algorithm], message, signature };
}
