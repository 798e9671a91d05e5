import { KEY_LABEL, decodeBase64url, encodeCbor, encodeHex } from "@tallystick/cose";
import type { CborMap, PublicKey } from "@tallystick/cose";

import { ServerError } from "../error.js";
import { CACHE, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";

/** Label of what the service says of a key beside the key (RFC 9052 §7: text labels are private). */
const STATUS_LABEL = "tallystick-status";

/** Media type of keys (SCRAPI-11 §2.1). */
export const CBOR_MEDIA_TYPE = "application/cbor";

/** Transparency Service Keys (SCRAPI-11 §2.1). S6: a COSE Key Set, which is an array of keys. */
export function readKeys(service: TransparencyService): Reply {
  const keys = service.keys.map((key) => published(key, service));
  return ok(encodeCbor(keys), { type: CBOR_MEDIA_TYPE, cache: CACHE.minutes });
}

/** One key (SCRAPI-11 §2.2). S11: one COSE_Key, or 404. */
export function readKey(service: TransparencyService, { params }: RouteRequest): Reply {
  const wanted = kidOf(params["kid"] ?? "");
  const key = service.keys.find((candidate) => encodeHex(candidate.thumbprint()) === wanted);
  // S12: the listed problem.
  if (key === undefined) throw new ServerError("SERVER_KEY_UNKNOWN", "see /.well-known/scitt-keys");
  return ok(encodeCbor(published(key, service)), { type: CBOR_MEDIA_TYPE, cache: CACHE.minutes });
}

// S16: kid is the key's thumbprint, as receipts name it, whatever the key file calls the key. It is
// 32 raw bytes, so no kid is path-safe as it is (S14), and none collides with the base64url form of
// another (S15).
function published(key: PublicKey, { keys: [current] }: TransparencyService): CborMap {
  const named: CborMap = new Map([...key.toCoseKey(), [KEY_LABEL.kid, key.thumbprint()]]);
  // S7: a key that signs no more stays, marked; readers pass over labels that they do not know.
  return key === current ? named : new Map([...named, [STATUS_LABEL, "retired"]]);
}

// S13: unpadded base64url of the kid.
function kidOf(text: string): string | undefined {
  try {
    return encodeHex(decodeBase64url(text));
  } catch {
    return undefined;
  }
}
