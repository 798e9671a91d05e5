// CRC32C (Castagnoli), reflected: RFC 3720 §12.1 and appendix B.4.
const POLYNOMIAL = 0x82f63b78;

/** Bytes taken in one step. A table lookup a byte, one after the other, takes four times as long. */
const STEP = 8;

/** Row k of 256: what a byte does to the checksum once k further bytes have followed it. */
const TABLE: Int32Array = tableOf(STEP);

/** Yields the CRC32C of the parts as if they were one, an unsigned 32-bit integer. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let crc = -1;
  for (const part of parts) crc = extend(crc, part);
  return (crc ^ -1) >>> 0;
}

function extend(start: number, bytes: Uint8Array): number {
  const stepped = bytes.length - (bytes.length % STEP);
  let crc = start;
  for (let i = 0; i < stepped; i += STEP) {
    const low = crc ^ (at(bytes, i) | (at(bytes, i + 1) << 8));
    const word = low ^ ((at(bytes, i + 2) << 16) | (at(bytes, i + 3) << 24));
    crc =
      row(7, word & 0xff) ^
      row(6, (word >>> 8) & 0xff) ^
      row(5, (word >>> 16) & 0xff) ^
      row(4, word >>> 24) ^
      row(3, at(bytes, i + 4)) ^
      row(2, at(bytes, i + 5)) ^
      row(1, at(bytes, i + 6)) ^
      row(0, at(bytes, i + 7));
  }
  for (let i = stepped; i < bytes.length; i++)
    crc = row(0, (crc ^ at(bytes, i)) & 0xff) ^ (crc >>> 8);
  return crc;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function row(following: number, byte: number): number {
  return TABLE[(following << 8) | byte] ?? 0;
}

function tableOf(rows: number): Int32Array {
  const table = new Int32Array(rows << 8);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL);
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256] ?? 0;
    table[i] = (table[before & 0xff] ?? 0) ^ (before >>> 8);
  }
  return table;
}
