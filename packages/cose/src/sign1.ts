import { checkSize, completeLimits, type CborLimits } from "./limits.js";
import { decodeCbor, decodeCborMap } from "./decode.js";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { isShortest, MAJOR, readHead } from "./head.js";
import { byteString, concat, headOf } from "./splice.js";
import { LABEL } from "./labels.js";
import { isCborArray, isCborMap, type CborMap } from "./value.js";

/** A decoded COSE_Sign1 (RFC 9052 §4.2). Nothing in it is verified. */
export interface Sign1 {
  /** The protected header as received: the bytes that the signature covers. */
  readonly protectedBytes: Uint8Array;
  /** What {@link Sign1.protectedBytes} decode to. */
  readonly protectedHeader: CborMap;
  readonly unprotectedHeader: CborMap;
  /** Null when detached. */
  readonly payload: Uint8Array | null;
  readonly signature: Uint8Array;
}

/** The parts of a COSE_Sign1 that {@link encodeSign1} puts together. */
export type Sign1Parts = Omit<Sign1, "protectedHeader">;

/** The CBOR tag of a COSE_Sign1 (RFC 9052 §2). */
const SIGN1_TAG = 18;

const EMPTY_MAP = Uint8Array.of(0xa0);
const NULL = Uint8Array.of(0xf6);

const CONTEXT = new TextEncoder().encode("Signature1");

/**
 * Yields the parts of a tagged COSE_Sign1 (RFC 9052 §4.2); everything is copied off the input.
 *
 * ```cddl
 * COSE_Sign1_Tagged = #6.18([ protected: bstr .cbor header_map / bstr .size 0,
 *                             unprotected: header_map, payload: bstr / nil, signature: bstr ])
 * ```
 *
 * @throws {@link CoseError} `COSE_TAG`, `COSE_MALFORMED` (shape, header types, one label in both
 * headers), and all `COSE_CBOR_…` codes
 */
export function decodeSign1(bytes: Uint8Array, limits: Partial<CborLimits> = {}): Sign1 {
  checkSize(bytes, completeLimits(limits).maxBytes);
  const parts = decodeCbor(bytes.subarray(tagEnd(bytes)), limits);
  if (!isCborArray(parts) || parts.length !== 4) {
    throw new CoseError("COSE_MALFORMED", "COSE_Sign1 is not an array of four");
  }
  const [protectedBytes, unprotectedHeader, payload, signature] = parts;
  if (!(protectedBytes instanceof Uint8Array)) {
    throw new CoseError("COSE_MALFORMED", "protected header is not a byte string");
  }
  if (!isCborMap(unprotectedHeader)) {
    throw new CoseError("COSE_MALFORMED", "unprotected header is not a map");
  }
  if (payload !== null && !(payload instanceof Uint8Array)) {
    throw new CoseError("COSE_MALFORMED", "payload is neither a byte string nor nil");
  }
  if (!(signature instanceof Uint8Array)) {
    throw new CoseError("COSE_MALFORMED", "signature is not a byte string");
  }
  // D5: the protected header is checked as strictly as the layer around it.
  const protectedHeader: CborMap =
    protectedBytes.length === 0 ? new Map() : decodeCborMap(protectedBytes, limits);
  checkHeaders(protectedHeader, unprotectedHeader);
  return { protectedBytes, protectedHeader, unprotectedHeader, payload, signature };
}

/**
 * Yields the encoding of a tagged COSE_Sign1 with shortest heads. The protected bytes go in as
 * given, since the signature covers them; the unprotected header is encoded deterministically.
 */
export function encodeSign1({ unprotectedHeader, ...parts }: Sign1Parts): Uint8Array {
  const unprotectedBytes = unprotectedHeader.size === 0 ? EMPTY_MAP : encodeCbor(unprotectedHeader);
  return spliceSign1({ ...parts, unprotectedBytes });
}

/**
 * Yields what {@link encodeSign1} does, with the unprotected header encoded already. For those who
 * make many messages with headers of one shape.
 */
export function spliceSign1(
  parts: Omit<Sign1Parts, "unprotectedHeader"> & { readonly unprotectedBytes: Uint8Array },
): Uint8Array {
  const { protectedBytes, unprotectedBytes, payload, signature } = parts;
  return concat([
    headOf(MAJOR.tag, SIGN1_TAG),
    headOf(MAJOR.array, 4),
    ...byteString(protectedBytes),
    unprotectedBytes,
    ...(payload === null ? [NULL] : byteString(payload)),
    ...byteString(signature),
  ]);
}

/**
 * Yields the bytes that a COSE_Sign1 signature covers (RFC 9052 §4.4).
 *
 * ```cddl
 * Sig_structure = [ context: "Signature1", body_protected: bstr, external_aad: bstr, payload: bstr ]
 * ```
 */
export function encodeSigStructure(
  protectedBytes: Uint8Array,
  externalAad: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  // RFC 9052 §4.4: an empty map stands in the structure as a zero-length string.
  const isEmptyMap = protectedBytes.length === 1 && protectedBytes[0] === 0xa0;
  return concat([
    headOf(MAJOR.array, 4),
    headOf(MAJOR.text, CONTEXT.length),
    CONTEXT,
    ...byteString(isEmptyMap ? new Uint8Array(0) : protectedBytes),
    ...byteString(externalAad),
    ...byteString(payload),
  ]);
}

function tagEnd(bytes: Uint8Array): number {
  const { major, argument, end, ...head } = readHead(bytes, 0);
  if (major !== MAJOR.tag || argument !== SIGN1_TAG) {
    throw new CoseError("COSE_TAG", `COSE_Sign1 without its tag ${SIGN1_TAG}`);
  }
  if (!isShortest({ major, argument, end, ...head })) {
    throw new CoseError("COSE_CBOR_NOT_SHORTEST", "tag is not in shortest form");
  }
  return end;
}

function checkHeaders(protectedHeader: CborMap, unprotectedHeader: CborMap): void {
  for (const label of unprotectedHeader.keys()) {
    // RFC 9052 §3: a label occurs in one of the two headers only.
    if (protectedHeader.has(label)) {
      throw new CoseError("COSE_MALFORMED", "one label in both headers");
    }
  }
  for (const header of [protectedHeader, unprotectedHeader]) checkTypes(header);
}

/** RFC 9052 §3.1, Table 3: types of the common parameters. crit has codes of its own. */
function checkTypes(header: CborMap): void {
  const alg = header.get(LABEL.alg);
  if (header.has(LABEL.alg) && !isInteger(alg) && typeof alg !== "string") {
    throw new CoseError("COSE_MALFORMED", "alg is neither an integer nor text");
  }
  const contentType = header.get(LABEL.contentType);
  const isUnsigned = isInteger(contentType) && contentType >= 0;
  if (header.has(LABEL.contentType) && !isUnsigned && typeof contentType !== "string") {
    throw new CoseError("COSE_MALFORMED", "content type is neither an unsigned integer nor text");
  }
  if (header.has(LABEL.kid) && !(header.get(LABEL.kid) instanceof Uint8Array)) {
    throw new CoseError("COSE_MALFORMED", "kid is not a byte string");
  }
}

function isInteger(value: unknown): value is number | bigint {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
