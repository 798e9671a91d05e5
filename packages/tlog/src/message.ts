import { concatBytes } from "@tallystick/cose";

import { parseCheckpoint } from "./checkpoint.js";
import { TlogError } from "./error.js";
import { encodeText } from "./text.js";
import { MAX_COSIGNED_NAME_BYTES } from "./verifier-key.js";
import type { VerifierKey } from "./verifier-key.js";

/** Bytes of the time before a cosignature. */
export const TIME_BYTES = 8;

/** Yields what a key of its type signs for the text of a note; `time` counts for cosignatures. */
export function signedMessage(key: VerifierKey, text: string, time: number): Uint8Array {
  switch (key.type) {
    case "ed25519":
      return encodeText(text);
    case "ed25519-cosignature":
      parseCheckpoint(text);
      // W8: header line, time line, and the whole text with its extension lines.
      return encodeText(`cosignature/v1\ntime ${time}\n${text}`);
    case "ml-dsa-44-cosignature":
      return subtreeMessage(key.name, text, time);
  }
}

/** Yields a time as u64, big-endian (W7). */
export function encodeTime(time: number): Uint8Array {
  const bytes = new Uint8Array(TIME_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(time));
  return bytes;
}

/** Yields the time before a cosignature, `undefined` beyond 2^53 - 1: no time that can be meant. */
export function decodeTime(signature: Uint8Array): number | undefined {
  const { buffer, byteOffset } = signature;
  const time = Number(new DataView(buffer, byteOffset, TIME_BYTES).getBigUint64(0));
  return Number.isSafeInteger(time) ? time : undefined;
}

// W9: name of the cosigner, time, origin, the leaves from 0 to size, root; no extension lines.
function subtreeMessage(name: string, text: string, time: number): Uint8Array {
  const { origin, size, root } = parseCheckpoint(text);
  return concatBytes([
    encodeText("subtree/v1\n\0"),
    shortText(name),
    encodeTime(time),
    shortText(origin),
    encodeTime(0),
    encodeTime(size),
    root,
  ]);
}

function shortText(text: string): Uint8Array {
  const bytes = encodeText(text);
  if (bytes.length > MAX_COSIGNED_NAME_BYTES) {
    throw new TlogError(
      "TLOG_CHECKPOINT_MALFORMED",
      `origin is longer than the ${MAX_COSIGNED_NAME_BYTES} bytes that ML-DSA-44 cosignatures hold`,
    );
  }
  return concatBytes([Uint8Array.of(bytes.length), bytes]);
}
