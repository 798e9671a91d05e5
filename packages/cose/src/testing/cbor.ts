import fc from "fast-check";
import { CoseError, type CoseErrorCode } from "../error.js";
import type { CborMap, CborValue } from "../value.js";

/** Yields the bytes of hex; blanks separate heads for the reader. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Yields the code a call is refused with, or "ok"; any other error is a failure of the test. */
export function outcomeOf(call: () => unknown): CoseErrorCode | "ok" {
  try {
    call();
    return "ok";
  } catch (error) {
    if (error instanceof CoseError) return error.code;
    throw error;
  }
}

/** Integers around every change of head width, in either JavaScript type. */
export const EDGES: readonly bigint[] = [8n, 16n, 32n, 53n, 64n]
  .flatMap((bits) => [2n ** bits - 2n, 2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n])
  .concat(0n, 1n, 10n, 23n, 24n, 25n)
  .flatMap((edge) => [edge, -edge, -1n - edge])
  .filter((edge) => edge >= -(2n ** 64n) && edge < 2n ** 64n);

/** Yields an integer in the type that decoding gives it. */
export function normal(integer: bigint): number | bigint {
  const isSafe = integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER;
  return isSafe ? Number(integer) : integer;
}

const integer = fc
  .oneof(
    fc.constantFrom(...EDGES),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.integer().map(BigInt),
  )
  .map(normal);

const text = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.constantFrom("__proto__", "constructor", "toString", ""),
  )
  .filter((candidate) => !candidate.startsWith("\ufeff"));

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 250, maxLength: 300 }),
);

const tree = fc.letrec<{ value: CborValue; array: CborValue[]; map: CborMap }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    integer,
    text,
    bytes,
    fc.constantFrom(null, undefined, true, false),
    tie("array"),
    tie("map"),
  ),
  array: fc.array(tie("value"), { maxLength: 30 }),
  map: fc
    .array(fc.tuple(fc.oneof(integer, text), tie("value")), { maxLength: 30 })
    .map((entries) => new Map(entries)),
}));

/** Every value that {@link encodeCbor} takes, in the form that decoding gives. */
export const cborValue: fc.Arbitrary<CborValue> = tree.value;

// Heads of any kind, well-formed or not, in random order: mostly wrong in one place only.
const fragment = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 0x17 }).map((n) => [n]) },
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x37 }).map((n) => [n]) },
  {
    weight: 3,
    arbitrary: fc.constantFrom([0x41, 0x00], [0x61, 0x61], [0x60], [0x40], [0x62, 0xc3, 0xbc]),
  },
  { weight: 4, arbitrary: fc.constantFrom([0x80], [0x81], [0x82], [0x83], [0xa0], [0xa1], [0xa2]) },
  { weight: 1, arbitrary: fc.constantFrom([0xf4], [0xf5], [0xf6], [0xf7], [0xf9, 0x3e, 0x00]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom([0x18, 0x18], [0x18, 0x17], [0x19, 0x01, 0x00], [0x98, 0x01]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom([0x9f], [0xbf], [0xff], [0xc1], [0xd2], [0xfa, 0x3f, 0xc0, 0, 0]),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 9 }).map((random) => Array.from(random)) },
);

/** Bytes that look like CBOR, and now and then are. */
export const cborLike: fc.Arbitrary<Uint8Array> = fc
  .array(fragment, { minLength: 1, maxLength: 12 })
  .map((fragments) => Uint8Array.from(fragments.flat()));
