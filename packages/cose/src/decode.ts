import { CoseError } from "./error.js";
import { type CborLimits, checkSize, completeLimits } from "./limits.js";
import { Reader } from "./reader.js";
import { type CborMap, type CborValue, isCborMap } from "./value.js";

/**
 * Decodes one CBOR item that {@link checkCbor} accepts.
 *
 * Nothing in the result shares memory with the bytes.
 *
 * @throws {@link CoseError} the codes of {@link checkCbor}
 */
export function decodeCbor(bytes: Uint8Array, limits: Partial<CborLimits> = {}): CborValue {
  const complete = completeLimits(limits);
  checkSize(bytes, complete.maxBytes);
  return new Reader(bytes, complete).read();
}

/**
 * Decodes one CBOR map that {@link checkCbor} accepts.
 *
 * @throws {@link CoseError} the codes of {@link checkCbor}; `COSE_MALFORMED` for any other item
 */
export function decodeCborMap(bytes: Uint8Array, limits: Partial<CborLimits> = {}): CborMap {
  const value = decodeCbor(bytes, limits);
  if (!isCborMap(value)) throw new CoseError("COSE_MALFORMED", "item is not a map");
  return value;
}
