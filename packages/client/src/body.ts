import type { Deadline } from "./deadline.js";
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

/**
 * Yields the body of a response as it comes in. The deadline runs while a piece is awaited and stands
 * still while the reader works on one; what breaks the stream is thrown as `failure` puts it.
 */
export async function* chunksOf(
  { body }: Response,
  {
    deadline,
    failure,
  }: { readonly deadline: Deadline; readonly failure: (error: unknown) => unknown },
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const next = async (): Promise<Uint8Array | undefined> => {
    deadline.start();
    try {
      return (await reader.read()).value;
    } catch (error) {
      throw failure(error);
    } finally {
      deadline.stop();
    }
  };
  try {
    for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
  } finally {
    reader.cancel().catch(() => undefined);
  }
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
