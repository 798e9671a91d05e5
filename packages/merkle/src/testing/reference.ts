/**
 * The definitions of RFC 9162 §2.1, written down as they stand there: recursive, on whole lists of
 * entries, with hashes by Node. Slow, and sharing nothing with what it is compared to.
 */
import { createHash } from "node:crypto";

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function entryAt(index: number): Uint8Array {
  return new TextEncoder().encode(`entry ${index}`);
}

export function entriesTo(size: number): readonly Uint8Array[] {
  return Array.from({ length: size }, (_, index) => entryAt(index));
}

/** k of §2.1.1. */
export function split(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

// Subtrees of one list of entries recur in every path; their roots are kept by their bounds.
const roots = new WeakMap<readonly Uint8Array[], Map<string, Uint8Array>>();

/** MTH(D[start:end]), §2.1.1. */
export function mth(
  entries: readonly Uint8Array[],
  start = 0,
  end: number = entries.length,
): Uint8Array {
  const known = roots.get(entries) ?? new Map<string, Uint8Array>();
  roots.set(entries, known);
  const bounds = `${start}:${end}`;
  const root = known.get(bounds) ?? mthAnew(entries, start, end);
  known.set(bounds, root);
  return root;
}

function mthAnew(entries: readonly Uint8Array[], start: number, end: number): Uint8Array {
  const n = end - start;
  if (n === 0) return sha256();
  if (n === 1) return sha256(Uint8Array.of(0), entries[start] ?? new Uint8Array(0));
  const middle = start + split(n);
  return sha256(Uint8Array.of(1), mth(entries, start, middle), mth(entries, middle, end));
}

/** PATH(m, D[start:start + n]), §2.1.3.1. */
export function path(
  m: number,
  entries: readonly Uint8Array[],
  [start, end]: readonly [number, number] = [0, entries.length],
): readonly Uint8Array[] {
  const n = end - start;
  if (n === 1) return [];
  const k = split(n);
  const middle = start + k;
  return m < k
    ? [...path(m, entries, [start, middle]), mth(entries, middle, end)]
    : [...path(m - k, entries, [middle, end]), mth(entries, start, middle)];
}

/** PROOF(m, D_n), §2.1.4.1. */
export function proof(m: number, entries: readonly Uint8Array[]): readonly Uint8Array[] {
  return subproof(m, entries, { start: 0, end: entries.length, whole: true });
}

interface Subtree {
  readonly start: number;
  readonly end: number;
  /** The flag b: the subtree starts where the whole tree does. */
  readonly whole: boolean;
}

function subproof(m: number, entries: readonly Uint8Array[], at: Subtree): readonly Uint8Array[] {
  const { start, end, whole } = at;
  if (m === end - start) return whole ? [] : [mth(entries, start, end)];
  const k = split(end - start);
  const middle = start + k;
  return m <= k
    ? [...subproof(m, entries, { start, end: middle, whole }), mth(entries, middle, end)]
    : [
        ...subproof(m - k, entries, { start: middle, end, whole: false }),
        mth(entries, start, middle),
      ];
}
