import { CoseError, SequenceSplitter, decodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { ClientError } from "./error.js";

/**
 * Decodes a CBOR sequence (RFC 8742).
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export function decodeSequence(bytes: Uint8Array): readonly CborValue[] {
  return judged(() => {
    const splitter = new SequenceSplitter();
    const items = Array.from(splitter.take(bytes), (item) => decodeCbor(item));
    splitter.finish();
    return items;
  });
}

/**
 * Decodes a CBOR sequence as it comes in: never more than one item and one chunk at a time. An item is
 * `maxItemBytes` long at most.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`; what the chunks throw
 */
export async function* readSequence(
  chunks: AsyncIterable<Uint8Array>,
  maxItemBytes: number,
): AsyncGenerator<CborValue, void, undefined> {
  const splitter = new SequenceSplitter({ maxItemBytes });
  for await (const chunk of chunks) {
    const items = splitter.take(chunk);
    const next = (): CborValue | undefined => {
      const { value } = items.next();
      return value instanceof Uint8Array
        ? decodeCbor(value, { maxBytes: maxItemBytes })
        : undefined;
    };
    for (let item = judged(next); item !== undefined; item = judged(next)) yield item;
  }
  judged(() => {
    splitter.finish();
  });
}

function judged<T>(act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ClientError("CLIENT_PROTOCOL", `CBOR sequence: ${cause.message}`, { cause });
  }
}
