import { termRefusal, type ReviewKey } from "@tallystick/content";

import { unreadableRefusal, type ContentFacts } from "../content-facts.js";
import type { Facts } from "../facts.js";
import { Finding } from "../finding.js";
import { thumbprintOf } from "../report-signature.js";
import { concerns } from "./content.js";
import { REPORT_KINDS } from "./report.js";
import { keysOf, REPORT_KEYS } from "./signing-keys.js";
import type { ReadyRule } from "./ready.js";

/**
 * A report is signed by a review provider, with a key that is in force when the statement is
 * registered; what has one of the content types is such a report.
 */
export const reviewSignature: ReadyRule = {
  parameters: ["keys", "contentTypes", "allowUnsigned"],
  compile: (parameters) => {
    const keys = keysOf(parameters, REPORT_KEYS);
    const types = parameters.contentTypes("contentTypes");
    const allowsUnsigned = parameters.flag("allowUnsigned");
    const byThumbprint = new Map(keys.map((key) => [thumbprintOf(key.key), key]));
    return {
      reviewKeys: keys,
      check: (facts, meter) => {
        const found = facts.content(meter);
        const refusal = unreadableRefusal(found, facts.statement, REPORT_KINDS);
        if (refusal !== undefined) return refusal;
        const form = formOf(found);
        if (form === undefined) {
          return types !== undefined && concerns(types, facts.statement)
            ? `the payload is of kind ${found.content?.kind ?? "unreadable"}, want a signed report`
            : undefined;
        }
        if (form === "json" || form === "corim") {
          return allowsUnsigned ? undefined : "the report is signed by no review provider";
        }
        return signatureRefusal(facts, keys, byThumbprint);
      },
    };
  },
};

function formOf({ content }: ContentFacts): string | undefined {
  return content !== undefined && "reports" in content ? content.form : undefined;
}

function signatureRefusal(
  { finding, time }: Facts,
  keys: readonly ReviewKey[],
  byThumbprint: ReadonlyMap<string, ReviewKey>,
): string | undefined {
  // Another policy may have been in force when the statement was verified.
  const signature = finding !== undefined && Finding.is(finding) ? finding.signature : undefined;
  if (signature?.covers(keys) !== true) {
    return "cannot be decided: the signature inside was not looked at under this policy";
  }
  const key = signature.signer === undefined ? undefined : byThumbprint.get(signature.signer);
  if (key === undefined) return "the signature of the report is of no review provider's key";
  const why = termRefusal(key, time);
  return why === undefined ? undefined : `the key of ${key.provider} ${why}`;
}
