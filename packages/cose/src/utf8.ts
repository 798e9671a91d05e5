import { CoseError } from "./error.js";

// ignoreBOM keeps a leading U+FEFF, so that different bytes give different strings.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Yields the text in a range of bytes, which is valid UTF-8 (RFC 8949 §3.1).
 *
 * @throws {@link CoseError} `COSE_CBOR_MALFORMED`
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new CoseError("COSE_CBOR_MALFORMED", "text is not valid UTF-8", { cause: error });
  }
}
