import { encodeHex } from "@tallystick/cose";

import type { AppendRequest } from "../request.js";
import { request } from "./bench.js";

/** The number of the genesis entry; the others count from 0. */
export const GENESIS = -1;

/** The number of an entry that no model logs. */
export const NEVER_LOGGED = 31;

// By entry in hex.
const numbers = new Map<string, number>();
for (let n = GENESIS; n <= NEVER_LOGGED; n++) numbers.set(encodeHex(requestFor(n).entry), n);

/** Yields what is submitted for an entry. */
export function requestFor(entry: number): AppendRequest {
  return request(entry === GENESIS ? "genesis" : entry);
}

/** Yields the digest of an entry. */
export function digestOf(entry: number): Uint8Array {
  return requestFor(entry).entry;
}

/** Yields the number of an entry. */
export function numberOf(entry: Uint8Array): number {
  return numbers.get(encodeHex(entry)) ?? Number.NaN;
}
