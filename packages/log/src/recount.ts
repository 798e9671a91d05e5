import {
  decodeBundle,
  emptyRoot,
  HASH_BYTES,
  leafHash,
  nodeHash,
  sha256,
  TILE_WIDTH,
  tileWidth,
  treeRoot,
} from "@tallystick/merkle";

import { Edge } from "./edge.js";
import { LogError } from "./error.js";
import { bodyKey, concat, digestKey, isEqual, openRow } from "./layout.js";
import { LeafRows } from "./leaf-rows.js";
import { decodePlacement } from "./record.js";
import type { Round, TileRow } from "./round.js";
import { formatPosition, splitHashes } from "./tile.js";

/** What a recount of a round finds. */
export interface Counted {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
  /** To count the next round with, once this one is durable. */
  readonly next: Recount;
}

interface Peak {
  readonly bundles: number;
  readonly hash: Uint8Array;
}

/** The bundle that the last round left partial, as it was counted: what it had need not be hashed again. */
interface Begun {
  readonly entries: readonly Uint8Array[];
  readonly rows: LeafRows;
}

/**
 * The second computation of the root, from the very bytes that are about to be stored: body, digest,
 * bundle, leaf hashes, root. It shares nothing with the one that built them but the hash function, so
 * that a bit that flips on the way, or a fault in either, is seen before anything is signed.
 *
 * Immutable. Holds the roots of the perfect subtrees over the full bundles, largest first.
 */
export class Recount {
  readonly #peaks: readonly Peak[];
  readonly #begun: Begun | undefined;

  private constructor(peaks: readonly Peak[], begun?: Begun) {
    this.#peaks = peaks;
    this.#begun = begun;
  }

  /**
   * Yields the state after `bundles` full bundles, from the hashes of the perfect subtrees over
   * them, left to right. The caller compares the root that it leads to with a signed one.
   */
  static seed(bundles: number, hashes: readonly Uint8Array[]): Recount {
    const peaks: Peak[] = [];
    let rest = bundles;
    for (const hash of hashes) {
      const width = largestPower(rest);
      peaks.push({ bundles: width, hash });
      rest -= width;
    }
    return new Recount(peaks);
  }

  /** Yields the root of the tree of these full bundles and then the given leaves, fewer than 256. */
  root(leaves: readonly Uint8Array[]): Uint8Array {
    return this.#rootOver(LeafRows.of(leaves));
  }

  /**
   * Recounts a round from its rows and checks each of them.
   *
   * `digests` are those of ingress, in order: what the round was asked to log.
   *
   * @throws {@link LogError} `LOG_CORRUPT`
   */
  count(round: Round, digests: readonly Uint8Array[]): Counted {
    const oldSize = round.before.size;
    const oldWidth = oldSize % TILE_WIDTH;
    const bundles = openBundles(round);
    const newEntries = bundles.flat().slice(oldWidth);
    checkEntries(round, newEntries, digests);
    const before = this.#rowsBefore((bundles[0] ?? []).slice(0, oldWidth));
    const rows = bundles.map((bundle, i) => {
      const known = i === 0 ? before : LeafRows.none;
      return known.widen(bundle.slice(known.width).map(leafHash));
    });
    checkTiles(round, rows);
    const full = rows.filter(({ width }) => width === TILE_WIDTH);
    const peaks = full.reduce<Recount>((counted, bundle) => counted.#add(bundle.root()), this);
    const partial = rows[full.length];
    const newRoot = peaks.#rootOver(partial ?? LeafRows.none);
    // A round that completes no bundle writes no tile above the lowest, which was compared in full.
    require(full.length === 0 ||
      isEqual(rootFromTiles(round), newRoot), "the tiles lead to another root");
    const begun = partial && { entries: bundles[full.length] ?? [], rows: partial };
    return {
      oldSize,
      oldRoot: this.#rootOver(before),
      newSize: oldSize + newEntries.length,
      newRoot,
      next: new Recount(peaks.#peaks, begun),
    };
  }

  // The entries come from the bytes to be stored: where they are others, so are the hashes over them.
  #rowsBefore(entries: readonly Uint8Array[]): LeafRows {
    const begun = this.#begun;
    const isKnown =
      begun?.entries.length === entries.length &&
      isEqual(concat(...begun.entries), concat(...entries));
    return isKnown ? begun.rows : LeafRows.of(entries.map(leafHash));
  }

  #rootOver(rows: LeafRows): Uint8Array {
    const hashes = this.#peaks.map(({ hash }) => hash);
    if (rows.width > 0) hashes.push(rows.root());
    const last = hashes.pop();
    if (last === undefined) return emptyRoot();
    return hashes.reduceRight((right, left) => nodeHash(left, right), last);
  }

  #add(hash: Uint8Array): Recount {
    const peaks = [...this.#peaks];
    let peak: Peak = { bundles: 1, hash };
    for (let left = peaks.at(-1); left?.bundles === peak.bundles; left = peaks.at(-1)) {
      peaks.pop();
      peak = { bundles: 2 * peak.bundles, hash: nodeHash(left.hash, peak.hash) };
    }
    return new Recount([...peaks, peak]);
  }
}

function openBundles(round: Round): readonly (readonly Uint8Array[])[] {
  const first = Math.floor(round.before.size / TILE_WIDTH);
  return round.bundles.map(({ index, row }, i) => {
    const entries = decodeBundle(openRow(row));
    const isLast = i === round.bundles.length - 1;
    require(index === first + i, `bundle ${index} out of order`);
    require(isLast || isFull(entries), `bundle ${index} is partial before another`);
    return entries;
  });
}

function checkEntries(
  round: Round,
  logged: readonly Uint8Array[],
  digests: readonly Uint8Array[],
): void {
  const wanted = digests.length;
  require(logged.length === wanted &&
    round.entries.length === wanted, `${logged.length} entries in the bundles, want ${wanted}`);
  digests.forEach((digest, i) => {
    const rows = round.entries[i];
    const index = round.before.size + i;
    const bundled = logged[i];
    require(bundled !== undefined && isEqual(bundled, digest), `bundle differs at ${index}`);
    require(rows !== undefined && isEqual(sha256(openRow(rows.body)), digest), `body of ${index}`);
    require(isEqual(rows.body.key, bodyKey(index)), `key of body ${index}`);
    require(isEqual(rows.placement.key, digestKey(digest)), `key of placement ${index}`);
    require(decodePlacement(openRow(rows.placement)).index === index, `placement of ${index}`);
  });
}

// Every hash of a tile is either one that the last checkpoint covered already, or that of a leaf or
// of a full tile of this same round: checked bottom-up, there is nothing else it could be.
function checkTiles(round: Round, rows: readonly LeafRows[]): void {
  const [oldSize, newSize] = [round.before.size, round.after.size];
  const opened = new Map(round.tiles.map((tile) => [formatPosition(tile), openRow(tile.row)]));
  const firstBundle = Math.floor(oldSize / TILE_WIDTH);
  let tops: readonly (readonly Uint8Array[])[] = rows.map(({ leaves }) => leaves);
  let firstTile = firstBundle;
  let expected = 0;
  for (let level = 0; tops.length > 0; level++) {
    for (const [i, hashes] of tops.entries()) {
      const tile = opened.get(formatPosition({ level, index: firstTile + i }));
      require(tile !== undefined &&
        isEqual(
          tile,
          concat(...hashes),
        ), `tile ${level}/${firstTile + i} differs from what lies below it`);
    }
    expected += tops.length;
    const full = tops.filter(isFull).map(treeRoot);
    ({ tiles: tops, first: firstTile } = widen(round, level + 1, full));
  }
  require(round.tiles.length === expected, `${round.tiles.length} tiles, want ${expected}`);
  checkWidths(round.tiles, newSize);
}

// Lays new hashes of one level behind those that its partial tile had, and cuts them into tiles.
function widen(
  round: Round,
  level: number,
  added: readonly Uint8Array[],
): { readonly tiles: readonly (readonly Uint8Array[])[]; readonly first: number } {
  const before = Math.floor(round.before.size / TILE_WIDTH ** level);
  const first = Math.floor(before / TILE_WIDTH);
  if (added.length === 0) return { tiles: [], first };
  const hashes = [...(round.before.tiles[level] ?? []), ...added];
  const count = Math.ceil(hashes.length / TILE_WIDTH);
  const tiles = Array.from({ length: count }, (_, i) =>
    hashes.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH),
  );
  return { tiles, first };
}

// The hashes that partial tiles had before are not below anything this round writes; they are checked
// through the root that they lead to.
function rootFromTiles(round: Round): Uint8Array {
  const { bundle, size } = round.after;
  const tiles = [...round.before.tiles];
  for (const { level, row } of round.tiles) {
    const hashes = splitHashes(openRow(row));
    tiles[level] = isFull(hashes) ? [] : hashes;
  }
  return Edge.from({ size, bundle, tiles }).root();
}

function checkWidths(tiles: readonly TileRow[], size: number): void {
  for (const { level, index, row } of tiles) {
    const width = tileWidth(level, index, size);
    require(openRow(row).length ===
      width * HASH_BYTES, `tile ${level}/${index}, want width ${width}`);
  }
}

function isFull(hashes: readonly Uint8Array[]): boolean {
  return hashes.length === TILE_WIDTH;
}

function largestPower(count: number): number {
  let power = 1;
  while (power * 2 <= count) power *= 2;
  return power;
}

function require(holds: boolean, what: string): asserts holds {
  if (!holds) throw new LogError("LOG_CORRUPT", `recount before signing: ${what}`);
}
