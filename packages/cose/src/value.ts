/** A header label or other map key as COSE uses them: `int / tstr` (RFC 9052 §1.5). */
export type Label = number | string;

/**
 * A decoded CBOR map. Keys that are safe integers are always `number`, so `map.get(1)` finds the
 * key however wide its encoding was; `bigint` keys lie outside the safe range.
 */
export type CborMap = ReadonlyMap<number | bigint | string, CborValue>;

/**
 * A decoded CBOR item. Integers are `number` when safe and `bigint` otherwise; the only other
 * `number`s are floats that equal no integer. Maps are `Map`s, so no text key reaches a prototype.
 */
export type CborValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CborValue[]
  | CborMap;

/** Yields whether the value is a CBOR map, for narrowing. */
export function isCborMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

/** Yields whether the value is a CBOR array, for narrowing. */
export function isCborArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}
