import { spliceByteStrings, spliceBytes } from "@tallystick/cose";
import type { LogReplay, ReplayEntry } from "@tallystick/log";

import { bundleOf, sizeOf } from "../number.js";
import { CACHE, ok, stream } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";
import { CBOR_MEDIA_TYPE } from "./keys.js";

/** Media type of CBOR sequences (RFC 8742 §5). */
export const CBOR_SEQUENCE_MEDIA_TYPE = "application/cbor-seq";

const NEWEST = "latest";

/** The chain record of a kept checkpoint, or of the newest one. */
export async function readCheckpoint(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const replay = service.log.replay();
  if (params["size"] === NEWEST) {
    const { record } = await replay.newest();
    return ok(spliceBytes(record), { type: CBOR_MEDIA_TYPE, cache: CACHE.none });
  }
  const record = await replay.checkpoint(sizeOf(params["size"]));
  return ok(spliceBytes(record), { type: CBOR_MEDIA_TYPE, cache: CACHE.immutable });
}

/** The entries of a bundle, each with its collateral, as far as the newest checkpoint covers them. */
export function readReplayEntries(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const replay = service.log.replay();
  const bundle = bundleOf(params["bundle"]);
  return stream(encoded(replay.entries(bundle)), sequence(replay, bundle));
}

/** The chain records of the checkpoints whose newest entry is in a bundle. */
export function readReplayCheckpoints(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const replay = service.log.replay();
  const bundle = bundleOf(params["bundle"]);
  return stream(records(replay.checkpoints(bundle)), sequence(replay, bundle));
}

async function* encoded(
  entries: AsyncIterable<ReplayEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { statement, collateral } of entries) {
    yield spliceByteStrings([statement, collateral]);
  }
}

async function* records(
  chain: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const record of chain) yield spliceBytes(record);
}

// A full bundle is never added to, and no checkpoint of its sizes comes after a later one.
function sequence(replay: LogReplay, bundle: number): { type: string; cache: string } {
  const cache = replay.isFull(bundle) ? CACHE.immutable : CACHE.none;
  return { type: CBOR_SEQUENCE_MEDIA_TYPE, cache };
}
