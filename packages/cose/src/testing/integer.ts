/** Yields the big-endian bytes of an unsigned number, in the given length. */
export function toBytes(value: bigint, length: number): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex"));
}

/** Yields the little-endian bytes of an unsigned number, in the given length. */
export function toBytesLE(value: bigint, length: number): Uint8Array {
  return toBytes(value, length).reverse();
}

/** Yields the unsigned number of little-endian bytes. */
export function fromBytesLE(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

/** Yields the inverse modulo a prime. */
export function invert(value: bigint, prime: bigint): bigint {
  let [result, base, exponent] = [1n, value % prime, prime - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % prime;
    base = (base * base) % prime;
  }
  return result;
}
