import type { Head } from "./head.js";

const HALF = 25;
const SINGLE = 26;

function readHalf(bits: number): number {
  const sign = bits < 0x8000 ? 1 : -1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = bits % 1024;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Yields the value of a float head, whose argument is the bits of an IEEE 754 number (§3.3). */
export function readFloat(head: Head): number {
  const view = new DataView(new ArrayBuffer(8));
  if (head.info === HALF) return readHalf(Number(head.argument));
  if (head.info === SINGLE) {
    view.setUint32(0, Number(head.argument));
    return view.getFloat32(0);
  }
  view.setBigUint64(0, BigInt(head.argument));
  return view.getFloat64(0);
}

// Multiples of 2^-24 with at most eleven significant bits are what half precision holds.
function fitsHalf(value: number): boolean {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(magnitude)) return true;
  if (magnitude > 65_504) return false;
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  return Number.isInteger(magnitude * 2 ** (10 - exponent));
}

/** Yields whether a float is in the shortest form that keeps its value (RFC 8949 §4.2.1). */
export function isShortestFloat(head: Head): boolean {
  if (head.info === HALF) return true;
  const value = readFloat(head);
  if (fitsHalf(value)) return false;
  return head.info === SINGLE || Math.fround(value) !== value;
}
