import { ServerError } from "../error.js";
import type { Notes } from "../notes.js";
import { sizeOf } from "../number.js";
import { CACHE, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";

/**
 * The newest published checkpoint as a signed note, with cosignatures where witnesses are asked. W13: kept
 * for seconds only.
 */
export async function readNewestNote(service: TransparencyService): Promise<Reply> {
  const source = service.witnessing ?? notesOf(service);
  return noteReply(await source.newest(), CACHE.seconds);
}

/** The checkpoint that was signed at a size as a signed note. */
export async function readNote(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const size = sizeOf(params["size"]);
  return noteReply(await notesOf(service).at(size), CACHE.immutable);
}

function noteReply(note: Uint8Array, cache: string): Reply {
  // W13: the type, with its character set.
  return ok(note, { type: "text/plain; charset=utf-8", cache });
}

function notesOf({ notes }: TransparencyService): Notes {
  if (notes !== undefined) return notes;
  throw new ServerError("SERVER_ROUTE_UNKNOWN", "this service has no note key and signs no notes");
}
