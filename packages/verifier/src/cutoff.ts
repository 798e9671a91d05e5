import { decodeHex, encodeHex, formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";

import { VerifierError } from "./error.js";
import { malformed, reader } from "./reader.js";

/** How far the key of a service counts; docs/formats/trust.md describes each member. */
export interface Cutoff {
  /** Trees of more entries do not count. */
  readonly size: number;
  /** Root and time of the last tree, where no other one counts any more. */
  readonly last: { readonly root: Uint8Array; readonly time: number } | undefined;
  readonly reason: string | undefined;
}

/** What a key of a service has signed. */
export interface SignedTree {
  /** `undefined` where the size is not signed. */
  readonly size: number | undefined;
  readonly root: Uint8Array;
  /** Seconds since the epoch; `undefined` where no time is signed. */
  readonly time: number | undefined;
}

const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };
const REASON = { min: 1, max: 1000 };

/**
 * Reads the cutoff of a key, `until` in a trust file.
 *
 * @throws {@link VerifierError} `VERIFIER_TRUST_MALFORMED`
 */
export function cutoffOf(value: unknown, where: string): Cutoff {
  const { size, root, time, reason } = reader.membersOf(value, where, {
    required: ["size"],
    optional: ["root", "time", "reason"],
  });
  if ((root === undefined) !== (time === undefined)) {
    throw malformed(`${where} has root or time without the other`);
  }
  const isLast = root !== undefined;
  return Object.freeze({
    size: reader.integerOf(size, `${where}.size`, { ...COUNT, min: 1 }),
    last: isLast
      ? { root: rootOf(root, where), time: reader.integerOf(time, `${where}.time`, COUNT) }
      : undefined,
    reason: reason === undefined ? undefined : reader.textOf(reason, `${where}.reason`, REASON),
  });
}

/**
 * Returns if a key counts for a tree. A thief can sign smaller trees and earlier times as well as
 * larger ones, so where the last tree is named it is the only one.
 *
 * @throws {@link VerifierError} `VERIFIER_KEY_RETIRED`
 */
export function requireWithin(
  { size, last, reason }: Cutoff,
  key: PublicKey,
  tree: SignedTree,
): void {
  const name = `key ${formatThumbprint(key)}`;
  const why = reason === undefined ? "" : ` (${reason})`;
  if (tree.size === undefined) {
    throw retired(`${name} is retired${why}, and this does not sign the size of its tree`);
  }
  if (tree.size > size) {
    throw retired(`${name} counts up to size ${size}${why}, and this is of size ${tree.size}`);
  }
  if (last === undefined) return;
  const isLast =
    tree.size === size && tree.time === last.time && encodeHex(tree.root) === encodeHex(last.root);
  if (isLast) return;
  const only = `the last tree of size ${size} alone${why}`;
  throw retired(`${name} counts for ${only}, and this is another one, of size ${tree.size}`);
}

function rootOf(value: unknown, where: string): Uint8Array {
  if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) {
    throw malformed(`${where}.root is not 64 hexadecimal digits`);
  }
  return decodeHex(value);
}

function retired(message: string): VerifierError {
  return new VerifierError("VERIFIER_KEY_RETIRED", message);
}
