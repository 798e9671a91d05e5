// A CBOR writer (RFC 8949) that writes what it is told, wrong forms included: vectors need items
// that no careful encoder makes.

/** A head; `width` in bytes overrides the shortest form. */
export function head(major, argument, width) {
  const value = BigInt(argument);
  const shortest =
    value < 24n ? 0 : value < 256n ? 1 : value < 65536n ? 2 : value < 2n ** 32n ? 4 : 8;
  const bytes = width ?? shortest;
  if (bytes === 0) return Buffer.of(major * 32 + Number(value));
  const info = 24 + Math.log2(bytes);
  const body = Buffer.from(value.toString(16).padStart(2 * bytes, "0"), "hex");
  return Buffer.concat([Buffer.of(major * 32 + info), body]);
}

export function int(value) {
  const big = BigInt(value);
  return big < 0n ? head(1, -1n - big) : head(0, big);
}

export function bytes(value) {
  return Buffer.concat([head(2, value.length), value]);
}

export function text(value) {
  const utf8 = Buffer.from(value, "utf8");
  return Buffer.concat([head(3, utf8.length), utf8]);
}

export function array(...items) {
  return Buffer.concat([head(4, items.length), ...items]);
}

/** A map of encoded pairs, in the order given. */
export function map(...pairs) {
  return Buffer.concat([head(5, pairs.length), ...pairs.flat()]);
}

export function tag(number, item) {
  return Buffer.concat([head(6, number), item]);
}

export const NULL = Buffer.of(0xf6);
