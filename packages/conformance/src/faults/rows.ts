import { createHash } from "node:crypto";

import { encodeHex } from "@tallystick/cose";
import { LevelStore } from "@tallystick/log";
import type { Row, Store } from "@tallystick/log";

const EVERYTHING = { from: new Uint8Array(), before: Uint8Array.of(0xff) };

/** Yields every row of a store in a directory, by key in hexadecimal; `undefined` if it cannot. */
export async function readRows(directory: string): Promise<ReadonlyMap<string, Row> | undefined> {
  let store: Store;
  try {
    store = await LevelStore.open(directory);
  } catch {
    return undefined;
  }
  try {
    const rows = new Map<string, Row>();
    for await (const key of store.keys(EVERYTHING)) {
      const value = await store.get(key);
      if (value !== undefined) rows.set(encodeHex(key), { key, value });
    }
    return rows;
  } catch {
    return undefined;
  } finally {
    await store.close();
  }
}

/** Writes rows into a store in a directory, past everything that the log checks. */
export async function writeRows(directory: string, rows: readonly Row[]): Promise<void> {
  const store = await LevelStore.open(directory);
  await store.write(rows);
  await store.close();
}

/** Yields a digest of all rows of a store in a directory; `undefined` if they cannot be read. */
export async function digestRows(directory: string): Promise<string | undefined> {
  const rows = await readRows(directory);
  if (rows === undefined) return undefined;
  const hash = createHash("sha256");
  for (const [key, { value }] of rows) hash.update(`${key} ${value.length} `).update(value);
  return hash.digest("hex");
}

/** Yields a row with a checksum that fits: one that was written so, not one that has rotted. */
export function sealed(key: Uint8Array, payload: Uint8Array): Row {
  const value = new Uint8Array(payload.length + 4);
  value.set(payload);
  new DataView(value.buffer).setUint32(payload.length, crc32c([...key, ...payload]));
  return { key, value };
}

/** Yields what is stored without its checksum. */
export function payloadOf({ value }: Row): Uint8Array {
  return value.slice(0, -4);
}

// RFC 3720 §B.4, bit by bit: the log's own is not to be its own witness.
function crc32c(bytes: readonly number[]): number {
  const crc = bytes.reduce((register, byte) => {
    let next = register ^ byte;
    for (let bit = 0; bit < 8; bit++) next = (next >>> 1) ^ (next % 2 === 0 ? 0 : 0x82f63b78);
    return next;
  }, -1);
  return ~crc >>> 0;
}
