/**
 * The trees of RFC 9162 §2.1 as the RFC writes them down: recursive, hashed by node:crypto, sharing
 * nothing with the code that is tested.
 */
import { createHash } from "node:crypto";
import type { ConsistencyProof, InclusionProof } from "@tallystick/merkle";

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The entry that every tree here has at an index. */
export function entryAt(index: number): Uint8Array {
  return sha256(new TextEncoder().encode(`entry ${index}`));
}

/** Largest power of two below n. */
function split(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

/** MTH of the entries from start to end. */
function mth(start: number, end: number): Uint8Array {
  if (end - start === 1) return sha256(Uint8Array.of(0), entryAt(start));
  const middle = start + split(end - start);
  return sha256(Uint8Array.of(1), mth(start, middle), mth(middle, end));
}

export function rootOf(size: number): Uint8Array {
  return mth(0, size);
}

function path(index: number, start: number, end: number): Uint8Array[] {
  if (end - start === 1) return [];
  const middle = start + split(end - start);
  return index < middle
    ? [...path(index, start, middle), mth(middle, end)]
    : [...path(index, middle, end), mth(start, middle)];
}

export function inclusionProof(index: number, size: number): InclusionProof {
  return { index, size, path: path(index, 0, size) };
}

function subproof(old: number, start: number, end: number): Uint8Array[] {
  if (old === end) return start === 0 ? [] : [mth(start, end)];
  const middle = start + split(end - start);
  return old <= middle
    ? [...subproof(old, start, middle), mth(middle, end)]
    : [...subproof(old, middle, end), mth(start, middle)];
}

export function consistencyProof(oldSize: number, newSize: number): ConsistencyProof {
  return { oldSize, newSize, path: subproof(oldSize, 0, newSize) };
}
