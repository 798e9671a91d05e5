import { expect } from "@jest/globals";
import type { Anchor, AnchorRecord } from "../anchor.js";

/** Yields the records of an anchor, oldest first, once both ways of reading agree. */
export async function recordsIn(anchor: Anchor): Promise<readonly AnchorRecord[]> {
  const records: AnchorRecord[] = [];
  for await (const record of anchor.records()) records.push(record);
  const reversed: AnchorRecord[] = [];
  for await (const record of anchor.newestFirst()) reversed.unshift(record);
  // Sizes, for records of 64 KiB take long to compare; their chain is checked in reading.
  expect(reversed.map(({ size }) => size)).toEqual(records.map(({ size }) => size));
  return records;
}
