/** A media type or the number of a CoAP content format. */
export type ContentType = string | number;

/** CoAP content formats of JSON and CBOR (RFC 7252 §12.3, RFC 8949 §9.4). */
const COAP_FORMS: ReadonlyMap<ContentType, "JSON" | "CBOR"> = new Map([
  [50, "JSON"],
  [60, "CBOR"],
]);

/**
 * Yields a content type in the form in which two of them are compared: a media type without its
 * parameters and in lower case (RFC 2045 §5.1), a number as it is.
 */
export function plainType(contentType: ContentType): ContentType {
  if (typeof contentType === "number") return contentType;
  const [type = ""] = contentType.split(";", 1);
  return type.trim().toLowerCase();
}

/** Yields what a payload of that type is written in, by the type or its suffix (RFC 6839, RFC 8949). */
export function formOf(contentType: ContentType | undefined): "JSON" | "CBOR" | undefined {
  if (contentType === undefined) return undefined;
  const plain = plainType(contentType);
  if (typeof plain === "number") return COAP_FORMS.get(plain);
  if (plain === "application/json" || plain.endsWith("+json")) return "JSON";
  return plain === "application/cbor" || plain.endsWith("+cbor") ? "CBOR" : undefined;
}
