import { open, type FileHandle } from "node:fs/promises";

import { CliError } from "../error.js";
import { failed } from "../file.js";

/**
 * Reads a file of at most `maxBytes`, whose size is looked at before it is read. A pipe is read no
 * further either.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const bytes = (await file.stat()).size > maxBytes ? undefined : await read(file, maxBytes);
      if (bytes !== undefined) return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw failed(`cannot read ${path}`, error);
  }
  throw new CliError("CLI_FILE_FAILED", `cannot read ${path}: it is over ${maxBytes} bytes`);
}

async function read(file: FileHandle, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const end = { autoClose: false, highWaterMark: 65_536 };
  for await (const chunk of file.createReadStream(end) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
