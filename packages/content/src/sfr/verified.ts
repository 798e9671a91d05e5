import type { PublicKey } from "@tallystick/cose";

import { completeLimits, type ContentLimits } from "../limits.js";
import { Findings, type ContentWarning } from "../warning.js";
import { decodeSignedReport, type SfrForm } from "./signed.js";
import type { ReviewKey, ReviewKeys } from "./keys.js";
import { findKey, findSigner, type ReviewTrust } from "./signature.js";
import type { SfrReport } from "./report.js";

/** How a report is verified. */
export interface VerifyReportOptions extends ReviewTrust {
  readonly limits?: Partial<ContentLimits>;
}

/**
 * Yields the key that a signed report is signed with, whatever its terms say of now; `undefined`
 * where it is of none of these keys. What the report says is not looked at.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
 * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_STRUCTURE_INVALID`, `CONTENT_KEY_UNKNOWN`
 */
export async function findReportKey(
  payload: Uint8Array,
  keys: ReviewKeys,
  limits: Partial<ContentLimits> = {},
): Promise<ReviewKey | undefined> {
  return findKey(decodeSignedReport(payload, completeLimits(limits), new Findings()), keys);
}

/** What a verified report says, and who said it. */
interface Verified {
  readonly form: SfrForm;
  readonly reports: readonly SfrReport[];
  readonly warnings: readonly ContentWarning[];
  readonly provider: string;
  readonly key: PublicKey;
}

/** A short-form report under a signature that holds, of a review provider whom the caller trusts. */
export class VerifiedReport {
  readonly form: SfrForm;
  /** What was signed. A JWS has one report, a CoRIM one or more. */
  readonly reports: readonly SfrReport[];
  readonly warnings: readonly ContentWarning[];
  /** Whose key it is, in the caller's words; what the report calls its author proves nothing. */
  readonly provider: string;
  readonly key: PublicKey;

  private constructor({ form, reports, warnings, provider, key }: Verified) {
    this.form = form;
    this.reports = reports;
    this.warnings = warnings;
    this.provider = provider;
    this.key = key;
    Object.freeze(this);
  }

  /**
   * Verifies a signed report as published, and yields what it says. Only the bytes under the
   * signature count; a kid orders the keys that are tried.
   *
   * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
   * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_STRUCTURE_INVALID`, `CONTENT_KEY_UNKNOWN`,
   * `CONTENT_KEY_OUT_OF_TERM`, `CONTENT_SIGNATURE_INVALID`
   */
  static async verify(payload: Uint8Array, options: VerifyReportOptions): Promise<VerifiedReport> {
    const findings = new Findings();
    const signed = decodeSignedReport(payload, completeLimits(options.limits), findings);
    const { provider, key } = await findSigner(signed, options);
    for (const report of signed.reports) {
      if (report.provider !== provider) findings.add("provider-name", "audit.srp");
    }
    const { form, reports } = signed;
    return new VerifiedReport({ form, reports, warnings: findings.list(), provider, key });
  }
}
