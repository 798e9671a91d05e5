import { CoseError, decodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { ClientError } from "./error.js";

/**
 * Decodes a CBOR sequence (RFC 8742).
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export function decodeSequence(bytes: Uint8Array): readonly CborValue[] {
  const items: CborValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = endOfItem(bytes, at);
    items.push(decodeItem(bytes.subarray(at, end)));
    at = end;
  }
  return items;
}

function decodeItem(bytes: Uint8Array): CborValue {
  try {
    return decodeCbor(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ClientError("CLIENT_PROTOCOL", `sequence: ${cause.message}`, { cause });
  }
}

// Looks at lengths alone; what they frame is judged when it is decoded.
function endOfItem(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let left = 1; left > 0; left--) {
    const first = bytes[at] ?? 0;
    const info = first & 31;
    if (info > 27) {
      throw new ClientError("CLIENT_PROTOCOL", "sequence: an item is of indefinite length");
    }
    const end = at + 1 + (info < 24 ? 0 : 2 ** (info - 24));
    if (end > bytes.length) return end;
    let argument = info < 24 ? info : 0;
    for (const byte of bytes.subarray(at + 1, end)) argument = argument * 256 + byte;
    const major = first >> 5;
    at = major === 2 || major === 3 ? end + argument : end;
    left += major === 4 ? argument : major === 5 ? 2 * argument : major === 6 ? 1 : 0;
    if (at + left - 1 > bytes.length) return at + left;
  }
  return at;
}
