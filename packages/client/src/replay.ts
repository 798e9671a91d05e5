import { decodeCbor } from "@tallystick/cose";
import { decodeChainLink } from "@tallystick/receipt";

import { ClientError } from "./error.js";
import { SequenceReader } from "./sequence.js";

/** An entry as it is given for a replay; nothing of it is checked yet. */
export interface ReplayedEntry {
  /** The normalised statement. */
  readonly statement: Uint8Array;
  readonly collateral: Uint8Array;
}

/** Most entries, and most checkpoints, of a bundle. */
const BUNDLE_WIDTH = 256;

/**
 * Decodes the entries of a bundle as they come in, one in memory at a time; statement and collateral
 * are `maxBytes` long each at most.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`; what the chunks throw
 */
export function decodeEntries(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<ReplayedEntry, void, undefined> {
  return items(new SequenceReader(chunks, maxBytes), async (reader) => {
    const [statement, collateral] = await reader.pair();
    return { statement, collateral };
  });
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
export function decodeChainRecords(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  return items(new SequenceReader(chunks, maxBytes), (reader) => reader.byteString());
}

async function* items<T>(
  reader: SequenceReader,
  next: (reader: SequenceReader) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    for (let count = 0; !(await reader.isAtEnd()); count++) {
      if (count === BUNDLE_WIDTH) {
        throw new ClientError("CLIENT_PROTOCOL", `a bundle of more than ${BUNDLE_WIDTH} items`);
      }
      yield await next(reader);
    }
  } finally {
    await reader.close();
  }
}
