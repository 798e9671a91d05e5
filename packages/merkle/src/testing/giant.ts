/**
 * Trees of any size up to 2^53 - 1, in bigint arithmetic. All leaves hash alike but one, so that the
 * hash of any subtree is at hand without building the tree, and yet the position of that leaf shows
 * in every root.
 */
import { sha256 } from "./reference.js";

const COMMON = sha256(Uint8Array.of(0), Uint8Array.of(1));
const MARKED = sha256(Uint8Array.of(0), Uint8Array.of(2));

const perfect: Uint8Array[] = [COMMON];
for (let level = 1; level <= 64; level++) {
  const below = perfect[level - 1] ?? COMMON;
  perfect.push(sha256(Uint8Array.of(1), below, below));
}

export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

export function bitLength(n: bigint): number {
  return n === 0n ? 0 : n.toString(2).length;
}

export function onesIn(n: bigint): number {
  return n.toString(2).replaceAll("0", "").length;
}

/** k of RFC 9162 §2.1.1. */
export function split(n: bigint): bigint {
  return 1n << BigInt(bitLength(n - 1n) - 1);
}

export function leafOf(marked: bigint, index: bigint): Uint8Array {
  return index === marked ? MARKED : COMMON;
}

/** MTH over a range of the tree whose leaf `marked` is the odd one. */
export function rangeRoot(marked: bigint, { start, end }: Range): Uint8Array {
  const n = end - start;
  if (n === 1n) return leafOf(marked, start);
  const isCommon = marked < start || marked >= end;
  const level = bitLength(n) - 1;
  if (isCommon && n === 1n << BigInt(level)) return perfect[level] ?? COMMON;
  const middle = start + split(n);
  return sha256(
    Uint8Array.of(1),
    rangeRoot(marked, { start, end: middle }),
    rangeRoot(marked, { start: middle, end }),
  );
}

/** The subtrees of PATH(m, D_n), RFC 9162 §2.1.3.1. */
export function pathRanges(m: bigint, { start, end }: Range): readonly Range[] {
  if (end - start === 1n) return [];
  const middle = start + split(end - start);
  const left = { start, end: middle };
  const right = { start: middle, end };
  return m < middle ? [...pathRanges(m, left), right] : [...pathRanges(m, right), left];
}

/** The subtrees of SUBPROOF(m, D[start:end], b), RFC 9162 §2.1.4.1; `m` counts from leaf 0. */
export function proofRanges(m: bigint, { start, end }: Range): readonly Range[] {
  if (m === end) return start === 0n ? [] : [{ start, end }];
  const middle = start + split(end - start);
  const left = { start, end: middle };
  const right = { start: middle, end };
  return m <= middle ? [...proofRanges(m, left), right] : [...proofRanges(m, right), left];
}

/** The perfect subtrees of a range, left to right, as `level/index`, by the bits of its length. */
export function nodesOf({ start, end }: Range): readonly string[] {
  const nodes: string[] = [];
  let at = start;
  for (let level = bitLength(end - start) - 1; level >= 0; level--) {
    if ((((end - start) >> BigInt(level)) & 1n) === 0n) continue;
    nodes.push(`${level}/${at >> BigInt(level)}`);
    at += 1n << BigInt(level);
  }
  return nodes;
}

/** Verifying an inclusion path word for word, RFC 9162 §2.1.3.2: the root, or undefined. */
export function rootFromPath(
  [index, size]: readonly [bigint, bigint],
  leaf: Uint8Array,
  path: readonly Uint8Array[],
): Uint8Array | undefined {
  if (index >= size) return undefined;
  let fn = index;
  let sn = size - 1n;
  let r = leaf;
  for (const p of path) {
    if (sn === 0n) return undefined;
    if ((fn & 1n) === 1n || fn === sn) {
      r = sha256(Uint8Array.of(1), p, r);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      r = sha256(Uint8Array.of(1), r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  return sn === 0n ? r : undefined;
}

/** Sizes and indexes where 32-bit, 53-bit and tile arithmetic go wrong first. */
export const GIANT_SIZES: readonly number[] = [
  2 ** 31 - 1,
  2 ** 31 + 1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 32 + 7,
  2 ** 33 + 2 ** 8 + 1,
  2 ** 40 + 3,
  2 ** 48 + 65_537,
  2 ** 52 + 1,
  2 ** 53 - 256,
  2 ** 53 - 2,
  2 ** 53 - 1,
];

export function indexesIn(size: number): readonly number[] {
  const near = [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 1];
  const middle = Math.floor(size / 2);
  const all = [...near, middle - 1, middle, middle + 1, size - 257, size - 256, size - 2, size - 1];
  return [...new Set(all)].filter((index) => index >= 0 && index < size);
}
