import { Buffer } from "node:buffer";

/** Whether two byte strings of one class are equal; undefined for all else, which is for jest to say. */
export function areBytesEqual(a, b) {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return undefined;
  if (a.constructor !== b.constructor) return undefined;
  return Buffer.compare(a, b) === 0;
}
