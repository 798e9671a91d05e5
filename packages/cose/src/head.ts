import { CoseError } from "./error.js";

/** The major types of RFC 8949 §3.1. */
export const MAJOR = {
  unsigned: 0,
  negative: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const;

/** Additional information of a head without a definite length, and of the break (RFC 8949 §3.2). */
export const INDEFINITE = 31;

/** One head: the first byte of an item and the argument behind it (RFC 8949 §3). */
export interface Head {
  readonly major: number;
  /** Additional information, the low five bits of the first byte. */
  readonly info: number;
  /** A `number` when safe, else a `bigint`; of a float, its bits; 0 when indefinite. */
  readonly argument: number | bigint;
  /** Offset of the first byte behind the head. */
  readonly end: number;
}

const TWO_POW_32 = 2 ** 32;

function readArgument(bytes: Uint8Array, at: number, width: number): number | bigint {
  let high = 0;
  let low = 0;
  for (let i = 0; i < width; i++) {
    const byte = bytes[at + i] ?? 0;
    if (i < width - 4) high = high * 256 + byte;
    else low = low * 256 + byte;
  }
  const argument = high * TWO_POW_32 + low;
  return Number.isSafeInteger(argument) ? argument : (BigInt(high) << 32n) + BigInt(low);
}

/**
 * Reads the head at an offset (RFC 8949 §3).
 *
 * Says nothing about whether the argument is in its shortest form or what it counts is there; see
 * {@link isShortest}. Indefinite heads and the break are returned with `info` 31.
 *
 * @throws {@link CoseError} `COSE_CBOR_MALFORMED` at the end of the bytes and for reserved heads
 */
export function readHead(bytes: Uint8Array, at: number): Head {
  const first = bytes[at];
  if (first === undefined) {
    throw new CoseError(
      "COSE_CBOR_MALFORMED",
      `item missing at offset ${at}, the end of the bytes`,
    );
  }
  const major = first >> 5;
  const info = first & 31;
  if (info < 24) return { major, info, argument: info, end: at + 1 };
  if (info > 27) {
    const takesNoLength =
      major === MAJOR.unsigned || major === MAJOR.negative || major === MAJOR.tag;
    if (info !== INDEFINITE || takesNoLength) {
      throw new CoseError("COSE_CBOR_MALFORMED", `reserved head 0x${first.toString(16)}`);
    }
    return { major, info, argument: 0, end: at + 1 };
  }
  const width = 2 ** (info - 24);
  const end = at + 1 + width;
  if (end > bytes.length) {
    throw new CoseError("COSE_CBOR_MALFORMED", `truncated head at offset ${at}`);
  }
  return { major, info, argument: readArgument(bytes, at + 1, width), end };
}

/**
 * Yields whether no shorter head carries the same argument (RFC 8949 §4.2.1).
 *
 * The head is not a float; those are compared by value.
 */
export function isShortest(head: Head): boolean {
  switch (head.info) {
    case 24:
      return head.argument >= 24;
    case 25:
      return head.argument > 0xff;
    case 26:
      return head.argument > 0xffff;
    case 27:
      return head.argument > 0xffff_ffff;
    default:
      return true;
  }
}

/** Yields -1 - argument, the value of major type 1, as a `number` when safe (RFC 8949 §3.1). */
export function negate(argument: number | bigint): number | bigint {
  const isSafe = typeof argument === "number" && argument < Number.MAX_SAFE_INTEGER;
  return isSafe ? -1 - argument : -1n - BigInt(argument);
}

/**
 * Yields the shortest head for a major type and argument (RFC 8949 §4.2.1).
 *
 * The caller ensures 0 \<= argument \< 2^64.
 */
export function encodeHead(major: number, argument: number | bigint): Uint8Array {
  const first = major << 5;
  if (argument < 24) return Uint8Array.of(first | Number(argument));
  if (argument <= 0xff) return Uint8Array.of(first | 24, Number(argument));
  if (argument <= 0xffff) {
    const low = Number(argument);
    return Uint8Array.of(first | 25, low >> 8, low & 0xff);
  }
  const head = new Uint8Array(argument <= 0xffff_ffff ? 5 : 9);
  const view = new DataView(head.buffer);
  head[0] = first | (head.length === 5 ? 26 : 27);
  if (head.length === 5) view.setUint32(1, Number(argument));
  else view.setBigUint64(1, BigInt(argument));
  return head;
}
