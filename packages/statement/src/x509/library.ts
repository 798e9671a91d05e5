import { AsnConvert } from "@peculiar/asn1-schema";
import { encodeHex } from "@tallystick/cose";
import { malformed, parseDer } from "./der.js";

/**
 * Yields what the ASN.1 library reads in the bytes, once they are strict DER and the library writes
 * them back as they were. It skips what its schema does not know, so only what comes back whole has
 * been understood.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function decodeWhole<Value>(der: Uint8Array, schema: new () => Value): Value {
  parseDer(der);
  let value: Value;
  let written: Uint8Array;
  try {
    // The library would otherwise open octet strings and parse what it finds.
    value = AsnConvert.parse(der, schema, { berOptions: { parseEmbedded: false } });
    written = new Uint8Array(AsnConvert.serialize(value));
  } catch (cause) {
    throw malformed(`not a ${schema.name}`, { cause });
  }
  if (encodeHex(written) !== encodeHex(der)) {
    throw malformed(`not a ${schema.name} in its one encoding`);
  }
  return value;
}

/** Yields the bytes of a part that {@link decodeWhole} read; they are those that were received. */
export function encodePart(part: object): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(part));
}
