import { LogError } from "@tallystick/log";
import type { ScrubAges } from "@tallystick/log";
import { formatEntryId } from "@tallystick/statement";

import type { Metrics } from "../metrics.js";
import { sizeOf } from "../number.js";
import { CACHE, json, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";
import { VERSION } from "../version.js";
import { COSE_MEDIA_TYPE, entryOf } from "./entries.js";

/** Media type of the answers for people and scripts. */
export const JSON_MEDIA_TYPE = "application/json";

/** Media type of metrics, without its parameters. */
export const TEXT_MEDIA_TYPE = "text/plain";

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

/**
 * The registration policy in force, with the entry that put it in force, and the proposals that wait
 * for approvals, oldest first.
 */
export async function readPolicy(service: TransparencyService): Promise<Reply> {
  const { policy, entryId, index, state } = await service.policyInForce();
  const proposals = [...state.proposals].map(([id, open]) => ({
    entryId: id,
    index: open.index,
    approvers: [...open.approvers],
    policy: open.policy.document,
  }));
  return json({ entryId, index, policy: policy.document, proposals });
}

/** The policy document that a control entry proposes or has put in force, byte for byte as signed. */
export async function readPolicyDocument(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const entry = entryOf(params);
  const document = await service.policyDocument(formatEntryId(entry));
  if (document === undefined) {
    throw new LogError("LOG_ENTRY_NOT_FOUND", `entry ${formatEntryId(entry)} is no policy`);
  }
  return ok(document, { type: JSON_MEDIA_TYPE, cache: CACHE.immutable });
}

/**
 * Whether the service can take registrations, and the newest checkpoint's size and time; where it takes
 * none, why: `held` stands beside any other reason. With a scrub, how old its last whole passes are; with
 * witnesses, what they last did.
 */
export function readHealth(service: TransparencyService, scrub?: () => ScrubAges): Reply {
  const { size, time } = service.log.head().checkpoint;
  const { witnessing } = service;
  const held = witnessing?.held();
  const rest = {
    ...{ size, time },
    ...(held !== undefined && { held }),
    ...(scrub && { scrub: scrub() }),
    ...(witnessing && { witnesses: witnessing.outlook() }),
  };
  if (service.isWritable()) return json({ status: "ok", ...rest });
  const standing = service.standing();
  if (standing.kind === "writer") {
    if (service.isStopped()) return json({ status: "unavailable", ...rest }, 503);
    return json({ status: "held", ...rest, code: "SERVER_HELD", reason: held }, 503);
  }
  const { code, reason } = standing;
  return json({ status: "read-only", ...rest, code, reason }, 503);
}

/** What the service counts, as Prometheus reads it. */
export async function readMetrics(metrics: Metrics): Promise<Reply> {
  const body = new TextEncoder().encode(await metrics.format());
  return ok(body, { type: metrics.contentType, cache: CACHE.none });
}

/** Who this is. */
export function readVersion({ issuer, origin, notes }: TransparencyService): Reply {
  return json({
    name: "tallystick",
    version: VERSION,
    api: "draft-ietf-scitt-scrapi-11",
    issuer,
    origin,
    ...(notes && { note: notes.key }),
  });
}
