/** Yields a DER element of up to 65,535 bytes. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = parts.flatMap((part) => [...part]);
  const { length } = content;
  if (length < 0x80) return Uint8Array.of(tag, length, ...content);
  if (length < 0x100) return Uint8Array.of(tag, 0x81, length, ...content);
  return Uint8Array.of(tag, 0x82, length >> 8, length & 0xff, ...content);
}

/** Yields the content of SHA-384's object identifier. */
export const SHA_384: Uint8Array = Uint8Array.of(0x60, 0x86, 0x48, 0x01, 0x65, 3, 4, 2, 2);

/** Yields an FWID. */
export function fwid(digest: Uint8Array, oid: Uint8Array = SHA_384): Uint8Array {
  return der(0x30, der(0x06, oid), der(0x04, digest));
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Yields a TcbInfo of firmware with an SVN and a SHA-384 digest of one byte over and over. */
export function tcbInfo(type: string, svn: number, fill: number): Uint8Array {
  const digests = der(0xa6, fwid(new Uint8Array(48).fill(fill)));
  return der(0x30, der(0x83, Uint8Array.of(svn)), digests, der(0x89, text(type)));
}
