/** Encodes one DER element of any length. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  const hex = content.length.toString(16);
  const size = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const head = content.length < 0x80 ? [content.length] : [0x80 + size.length, ...size];
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...head), content]));
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(0x30, ...parts);
}

/** Encodes a whole number that is not negative, given big-endian. */
export function integer(...bytes: readonly number[]): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  const significant = from === -1 ? [0] : bytes.slice(from);
  return der(
    0x02,
    Uint8Array.from((significant[0] ?? 0) < 0x80 ? significant : [0, ...significant]),
  );
}

/** Encodes a BIT STRING whose last byte has this many spare bits. */
export function bits(bytes: Uint8Array, spare = 0): Uint8Array {
  return der(0x03, Uint8Array.of(spare), bytes);
}

/** Encodes text under any tag, one byte for each byte of UTF-8. */
export function text(tag: number, value: string): Uint8Array {
  return der(tag, new TextEncoder().encode(value));
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const encode = (arc: number): number[] => {
    const bytes = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      bytes.unshift(128 + (left % 128));
    }
    return bytes;
  };
  return der(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(encode)));
}
