import type { PublicKey } from "@tallystick/cose";
import type { PolicyDocument } from "@tallystick/policy";

import { BILL_TYPE, PROVIDER, REPORT_TYPE, VENDOR } from "./payload.js";

/** Rules of a registration policy. */
export type Rules = NonNullable<PolicyDocument["rules"]>;

/** Yields rules by which reports are read and their signatures verified, and bills held to their schema. */
export function contentRules(issuer: string, lab: PublicKey): Rules {
  const keys = [{ provider: PROVIDER, key: { ...lab.toJwk() } }];
  return [
    { name: "reviewed", use: "reviewSignature", with: { keys, contentTypes: [REPORT_TYPE] } },
    { name: "vendor", use: "reportVendor", with: { vendors: { [issuer]: [VENDOR] } } },
    { name: "bill", use: "bomSchema", with: { contentTypes: [BILL_TYPE] } },
    {
      name: "mild",
      cel: "content.kind != 'sfr' || content.sfr.all(r, r.worst != 'critical')",
      reason: "critical issue",
    },
  ];
}
