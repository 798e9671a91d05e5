// RFC 9162 §2.1 read aloud: recursive, slow, and written apart from the packages, so that vectors
// made with it can contradict them. Sizes are BigInt where they may pass 2^32.
import { createHash } from "node:crypto";

function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The leaf inputs of the reference tree that the Certificate Transparency projects share. */
export const LEAVES = [
  ...["", "00", "10", "2021", "3031", "40414243", "5051525354555657"],
  "606162636465666768696a6b6c6d6e6f",
].map((hex) => Buffer.from(hex, "hex"));

export function leafHash(entry) {
  return sha256(Buffer.of(0), entry);
}

export function nodeHash(left, right) {
  return sha256(Buffer.of(1), left, right);
}

/** A recognisable hash for places where any hash does. */
export function namedHash(name) {
  return sha256(name);
}

// k: the largest power of two smaller than n.
function split(n) {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

export function root(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leafHash(leaves[0]);
  const k = split(leaves.length);
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

export function inclusionPath(index, leaves) {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  if (index < k) return [...inclusionPath(index, left), root(right)];
  return [...inclusionPath(index - k, right), root(left)];
}

export function consistencyPath(oldSize, leaves) {
  return subproof(oldSize, leaves, true);
}

function subproof(m, leaves, isWholeOldTree) {
  if (m === leaves.length) return isWholeOldTree ? [] : [root(leaves)];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  if (m <= k) return [...subproof(m, left, isWholeOldTree), root(right)];
  return [...subproof(m - k, right, false), root(left)];
}

/** How many hashes an inclusion path has, by the verification algorithm on BigInt. */
export function inclusionLength(index, size) {
  let [fn, sn, length] = [BigInt(index), BigInt(size) - 1n, 0];
  while (sn > 0n) {
    if (fn % 2n === 1n || fn !== sn) length += 1;
    [fn, sn] = [fn / 2n, sn / 2n];
  }
  return length;
}

/** RFC 9162 §2.1.3.2 on BigInt: the root that a path implies. */
export function foldInclusion({ index, size, leaf, path }) {
  let [fn, sn, r] = [BigInt(index), BigInt(size) - 1n, leaf];
  for (const p of path) {
    if (sn === 0n) throw new Error("path too long");
    if (fn % 2n === 1n || fn === sn) {
      r = nodeHash(p, r);
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn / 2n, sn / 2n];
    } else {
      r = nodeHash(r, p);
    }
    [fn, sn] = [fn / 2n, sn / 2n];
  }
  if (sn !== 0n) throw new Error("path too short");
  return r;
}

/** RFC 9162 §2.1.4.2 on BigInt for an old size that is no power of two: both implied roots. */
export function foldConsistency({ oldSize, newSize, path }) {
  let [fn, sn] = [BigInt(oldSize) - 1n, BigInt(newSize) - 1n];
  while (fn % 2n === 1n) [fn, sn] = [fn / 2n, sn / 2n];
  let [fr, sr] = [path[0], path[0]];
  for (const c of path.slice(1)) {
    if (sn === 0n) throw new Error("path too long");
    if (fn % 2n === 1n || fn === sn) {
      [fr, sr] = [nodeHash(c, fr), nodeHash(c, sr)];
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn / 2n, sn / 2n];
    } else {
      sr = nodeHash(sr, c);
    }
    [fn, sn] = [fn / 2n, sn / 2n];
  }
  if (sn !== 0n) throw new Error("path too short");
  return { oldRoot: fr, newRoot: sr };
}
