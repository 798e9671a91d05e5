import { type CborLimits, checkSize, completeLimits } from "./limits.js";
import { Reader } from "./reader.js";

/**
 * Checks that bytes are one CBOR item in the strict form this project accepts (D5).
 *
 * Definite lengths, shortest heads and floats, keys that are integers or text and unique in their
 * map, valid UTF-8, no tags, nothing behind the item; keys need not be sorted, as RFC 9052 does not
 * ask for it. Time and memory are linear in the bytes: a claimed length is compared with what is
 * left before it is believed. Truncation wins over limits.
 *
 * @throws {@link CoseError} `COSE_CBOR_MALFORMED`, `COSE_CBOR_INDEFINITE`,
 * `COSE_CBOR_NOT_SHORTEST`, `COSE_CBOR_DUPLICATE_KEY`, `COSE_CBOR_UNSUPPORTED`, `COSE_CBOR_LIMIT`
 */
export function checkCbor(bytes: Uint8Array, limits: Partial<CborLimits> = {}): void {
  const complete = completeLimits(limits);
  checkSize(bytes, complete.maxBytes);
  new Reader(bytes, complete).read();
}
