import { encodeBase64url, type Signer } from "@tallystick/cose";

import { ContentError } from "../error.js";
import { parseStrictJson } from "../json.js";
import { completeLimits, type ContentLimits } from "../limits.js";
import { Findings, type ContentWarning } from "../warning.js";
import { ALGORITHMS } from "./jws.js";
import { readReport } from "./read.js";

/** How a report is signed. */
export interface SignReportOptions {
  /** What the header calls the key. */
  readonly kid: string;
  readonly limits?: Partial<ContentLimits>;
}

/** A report that was signed, and what is unusual about it. */
export interface SignedReportFile {
  /** A JWS in compact form. */
  readonly bytes: Uint8Array;
  readonly warnings: readonly ContentWarning[];
}

/**
 * Signs a report as it stands, once it can be read, for a review provider to hand to the vendor.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`,
 * `CONTENT_ALG_UNSUPPORTED` for a key of no algorithm of reports
 */
export async function signReport(
  report: Uint8Array,
  signer: Signer,
  { kid, limits }: SignReportOptions,
): Promise<SignedReportFile> {
  const { name } = signer.algorithm;
  if (!ALGORITHMS.includes(name)) {
    throw new ContentError(
      "CONTENT_ALG_UNSUPPORTED",
      `${name} is not one of ${ALGORITHMS.join(", ")}`,
    );
  }
  const findings = new Findings();
  readReport(parseStrictJson(report, completeLimits(limits), "report"), findings);
  const encoder = new TextEncoder();
  const header = encoder.encode(JSON.stringify({ alg: name, kid, typ: "JWT" }));
  const covered = `${encodeBase64url(header)}.${encodeBase64url(report)}`;
  const signature = encodeBase64url(await signer.sign(encoder.encode(covered)));
  return { bytes: encoder.encode(`${covered}.${signature}`), warnings: findings.list() };
}
