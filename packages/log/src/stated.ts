import {
  CLAIM,
  type CborValue,
  decodeCbor,
  decodeCborMap,
  isCborArray,
  isCborMap,
  LABEL,
} from "@tallystick/cose";
import { type Checkpoint, PROFILE_LABEL } from "@tallystick/receipt";

import { LogError } from "./error.js";

/**
 * Yields what an encoded checkpoint states, its signature unseen: for a check without the key.
 *
 * @throws {@link LogError} `LOG_CORRUPT`; CoseError
 */
export function decodeStated(encoded: Uint8Array): Checkpoint {
  const parts = decodeCbor(encoded);
  const [root, protectedBytes] = isCborArray(parts) ? parts : [];
  if (!(root instanceof Uint8Array) || !(protectedBytes instanceof Uint8Array)) throw malformed();
  const header = decodeCborMap(protectedBytes);
  const claims = mapOf(header.get(LABEL.cwtClaims));
  const issuer = claims.get(CLAIM.iss);
  const origin = claims.get(CLAIM.sub);
  const time = claims.get(CLAIM.iat);
  const size = mapOf(header.get(PROFILE_LABEL)).get("size");
  if (typeof issuer !== "string" || typeof origin !== "string") throw malformed();
  if (typeof time !== "number" || typeof size !== "number") throw malformed();
  return { issuer, origin, size, root, time };
}

function mapOf(value: CborValue): ReadonlyMap<number | bigint | string, CborValue> {
  return isCborMap(value) ? value : new Map();
}

function malformed(): LogError {
  return new LogError("LOG_CORRUPT", "malformed checkpoint");
}
