import { encodeHex } from "@tallystick/cose";
import {
  decodeBundle,
  formatBundlePath,
  formatTilePath,
  TILE_WIDTH,
  tileWidth,
} from "@tallystick/merkle";
import type { BundleId } from "@tallystick/merkle";
import { decodeChainLink } from "@tallystick/receipt";

import type { Reply, RouteRequest } from "./route.js";
import { readCollateral, readStatement } from "./routes/entries.js";
import { readKeys } from "./routes/keys.js";
import { readNote } from "./routes/notes.js";
import { readCheckpoint } from "./routes/replay.js";
import { readPolicyDocument, readVersion } from "./routes/status.js";
import { readEntryBundle, readTile } from "./routes/tiles.js";
import type { TransparencyService } from "./service.js";

/** A resource of the read path that a file can stand for. */
export interface PublishedFile {
  /** Path of the resource, without the slash before it. */
  readonly path: string;
  /** Whether the bytes at this path never change. */
  readonly isFixed: boolean;
  /** Yields the body that a GET of the path is answered with. */
  readonly read: () => Promise<Uint8Array>;
}

type Answer = (service: TransparencyService, request: RouteRequest) => Reply | Promise<Reply>;

/** A kept checkpoint with its note, as others signed it, too. */
export interface CosignedCheckpoint {
  readonly size: number;
  readonly note: Uint8Array;
}

/**
 * Yields the read path as of the newest checkpoint, or of the cosigned one that is given, file by file: keys, statements with collateral and
 * policies, checkpoints in both forms, tiles and bundles, and last the newest checkpoint as a note, so
 * that whoever finds that one finds all the others. Each is made by the route that serves it.
 *
 * The service has a note key. With `from`, the size of a tree whose files are there already, only what was
 * added since is among them, and what may have changed. Of partial tiles only those of the newest size are among them: a reader
 * of an older tree takes the beginning of a wider one.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`, also from `read`
 */
export async function* publishedFiles(
  service: TransparencyService,
  from = 0,
  cosigned?: CosignedCheckpoint,
): AsyncGenerator<PublishedFile, void, undefined> {
  const size = cosigned?.size ?? service.size();
  const files = new Files(service);
  // Single keys would lie in a folder of the name that the key set has.
  yield files.current(".well-known/scitt-keys", readKeys);
  yield files.current("version", readVersion);
  for (let index = Math.floor(from / TILE_WIDTH); tileWidth(0, index, size) > 0; index++) {
    const skip = Math.max(from - index * TILE_WIDTH, 0);
    yield* bundleFiles(service, files, { index, width: tileWidth(0, index, size), skip });
  }
  for await (const kept of sizesUpTo(service, { from, last: size })) {
    yield files.fixed(`checkpoints/${kept}`, readCheckpoint, { size: String(kept) });
    yield files.fixed(`notes/${kept}`, readNote, { size: String(kept) });
  }
  for (let level = 0; tileWidth(level, 0, size) > 0; level++) {
    const first = Math.floor(from / TILE_WIDTH ** (level + 1));
    for (let index = first; tileWidth(level, index, size) > 0; index++) {
      const tile = formatTilePath({ level, index, width: tileWidth(level, index, size) });
      yield files.fixed(`tile/${tile}`, readTile, { tile });
    }
  }
  const newest = { size: String(size) };
  yield files.current("checkpoints/latest", readCheckpoint, newest);
  const note = files.current("checkpoint", readNote, newest);
  yield cosigned === undefined ? note : { ...note, read: () => Promise.resolve(cosigned.note) };
}

async function* bundleFiles(
  service: TransparencyService,
  files: Files,
  { index, width, skip }: BundleId & { readonly skip: number },
): AsyncGenerator<PublishedFile, void, undefined> {
  const tile = formatBundlePath(index, width);
  const bundle = files.fixed(`tile/entries/${tile}`, readEntryBundle, { tile });
  for (const entry of decodeBundle(await bundle.read()).slice(skip)) {
    const id = encodeHex(entry);
    yield files.fixed(`statements/${id}`, readStatement, { id });
    yield files.fixed(`entries/${id}/collateral`, readCollateral, { id });
    const isPolicy = (await service.policyDocument(id)) !== undefined;
    if (isPolicy) yield files.fixed(`policies/${id}`, readPolicyDocument, { id });
  }
  yield bundle;
}

/** Yields the sizes of the kept checkpoints above `from` up to `last`, oldest first. */
async function* sizesUpTo(
  { log }: TransparencyService,
  { from, last }: { readonly from: number; readonly last: number },
): AsyncGenerator<number, void, undefined> {
  const replay = log.replay();
  for (let bundle = Math.floor(from / TILE_WIDTH); bundle * TILE_WIDTH < last; bundle++) {
    for await (const record of replay.checkpoints(bundle)) {
      // Each record names the size before its own, the first one none.
      const { previousSize } = decodeChainLink(record);
      if (previousSize > from && previousSize < last) yield previousSize;
    }
  }
  yield last;
}

type Params = Readonly<Record<string, string>>;

class Files {
  readonly #service: TransparencyService;

  constructor(service: TransparencyService) {
    this.#service = service;
  }

  /** Yields what never changes. */
  fixed(path: string, answer: Answer, params: Params): PublishedFile {
    return { path, isFixed: true, read: () => this.#read(answer, params) };
  }

  /** Yields what may be another tomorrow. */
  current(path: string, answer: Answer, params: Params = {}): PublishedFile {
    return { path, isFixed: false, read: () => this.#read(answer, params) };
  }

  async #read(answer: Answer, params: Params): Promise<Uint8Array> {
    const prefer = { isAsync: false, waitMs: Infinity };
    const asked = { params, body: new Uint8Array(), baseUrl: "", client: "", prefer };
    const { body } = await answer(this.#service, asked);
    if (body instanceof Uint8Array) return body;
    throw new TypeError("the answer comes in parts");
  }
}
