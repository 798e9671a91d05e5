import {
  decodeBundle,
  leafHash,
  type NodeId,
  sha256,
  TILE_WIDTH,
  tileOf,
  type TilePosition,
  treeRoot,
} from "@tallystick/merkle";

import { TileCache } from "./cache.js";
import { LogError, toLogError } from "./error.js";
import {
  bodyKey,
  bundleKey,
  concat,
  digestKey,
  formatKey,
  isEqual,
  openRow,
  tileKey,
} from "./layout.js";
import { decodePlacement, type Placement } from "./record.js";
import type { KeyRange, Store } from "./store.js";
import { ExpandedTile, formatPosition, nodeOver, parentOf, splitHashes } from "./tile.js";
import type { View } from "./view.js";

// 16 MiB of expanded tiles: the proofs of a quarter of a million neighbouring entries.
const HOT_TILES = 1024;

/**
 * Reads the stored log as of a view, and believes nothing it reads (I5): rows against their checksum,
 * full tiles against the tile above and so on up to the edge, whose root is signed.
 *
 * Partial tiles and the partial bundle come from the view; the stored ones may already be wider.
 */
export class Reader {
  readonly #store: Store;
  readonly #cache = new TileCache(HOT_TILES);

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Yields the payloads of rows, in order, in one read.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async payloads(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    if (keys.length === 0) return [];
    const values = await this.#getMany(keys);
    return keys.map((key, i) => {
      const value = values[i];
      return value === undefined ? undefined : openRow({ key, value });
    });
  }

  /** Yields the keys in a range, from one state of the store; whether rows are there, and no more. */
  keys(range: KeyRange): AsyncIterable<Uint8Array> {
    return this.#store.keys(range);
  }

  /**
   * Yields where each entry stands, `undefined` for those the view does not hold. Confirmed against
   * the bundles: an index row that points elsewhere is corruption, never a miss.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async placements(
    view: View,
    entries: readonly Uint8Array[],
  ): Promise<readonly (Placement | undefined)[]> {
    const payloads = await this.payloads(sideBySide(entries.map(digestKey)));
    const found = payloads.map((payload) => {
      const placement = payload === undefined ? undefined : decodePlacement(payload);
      return placement !== undefined && placement.index < view.size ? placement : undefined;
    });
    const indexes = found.flatMap((placement) =>
      placement === undefined ? [] : [placement.index],
    );
    const logged = await this.#entriesAt(view, indexes);
    found.forEach((placement, i) => {
      const entry = entries[i];
      if (placement === undefined || entry === undefined) return;
      const there = logged.get(placement.index);
      if (there !== undefined && isEqual(there, entry)) return;
      throw new LogError(
        "LOG_CORRUPT",
        `${formatKey(digestKey(entry))} points at ${placement.index}, which holds another entry`,
      );
    });
    return found;
  }

  /**
   * Yields the body of an entry of the view, hashed again, which confirms its index as well.
   *
   * @throws {@link LogError} `LOG_ENTRY_NOT_FOUND`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async body(view: View, entry: Uint8Array): Promise<Uint8Array> {
    const key = digestKey(entry);
    const [payload] = await this.payloads([key]);
    const index = payload === undefined ? Infinity : decodePlacement(payload).index;
    if (index >= view.size) {
      throw new LogError("LOG_ENTRY_NOT_FOUND", `no entry ${formatKey(key)}`);
    }
    const [body] = await this.payloads([bodyKey(index)]);
    return requireBody(body, { entry, index });
  }

  /**
   * Yields the entries of a bundle as of the view, checked against the tree.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async bundle(view: View, index: number): Promise<readonly Uint8Array[]> {
    if (index === Math.floor(view.size / TILE_WIDTH)) return view.edge.bundle;
    const key = bundleKey(index);
    const [payload] = await this.payloads([key]);
    const entries = decodeFullBundle(key, payload);
    const [over] = await this.nodes(view, [nodeOver({ level: 0, index })]);
    if (over === undefined || !isEqual(treeRoot(entries.map(leafHash)), over)) {
      throw new LogError("LOG_CORRUPT", `${formatKey(key)} does not hash to the tree`);
    }
    return entries;
  }

  /**
   * Yields a tile as of the view, checked against the tree.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async tile(view: View, position: TilePosition): Promise<ExpandedTile> {
    const tiles = await this.#tiles(view, [position]);
    return tileFrom(tiles, position);
  }

  /**
   * Yields what {@link Reader.nodes} does, at once, where every tile that it takes is at hand; else
   * `undefined`, and nothing is read.
   *
   * @throws {@link LogError} `LOG_CORRUPT`
   */
  nodesAtHand(view: View, ids: readonly NodeId[]): readonly Uint8Array[] | undefined {
    const hashes: Uint8Array[] = [];
    let tile: ExpandedTile | undefined;
    for (const id of ids) {
      const position = tileOf(id);
      if (tile?.isAt(position) !== true) tile = this.#tileAtHand(view, position);
      if (tile === undefined) return undefined;
      hashes.push(tile.node(id));
    }
    return hashes;
  }

  /**
   * Yields the hashes of nodes of the view's tree, in order, checked against the tree; at most one
   * read.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async nodes(view: View, ids: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    const tiles = await this.#tiles(view, ids.map(tileOf));
    return ids.map((id) => tileFrom(tiles, tileOf(id)).node(id));
  }

  /**
   * Reads the tiles that have become full since a view, once, so that the receipts of the entries in
   * them, which are about to be asked for all together, find them at hand.
   */
  async warm(before: View, after: View): Promise<void> {
    const positions: TilePosition[] = [];
    const last = Math.floor(after.size / TILE_WIDTH);
    for (let index = Math.floor(before.size / TILE_WIDTH); index < last; index++) {
      positions.push({ level: 0, index });
    }
    if (positions.length > 0) await this.#tiles(after, positions);
  }

  /** Yields the tiles and, from below, all that vouch for them; reads those not at hand at once. */
  async #tiles(
    view: View,
    positions: readonly TilePosition[],
  ): Promise<ReadonlyMap<string, ExpandedTile>> {
    const tiles = new Map<string, ExpandedTile>();
    const missing = new Map<string, TilePosition>();
    for (const position of positions) {
      let at = position;
      // The climb ends at a tile at hand, at the latest at the edge.
      for (;;) {
        const key = formatPosition(at);
        if (tiles.has(key) || missing.has(key)) break;
        const tile = this.#tileAtHand(view, at);
        if (tile !== undefined) {
          tiles.set(key, tile);
          break;
        }
        requireFull(view, at);
        missing.set(key, at);
        at = parentOf(at);
      }
    }
    const wanted = [...missing.values()].sort((a, b) => b.level - a.level);
    const payloads = await this.payloads(wanted.map(tileKey));
    wanted.forEach((position, i) => {
      const tile = checkedTile(tiles, position, payloads[i]);
      tiles.set(formatPosition(position), tile);
      this.#cache.keep(position, tile);
    });
    return tiles;
  }

  // A tile at hand is a checked one.
  #tileAtHand(view: View, position: TilePosition): ExpandedTile | undefined {
    return view.edgeTile(position) ?? this.#cache.find(position);
  }

  async #entriesAt(
    view: View,
    indexes: readonly number[],
  ): Promise<ReadonlyMap<number, Uint8Array>> {
    const edgeIndex = Math.floor(view.size / TILE_WIDTH);
    const bundles = new Map([[edgeIndex, view.edge.bundle]]);
    const wanted = new Set(indexes.map((index) => Math.floor(index / TILE_WIDTH)));
    wanted.delete(edgeIndex);
    const keys = [...wanted].map(bundleKey);
    const payloads = await this.payloads(keys);
    [...wanted].forEach((bundle, i) => {
      bundles.set(bundle, decodeFullBundle(bundleKey(bundle), payloads[i]));
    });
    const entries = new Map<number, Uint8Array>();
    for (const index of indexes) {
      const entry = bundles.get(Math.floor(index / TILE_WIDTH))?.[index % TILE_WIDTH];
      if (entry !== undefined) entries.set(index, entry);
    }
    return entries;
  }

  async #getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    try {
      return await this.#store.getMany(keys);
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }
}

/**
 * Yields the body that is stored for an index, if it is there and hashes to the entry (I5).
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function requireBody(
  body: Uint8Array | undefined,
  { entry, index }: { readonly entry: Uint8Array; readonly index: number },
): Uint8Array {
  const name = formatKey(bodyKey(index));
  if (body === undefined) throw new LogError("LOG_CORRUPT", `${name} is missing`);
  if (isEqual(sha256(body), entry)) return body;
  throw new LogError("LOG_CORRUPT", `${name} does not hash to its entry`);
}

/**
 * Yields the entries of a bundle of 256.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function decodeFullBundle(
  key: Uint8Array,
  payload: Uint8Array | undefined,
): readonly Uint8Array[] {
  if (payload === undefined) throw new LogError("LOG_CORRUPT", `${formatKey(key)} is missing`);
  try {
    const entries = decodeBundle(payload);
    if (entries.length === TILE_WIDTH) return entries;
  } catch (error) {
    throw toLogError(error, "LOG_CORRUPT", formatKey(key));
  }
  throw new LogError("LOG_CORRUPT", `${formatKey(key)} is partial inside the tree`);
}

// Tiles are checked from the top down, so the one above is checked already.
function checkedTile(
  tiles: ReadonlyMap<string, ExpandedTile>,
  position: TilePosition,
  payload: Uint8Array | undefined,
): ExpandedTile {
  const name = formatKey(tileKey(position));
  if (payload === undefined) throw new LogError("LOG_CORRUPT", `${name} is missing`);
  const tile = ExpandedTile.expand(position, splitHashes(payload));
  const top = tile.top();
  const over = tileFrom(tiles, parentOf(position)).node(nodeOver(position));
  if (top === undefined || !isEqual(top, over)) {
    throw new LogError("LOG_CORRUPT", `${name} does not hash to the tile above it`);
  }
  return tile.pack();
}

function tileFrom(tiles: ReadonlyMap<string, ExpandedTile>, position: TilePosition): ExpandedTile {
  const tile = tiles.get(formatPosition(position));
  if (tile !== undefined) return tile;
  throw new LogError("LOG_CORRUPT", `tile ${formatPosition(position)} was not read`);
}

function requireFull(view: View, { level, index }: TilePosition): void {
  const full = Math.floor(view.size / TILE_WIDTH ** (level + 1));
  if (index < full) return;
  throw new LogError("LOG_CORRUPT", `tile ${level}/${index} is not in a tree of ${view.size}`);
}

// Short arrays of their own leave V8's heap, one by one, when LevelDB reads them.
function sideBySide(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  const whole = concat(...keys);
  const bytes = whole.length / keys.length;
  return keys.map((_key, i) => whole.subarray(i * bytes, (i + 1) * bytes));
}
