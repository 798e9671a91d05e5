import { CoseError, decodeCborMap, isCborArray } from "@tallystick/cose";
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

/** In the order of their encodings (RFC 8949 §4.2.1). */
const MEMBERS: readonly unknown[] = ["time", "policy", "x5chain"];
const ENTRY_BYTES = 32;

/**
 * Decodes the collateral of an entry, strictly: nothing beside what is known.
 *
 * @throws {@link AuditorError} `AUDITOR_COLLATERAL_MALFORMED`
 */
export function decodeCollateral(bytes: Uint8Array, where: Whereabouts): Collateral {
  const map = mapOf(bytes, where);
  const [time, policy, chain] = [map.get("time"), map.get("policy"), map.get("x5chain")];
  requireMembers([...map.keys()], where);
  if (typeof time !== "number" || !Number.isSafeInteger(time) || time < 0) {
    throw malformed("lacks its time", where);
  }
  if (policy !== null && !isEntry(policy)) throw malformed("lacks its policy", where);
  if (chain === undefined) return { time, policy, chain };
  if (!isChain(chain)) throw malformed("has no certificates in x5chain", where);
  return { time, policy, chain };
}

// Strictly decoded, a map of these members can be written in one way but for their order.
function requireMembers(names: readonly unknown[], where: Whereabouts): void {
  let before = -1;
  for (const name of names) {
    const place = MEMBERS.indexOf(name);
    if (place < 0) throw malformed(`has the member ${String(name)}`, where);
    if (place < before) throw malformed("is not in the one encoding", where);
    before = place;
  }
}

function mapOf(bytes: Uint8Array, where: Whereabouts): CborMap {
  try {
    return decodeCborMap(bytes);
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
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
