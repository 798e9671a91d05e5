import { CoseError, decodeCbor, encodeHex } from "@tallystick/cose";
import {
  TILE_WIDTH,
  decodeBundle,
  formatBundlePath,
  formatTilePath,
  inclusionNodes,
  inclusionPath,
  leafHash,
  nodeFromTile,
  tileOf,
  tileWidth,
  verifyInclusion,
} from "@tallystick/merkle";
import type { TilePosition } from "@tallystick/merkle";
import { ReceiptError, decodeChainLink, issueInclusionReceipt } from "@tallystick/receipt";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { verifyCheckpoint } from "@tallystick/verifier";
import type { TrustStore } from "@tallystick/verifier";

import { CliError } from "./error.js";
import type { ReadSource } from "./read-source.js";

/** What a receipt is assembled for. */
export interface TileReceiptOrder {
  /** Pins the keys that the log may have signed with. */
  readonly trust: TrustStore;
  /** SHA-256 of the normalised statement. */
  readonly entry: Uint8Array;
  /** Where it stands; looked for from the first bundle on unless given. */
  readonly index?: number;
  /**
   * Size of the kept checkpoint, the newest unless given. The newest then need not count under the
   * cutoff of a retired key: it only says which tiles there are.
   */
  readonly size?: number;
}

/** A receipt with its place. */
export interface TileReceipt {
  readonly receipt: Uint8Array;
  readonly index: number;
  readonly size: number;
}

/**
 * Assembles a receipt from tiles and a kept checkpoint, without the service: the very bytes that it
 * would have sent for that size. Everything that is read is held against the signed root, so wrong
 * tiles lead to an error, never to a wrong receipt. Reads a handful of tiles, and holds a bundle of 256
 * entries at a time while it looks for the entry.
 *
 * @throws {@link CliError} `CLI_ENTRY_UNKNOWN`, `CLI_FILE_FAILED`; ClientError; MerkleError,
 * ReceiptError for what does not fit the signed root; VerifierError `VERIFIER_CHECKPOINT_REFUSED`
 */
export async function receiptFromTiles(
  source: ReadSource,
  { trust, entry, index: given, size: wanted }: TileReceiptOrder,
): Promise<TileReceipt> {
  const newest = await readCheckpoint(source, "latest", {
    trust,
    ignoresCutoffs: wanted !== undefined,
  });
  const signed =
    wanted === undefined ? newest : await readCheckpoint(source, String(wanted), { trust });
  const { size, root } = signed.checkpoint;
  requireOfLog(newest, signed, wanted);
  const most = newest.checkpoint.size;
  const index = given ?? (await findEntry(source, entry, { size, most }));
  if (index >= size) throw unknown(entry, `it stands at ${index}, the tree has ${size}`);
  if (size === 1) throw unknown(entry, "no receipt covers a log of one entry");
  const tiles = new Map<string, Uint8Array>();
  const hashes: Uint8Array[] = [];
  for (const node of inclusionNodes(index, size)) {
    const position = tileOf(node);
    hashes.push(nodeFromTile(await readTile({ source, tiles, most }, position), position, node));
  }
  const path = inclusionPath(index, size, hashes);
  verifyInclusion({ index, size, path }, leafHash(entry), root);
  return { receipt: issueInclusionReceipt(signed, { index, size, path }), index, size };
}

async function readCheckpoint(
  source: ReadSource,
  name: string,
  { trust, ...options }: { readonly trust: TrustStore; readonly ignoresCutoffs?: boolean },
): Promise<SignedCheckpoint> {
  const encoded = checkpointIn(await source.read(`checkpoints/${name}`));
  return verifyCheckpoint(encoded, trust, options);
}

function checkpointIn(body: Uint8Array): Uint8Array {
  try {
    const record = decodeCbor(body);
    if (record instanceof Uint8Array) return decodeChainLink(record).checkpoint;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ReceiptError("RECEIPT_MALFORMED", `chain record: ${cause.message}`, { cause });
  }
  throw new ReceiptError("RECEIPT_MALFORMED", "chain record is not a byte string");
}

function requireOfLog(
  { checkpoint: newest }: SignedCheckpoint,
  { checkpoint }: SignedCheckpoint,
  wanted = checkpoint.size,
): void {
  const isSame = newest.issuer === checkpoint.issuer && newest.origin === checkpoint.origin;
  if (isSame && checkpoint.size === wanted && newest.size >= wanted) return;
  throw new ReceiptError("RECEIPT_MALFORMED", "the checkpoint is of another log or size");
}

async function findEntry(
  source: ReadSource,
  entry: Uint8Array,
  { size, most }: { readonly size: number; readonly most: number },
): Promise<number> {
  const wanted = encodeHex(entry);
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
    const path = formatBundlePath(bundle, tileWidth(0, bundle, most));
    const entries = decodeBundle(await source.read(`tile/entries/${path}`));
    const place = entries.findIndex((each) => encodeHex(each) === wanted);
    if (place >= 0) return bundle * TILE_WIDTH + place;
  }
  throw unknown(entry, `it is none of the first ${size} entries`);
}

interface Tiles {
  readonly source: ReadSource;
  readonly tiles: Map<string, Uint8Array>;
  /** The newest size: what a smaller tree has of a tile is the beginning of it. */
  readonly most: number;
}

async function readTile(
  { source, tiles, most }: Tiles,
  position: TilePosition,
): Promise<Uint8Array> {
  const width = tileWidth(position.level, position.index, most);
  const path = formatTilePath({ ...position, width });
  const tile = tiles.get(path) ?? (await source.read(`tile/${path}`));
  tiles.set(path, tile);
  return tile;
}

function unknown(entry: Uint8Array, why: string): CliError {
  return new CliError("CLI_ENTRY_UNKNOWN", `no receipt of ${encodeHex(entry)}: ${why}`);
}
