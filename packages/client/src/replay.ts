import { decodeCbor, isCborArray } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { decodeChainLink } from "@tallystick/receipt";

import { ClientError } from "./error.js";
import { readSequence } from "./sequence.js";

/** An entry as it is given for a replay; nothing of it is checked yet. */
export interface ReplayedEntry {
  /** The normalised statement. */
  readonly statement: Uint8Array;
  readonly collateral: Uint8Array;
}

/** Most entries, and most checkpoints, of a bundle. */
const BUNDLE_WIDTH = 256;

/** Most bytes of the head of an array of two, and of the heads of two byte strings. */
const HEADS_BYTES = 11;

/**
 * Decodes the entries of a bundle as they come in, one in memory at a time; statement and collateral
 * are `maxBytes` long each at most.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`; what the chunks throw
 */
export async function* decodeEntries(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<ReplayedEntry, void, undefined> {
  for await (const item of bundle(readSequence(chunks, 2 * maxBytes + HEADS_BYTES))) {
    if (!isCborArray(item) || item.length !== 2) throw malformed("no array of two");
    const [statement, collateral] = item.map((part) => byteString(part, maxBytes));
    if (statement !== undefined && collateral !== undefined) yield { statement, collateral };
  }
}

/**
 * Decodes the one chain record that a body is.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export function decodeChainRecord(body: Uint8Array): Uint8Array {
  try {
    const record = decodeCbor(body);
    if (!(record instanceof Uint8Array)) throw new TypeError("not a byte string");
    decodeChainLink(record);
    return record;
  } catch (cause) {
    throw new ClientError("CLIENT_PROTOCOL", "answer is not a chain record", { cause });
  }
}

/**
 * Decodes the chain records of a bundle as they come in, `maxBytes` each at most.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`; what the chunks throw
 */
export async function* decodeChainRecords(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const item of bundle(readSequence(chunks, maxBytes + HEADS_BYTES))) {
    yield byteString(item, maxBytes);
  }
}

async function* bundle(
  items: AsyncIterable<CborValue>,
): AsyncGenerator<CborValue, void, undefined> {
  let count = 0;
  for await (const item of items) {
    if (count === BUNDLE_WIDTH) throw malformed(`a bundle of more than ${BUNDLE_WIDTH} items`);
    count++;
    yield item;
  }
}

function byteString(item: CborValue, maxBytes: number): Uint8Array {
  if (item instanceof Uint8Array && item.length <= maxBytes) return item;
  throw malformed(`no byte string of ${maxBytes} bytes at most`);
}

function malformed(message: string): ClientError {
  return new ClientError("CLIENT_PROTOCOL", `replay: ${message}`);
}
