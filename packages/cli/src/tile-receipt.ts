import { ClientError } from "@tallystick/client";
import { CoseError, decodeCbor, encodeHex } from "@tallystick/cose";
import {
  TILE_WIDTH,
  consistencyNodes,
  consistencyPath,
  decodeBundle,
  formatBundlePath,
  formatTilePath,
  inclusionNodes,
  inclusionPath,
  leafHash,
  nodeFromTile,
  tileOf,
  tileWidth,
  verifyConsistency,
  verifyInclusion,
} from "@tallystick/merkle";
import type { NodeId, TilePosition } from "@tallystick/merkle";
import {
  ReceiptError,
  decodeChainLink,
  issueConsistencyReceipt,
  issueInclusionReceipt,
} from "@tallystick/receipt";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { TlogError, parseCheckpoint, parseNote, withNoteSignatures } from "@tallystick/tlog";
import type { Checkpoint, NoteSignature } from "@tallystick/tlog";
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
   * Size of the kept checkpoint. Unless given, it is that of `checkpoint`, where it is cosigned and
   * covers the entry, else the newest. Where it is not the newest, that one need not count under the
   * cutoff of a retired key: it only says which tiles there are.
   */
  readonly size?: number;
}

/** A receipt with its place. */
export interface TileReceipt {
  readonly receipt: Uint8Array;
  readonly index: number;
  readonly size: number;
  /** What the place shows as its newest checkpoint, of the same log. */
  readonly newest: SignedCheckpoint;
}

/**
 * Assembles a receipt from tiles and a kept checkpoint, without the service: the very bytes that it
 * would have sent for that size, with the cosignatures that `checkpoint` has. Those are the bytes that
 * it sends now unless it has a quorum of cosignatures and shows a newer note that has none, as one that
 * does not require witnesses may: it answers under the one with the quorum.
 *
 * Everything that is read is held against the signed root, so wrong tiles lead to an error, never to a
 * wrong receipt. Reads a handful of tiles, and holds a bundle of 256 entries at a time while it looks
 * for the entry.
 *
 * @throws {@link CliError} `CLI_ENTRY_UNKNOWN`, `CLI_FILE_FAILED`; ClientError; MerkleError,
 * ReceiptError for what does not fit the signed root; VerifierError `VERIFIER_CHECKPOINT_REFUSED`
 */
export async function receiptFromTiles(
  source: ReadSource,
  { trust, entry, index: given, size: wanted }: TileReceiptOrder,
): Promise<TileReceipt> {
  const cosigned = wanted === undefined ? await cosignedIn(source) : undefined;
  const ignoresCutoffs = wanted !== undefined || cosigned !== undefined;
  const newest = await readCheckpoint(source, "latest", { trust, ignoresCutoffs });
  const most = newest.checkpoint.size;
  const reach = wanted ?? most;
  const index = given ?? (await findEntry(source, entry, { size: reach, most }));
  const isCosigned = cosigned !== undefined && cosigned.size >= 2 && index < cosigned.size;
  const chosen = isCosigned ? cosigned.size : wanted;
  const signed = ignoresCutoffs
    ? await readCheckpoint(source, String(chosen ?? most), { trust })
    : newest;
  requireOfLog(newest, signed, chosen);
  const { size, root } = signed.checkpoint;
  if (index >= size) throw unknown(entry, `it stands at ${index}, the tree has ${size}`);
  if (size === 1) throw unknown(entry, "no receipt covers a log of one entry");
  const hashes = await hashesOf({ source, most }, inclusionNodes(index, size));
  const path = inclusionPath(index, size, hashes);
  verifyInclusion({ index, size, path }, leafHash(entry), root);
  const receipt = issueInclusionReceipt(signed, { index, size, path });
  if (!isCosigned) return { receipt, index, size, newest };
  requireOneTree(cosigned, signed);
  return { receipt: withNoteSignatures(receipt, cosigned.signatures), index, size, newest };
}

/** What a receipt of consistency is assembled for: two kept checkpoints, the older one first. */
export interface TileConsistencyOrder {
  readonly trust: TrustStore;
  readonly oldSize: number;
  readonly newSize: number;
}

/**
 * Assembles a receipt of consistency between two kept checkpoints, as {@link receiptFromTiles} does one
 * of inclusion. The path is held against both signed roots.
 *
 * @throws as {@link receiptFromTiles}; TypeError unless the older size is the smaller one
 */
export async function consistencyFromTiles(
  source: ReadSource,
  { trust, oldSize, newSize }: TileConsistencyOrder,
): Promise<Uint8Array> {
  if (oldSize >= newSize) throw new TypeError(`no consistency from ${oldSize} to ${newSize}`);
  const newest = await readCheckpoint(source, "latest", { trust, ignoresCutoffs: true });
  const older = await readCheckpoint(source, String(oldSize), { trust });
  const newer = await readCheckpoint(source, String(newSize), { trust });
  requireOfLog(newest, older, oldSize);
  requireOfLog(newest, newer, newSize);
  const { size: most } = newest.checkpoint;
  const hashes = await hashesOf({ source, most }, consistencyNodes(oldSize, newSize));
  const proof = { oldSize, newSize, path: consistencyPath(oldSize, newSize, hashes) };
  verifyConsistency(proof, older.checkpoint.root, newer.checkpoint.root);
  return issueConsistencyReceipt(newer, proof);
}

async function hashesOf(
  at: Pick<Tiles, "source" | "most">,
  nodes: readonly NodeId[],
): Promise<readonly Uint8Array[]> {
  const tiles = new Map<string, Uint8Array>();
  const hashes: Uint8Array[] = [];
  for (const node of nodes) {
    const position = tileOf(node);
    hashes.push(nodeFromTile(await readTile({ ...at, tiles }, position), position, node));
  }
  return hashes;
}

interface Cosigned extends Checkpoint {
  /** None of them is verified here: a receipt is as good without them. */
  readonly signatures: readonly NoteSignature[];
}

/** Yields the newest note, if anybody but the log has signed it, too. */
async function cosignedIn(source: ReadSource): Promise<Cosigned | undefined> {
  try {
    const { text, signatures } = parseNote(await source.read("checkpoint"));
    return signatures.length < 2 ? undefined : { ...parseCheckpoint(text), signatures };
  } catch (error) {
    // A service may have no notes, or none with a quorum yet; its receipts are without, then.
    const isMissing = error instanceof ClientError || error instanceof CliError;
    if (isMissing || error instanceof TlogError) return undefined;
    throw error;
  }
}

function requireOneTree(note: Checkpoint, { checkpoint }: SignedCheckpoint): void {
  const isSame = encodeHex(note.root) === encodeHex(checkpoint.root);
  if (isSame && note.origin === checkpoint.origin) return;
  const message = `note and checkpoint of ${note.size} entries are of two trees`;
  throw new ReceiptError("RECEIPT_MALFORMED", message);
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
