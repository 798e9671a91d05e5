import { checkCbor } from "./check.js";
import { codec } from "./codec.js";
import { CoseError } from "./error.js";
import { type CborLimits, checkSize, completeLimits } from "./limits.js";
import { type CborMap, type CborValue, isCborMap } from "./value.js";

// cbor-x gives every eight-byte integer as bigint.
function normaliseInteger(value: bigint): number | bigint {
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return isSafe ? Number(value) : value;
}

function normaliseKey(key: unknown): number | bigint | string {
  if (typeof key === "bigint") return normaliseInteger(key);
  if (typeof key === "number" || typeof key === "string") return key;
  throw new Error(`map key of type ${typeof key} behind the check`);
}

function normalise(value: unknown): CborValue {
  switch (typeof value) {
    case "undefined":
    case "boolean":
    case "number":
    case "string":
      return value;
    case "bigint":
      return normaliseInteger(value);
    default:
  }
  if (value === null) return null;
  // cbor-x returns views; a copy keeps neither the input alive nor its neighbours within reach.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(normalise);
  if (value instanceof Map) {
    const map = new Map<number | bigint | string, CborValue>();
    for (const [key, entry] of value as Map<unknown, unknown>) {
      map.set(normaliseKey(key), normalise(entry));
    }
    return map;
  }
  throw new Error("item of an unknown type behind the check");
}

/**
 * Decodes one CBOR item that {@link checkCbor} accepts.
 *
 * The bytes are copied before they are checked; nothing in the result shares memory with them.
 *
 * @throws {@link CoseError} the codes of {@link checkCbor}
 */
export function decodeCbor(bytes: Uint8Array, limits: Partial<CborLimits> = {}): CborValue {
  checkSize(bytes, completeLimits(limits).maxBytes);
  const own = new Uint8Array(bytes);
  checkCbor(own, limits);
  let decoded: unknown;
  try {
    decoded = codec.decode(own);
  } catch (error) {
    throw new CoseError("COSE_CBOR_MALFORMED", "item cannot be decoded", { cause: error });
  }
  return normalise(decoded);
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
