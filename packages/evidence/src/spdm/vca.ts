import { encodeHex, type HashName } from "@tallystick/cose";

import type { Cursor } from "../cursor.js";
import { malformed, unsupported } from "../error.js";

/** Codes of the messages before measurements are asked for (DSP0274). */
const CODE = {
  getVersion: 0x84,
  version: 0x04,
  getCapabilities: 0xe1,
  capabilities: 0x61,
  negotiate: 0xe3,
  algorithms: 0x63,
} as const;

const SPDM_1_0 = 0x10;

/** Of the messages on capabilities from version 1.2 on. */
const CAPABILITIES_BYTES = 20;

/** By bit of MeasurementHashAlgo; bit 0 says that all values are raw. */
const MEASUREMENT_HASHES: ReadonlyMap<number, string> = new Map([
  [0x01, "raw"],
  [0x02, "sha-256"],
  [0x04, "sha-384"],
  [0x08, "sha-512"],
  [0x10, "sha3-256"],
  [0x20, "sha3-384"],
  [0x40, "sha3-512"],
]);

/** BaseAsymSel and BaseHashSel together: what signatures of a curve are over. */
const BASES: ReadonlyMap<string, HashName> = new Map([
  ["16 1", "sha-256"],
  ["128 2", "sha-384"],
  ["256 4", "sha-512"],
]);

/** What requester and responder agreed on. */
export interface Agreed {
  readonly measurementHash: string | undefined;
  readonly baseHash: HashName;
}

/** Yields whether the bytes begin with the messages on the version. */
export function startsWithVersion(cursor: Cursor): boolean {
  return cursor.peek() === SPDM_1_0 && cursor.peek(1) === CODE.getVersion;
}

/**
 * Reads the exchange of version, capabilities and algorithms, which the signature covers from
 * version 1.2 on: GET_VERSION, VERSION, GET_CAPABILITIES, CAPABILITIES, NEGOTIATE_ALGORITHMS and
 * ALGORITHMS.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export function readVca(cursor: Cursor): Agreed {
  requireMessage(cursor, [SPDM_1_0, CODE.getVersion]);
  cursor.take(4, "GET_VERSION");
  requireMessage(cursor, [SPDM_1_0, CODE.version]);
  cursor.take(5, "VERSION");
  cursor.take(2 * cursor.number(1, "number of versions"), "versions");
  const version = cursor.peek() ?? 0;
  if (version !== 0x12) throw unsupported(`negotiation of SPDM version ${nameOf(version)}`);
  for (const code of [CODE.getCapabilities, CODE.capabilities]) {
    requireMessage(cursor, [version, code]);
    cursor.take(CAPABILITIES_BYTES, "capabilities");
  }
  requireMessage(cursor, [version, CODE.negotiate]);
  cursor.take(cursor.peekNumber(4, 2, "length"), "NEGOTIATE_ALGORITHMS");
  requireMessage(cursor, [version, CODE.algorithms]);
  const answer = cursor.take(cursor.peekNumber(4, 2, "length"), "ALGORITHMS");
  return agreedOf(answer);
}

function agreedOf(answer: Uint8Array): Agreed {
  const word = (at: number): number => {
    const bytes = answer.subarray(at, at + 4);
    if (bytes.length < 4) throw malformed("ALGORITHMS ends early");
    return Number.parseInt(encodeHex(new Uint8Array(bytes).reverse()), 16);
  };
  const [measurement, asymmetric, hash] = [word(8), word(12), word(16)];
  const baseHash = BASES.get(`${asymmetric} ${hash}`);
  if (baseHash === undefined) {
    throw unsupported(`signature algorithm ${asymmetric} with hash ${hash}`);
  }
  const measurementHash = MEASUREMENT_HASHES.get(measurement);
  if (measurementHash === undefined) throw unsupported(`measurement hash ${measurement}`);
  return { baseHash, measurementHash: measurementHash === "raw" ? undefined : measurementHash };
}

function requireMessage(cursor: Cursor, [version, code]: readonly [number, number]): void {
  if (cursor.peek() === version && cursor.peek(1) === code) return;
  throw malformed(`no message ${code} of SPDM version ${nameOf(version)} at ${cursor.offset}`);
}

/** Yields a version as people write it. */
export function nameOf(version: number): string {
  return `${version >> 4}.${version & 0x0f}`;
}
