import type { ScrubAges } from "@tallystick/log";

import { sizeOf } from "../number.js";
import { CACHE, json, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";
import { VERSION } from "../version.js";
import { COSE_MEDIA_TYPE } from "./entries.js";

/** A receipt of consistency between two sizes that checkpoints were signed at. */
export async function readConsistency(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const oldSize = sizeOf(params["old"]);
  const newSize = sizeOf(params["new"]);
  const receipt = await service.log.consistencyReceipt(oldSize, newSize);
  return ok(receipt, { type: COSE_MEDIA_TYPE, cache: CACHE.immutable });
}

/** The registration policy in force, with the entry that it was registered as. */
export async function readPolicy(service: TransparencyService): Promise<Reply> {
  const { policy, entryId, index } = await service.policyInForce();
  return json({ entryId, index, policy: policy.document });
}

/**
 * Whether the service can take registrations, and the newest checkpoint's size and time; where the
 * log can only be read, why. With a scrub, how old its last whole passes are.
 */
export function readHealth(service: TransparencyService, scrub?: () => ScrubAges): Reply {
  const { size, time } = service.log.head().checkpoint;
  const rest = { size, time, ...(scrub === undefined ? {} : { scrub: scrub() }) };
  if (service.isWritable()) return json({ status: "ok", ...rest });
  const standing = service.standing();
  if (standing.kind === "writer") return json({ status: "unavailable", ...rest }, 503);
  const { code, reason } = standing;
  return json({ status: "read-only", ...rest, code, reason }, 503);
}

/** Who this is. */
export function readVersion({ issuer, origin }: TransparencyService): Reply {
  return json({
    name: "tallystick",
    version: VERSION,
    api: "draft-ietf-scitt-scrapi-11",
    issuer,
    origin,
  });
}
