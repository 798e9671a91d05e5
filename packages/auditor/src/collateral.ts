import { CoseError, decodeCborMap, encodeCbor, isCborArray } from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import { AuditorError } from "./error.js";
import type { Whereabouts } from "./error.js";

/** What a decision was made with, beside the statement. */
export interface Collateral {
  /** When, in seconds since the epoch. */
  readonly time: number;
  /** Entry of the policy then in force; `null` for the first. */
  readonly policy: Uint8Array | null;
  /** Certificates that came unprotected, leaf first, in DER. */
  readonly chain: readonly Uint8Array[] | undefined;
}

const MEMBERS: ReadonlySet<unknown> = new Set(["time", "policy", "x5chain"]);
const ENTRY_BYTES = 32;

/**
 * Decodes the collateral of an entry, strictly: nothing beside what is known.
 *
 * @throws {@link AuditorError} `AUDITOR_COLLATERAL_MALFORMED`
 */
export function decodeCollateral(bytes: Uint8Array, where: Whereabouts): Collateral {
  const map = mapOf(bytes, where);
  const [time, policy, chain] = [map.get("time"), map.get("policy"), map.get("x5chain")];
  const unknown = [...map.keys()].find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw malformed(`has the member ${String(unknown)}`, where);
  if (typeof time !== "number" || !Number.isSafeInteger(time) || time < 0) {
    throw malformed("lacks its time", where);
  }
  if (policy !== null && !isEntry(policy)) throw malformed("lacks its policy", where);
  if (chain === undefined) return { time, policy, chain };
  if (!isChain(chain)) throw malformed("has no certificates in x5chain", where);
  return { time, policy, chain };
}

function mapOf(bytes: Uint8Array, where: Whereabouts): CborMap {
  try {
    const map = decodeCborMap(bytes);
    if (!isSame(encodeCbor(map), bytes)) throw malformed("is not in the one encoding", where);
    return map;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(cause.message, where);
  }
}

function isEntry(value: CborValue | undefined): value is Uint8Array {
  return value instanceof Uint8Array && value.length === ENTRY_BYTES;
}

function isChain(value: CborValue): value is readonly Uint8Array[] {
  return isCborArray(value) && value.length > 0 && value.every((der) => der instanceof Uint8Array);
}

function malformed(how: string, where: Whereabouts): AuditorError {
  return new AuditorError("AUDITOR_COLLATERAL_MALFORMED", `the collateral ${how}`, where);
}

/** Yields whether two byte strings are the same. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
