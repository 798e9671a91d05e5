import {
  decodeCborMap,
  encodeCbor,
  isCborArray,
  spliceByteStrings,
  spliceBytes,
  spliceMap,
  spliceUnsigned,
} from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { Admission } from "@tallystick/policy";

// Every entry has a collateral of this one shape, so its pieces are encoded once. In the order of
// their encodings (RFC 8949 §4.2.1).
const TIME = encodeCbor("time");
const POLICY = encodeCbor("policy");
const CHAIN = encodeCbor("x5chain");
const NULL = encodeCbor(null);

/** What a decision was made with, beside the statement. */
export interface Collateral {
  /** Seconds since the epoch. */
  readonly time: number;
  /** The control entry that put the policy in force that decided; `null` for the first policy. */
  readonly policy: Uint8Array | null;
  /** Certificates that came unprotected, which the statement on the log does not keep. */
  readonly chain: readonly Uint8Array[] | undefined;
}

/**
 * Encodes what a replay needs beside the statement (T13): when it was admitted, under which policy,
 * and with which certificates where they were not under the signature.
 *
 * ```cddl
 * collateral = {
 *   "time": uint,
 *   "policy": bstr .size 32 / null, ; null for the first policy
 *   ? "x5chain": [ + bstr ]         ; DER, leaf first
 * }
 * ```
 */
export function encodeCollateral({
  time,
  policyEntry,
  chain,
}: Pick<Admission, "time" | "policyEntry" | "chain">): Uint8Array {
  return spliceMap([
    [TIME, spliceUnsigned(time)],
    // D8: every entry records the policy that admitted it
    [POLICY, policyEntry === null ? NULL : spliceBytes(policyEntry)],
    ...(chain === undefined ? [] : ([[CHAIN, spliceByteStrings(chain)]] as const)),
  ]);
}

/**
 * Yields what {@link encodeCollateral} stored.
 *
 * @throws LogError `LOG_CORRUPT`
 */
export function decodeCollateral(bytes: Uint8Array): Collateral {
  const map = decodeCborMap(bytes);
  const [time, policy, chain] = [map.get("time"), map.get("policy"), map.get("x5chain")];
  const isEntry = policy === null || (policy instanceof Uint8Array && policy.length === 32);
  if (typeof time !== "number" || !isEntry || (chain !== undefined && !isChain(chain))) {
    throw new LogError("LOG_CORRUPT", "malformed collateral");
  }
  return { time, policy, chain };
}

function isChain(value: CborValue): value is readonly Uint8Array[] {
  return isCborArray(value) && value.length > 0 && value.every((der) => der instanceof Uint8Array);
}
