import { ClientError } from "./error.js";

/**
 * Reads the whole body of a response, `maxBytes` at most: what is longer is cut off as soon as that
 * is known, whatever `Content-Length` says.
 *
 * Rejects with whatever the stream rejects with when it breaks.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array();
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const chunks: Uint8Array[] = [];
  let length = Number(response.headers.get("content-length") ?? 0);
  let read = 0;
  try {
    while (length <= maxBytes) {
      const { value } = await reader.read();
      if (value === undefined) return concat(chunks, read);
      chunks.push(value);
      read += value.length;
      length = Math.max(length, read);
    }
  } finally {
    // Cancelling what has ended does nothing; what has not is not to be sent any further.
    reader.cancel().catch(() => undefined);
  }
  throw new ClientError("CLIENT_PROTOCOL", `answer is longer than ${maxBytes} bytes`);
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
