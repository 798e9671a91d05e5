import { MerkleError, parseBundlePath, parseTilePath } from "@tallystick/merkle";

import { ServerError } from "../error.js";
import { CACHE, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";

/** Media type of tiles and entry bundles. */
export const BYTES_MEDIA_TYPE = "application/octet-stream";

/** A tile of the tree (C2SP tlog-tiles), as far as the newest published checkpoint covers it. */
export async function readTile(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const id = parsed(parseTilePath, params["tile"]);
  return fixed(await service.log.tile(id));
}

/** An entry bundle (C2SP tlog-tiles), as far as the newest published checkpoint covers it. */
export async function readEntryBundle(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const { index, width } = parsed(parseBundlePath, params["tile"]);
  return fixed(await service.log.bundle(index, width));
}

// W14: immutable, the partial ones too: a narrower tile is the beginning of the wider one, for ever.
function fixed(body: Uint8Array): Reply {
  return ok(body, { type: BYTES_MEDIA_TYPE, cache: CACHE.immutable });
}

// W15: one spelling for each tile, so that one tile has one address.
function parsed<Id>(parse: (path: string) => Id, path = ""): Id {
  try {
    return parse(path);
  } catch (cause) {
    if (!(cause instanceof MerkleError)) throw cause;
    throw new ServerError("SERVER_ROUTE_UNKNOWN", "not the path of a tile", { cause });
  }
}
