import { encodeCbor } from "@tallystick/cose";
import type { Admission } from "@tallystick/policy";

/**
 * Encodes what a replay needs beside the statement (T13): when it was admitted, and under which
 * policy.
 *
 * ```cddl
 * collateral = { "time": uint, "policy": bstr .size 32 / null } ; null for the first policy
 * ```
 */
export function encodeCollateral({ time, policyEntry }: Admission): Uint8Array {
  return encodeCbor(
    new Map<string, number | Uint8Array | null>([
      ["time", time],
      ["policy", policyEntry], // D8: every entry records the policy that admitted it
    ]),
  );
}
