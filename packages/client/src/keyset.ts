import {
  CoseError,
  PublicKey,
  decodeCbor,
  encodeHex,
  isCborArray,
  isCborMap,
} from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { ClientError } from "./error.js";

/**
 * Decodes a COSE_KeySet (RFC 9052 §7). A key that is malformed or of a kind unknown here is left
 * out and the others stand, as that section demands.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export function decodeKeySet(body: Uint8Array): readonly PublicKey[] {
  const value = decode(body);
  if (!isCborArray(value)) throw new ClientError("CLIENT_PROTOCOL", "key set is not an array");
  return value.flatMap((item) => {
    try {
      return isCborMap(item) ? [PublicKey.fromCoseKey(item)] : [];
    } catch (error) {
      if (error instanceof CoseError) return [];
      throw error;
    }
  });
}

/**
 * Decodes one COSE_Key that has to answer to this kid.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export function decodeKey(body: Uint8Array, kid: Uint8Array): PublicKey {
  const value = decode(body);
  if (!isCborMap(value)) throw new ClientError("CLIENT_PROTOCOL", "key is not a map");
  const key = restate(() => PublicKey.fromCoseKey(value));
  if (key.names.some((name) => encodeHex(name) === encodeHex(kid))) return key;
  throw new ClientError("CLIENT_PROTOCOL", "key has another kid than the one asked for");
}

function decode(body: Uint8Array): CborValue {
  return restate(() => decodeCbor(body));
}

function restate<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ClientError("CLIENT_PROTOCOL", `key: ${cause.message}`, { cause });
  }
}
