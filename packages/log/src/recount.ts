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
import { concat, isEqual, openRow } from "./layout.js";
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

/**
 * The second computation of the root, from the very bytes that are about to be stored: body, digest,
 * bundle, leaf hashes, root. It shares nothing with the one that built them but the hash function, so
 * that a bit that flips on the way, or a fault in either, is seen before anything is signed.
 *
 * Immutable. Holds the roots of the perfect subtrees over the full bundles, largest first.
 */
export class Recount {
  readonly #peaks: readonly Peak[];

  private constructor(peaks: readonly Peak[]) {
    this.#peaks = peaks;
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
    const hashes = this.#peaks.map(({ hash }) => hash);
    if (leaves.length > 0) hashes.push(treeRoot(leaves));
    const last = hashes.pop();
    if (last === undefined) return emptyRoot();
    return hashes.reduceRight((right, left) => nodeHash(left, right), last);
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
    const bundles = openBundles(round);
    const newEntries = bundles.flat().slice(oldSize % TILE_WIDTH);
    checkEntries(round, newEntries, digests);
    const leaves = bundles.map((bundle) => bundle.map(leafHash));
    checkTiles(round, leaves);
    const next = leaves.filter(isFull).reduce<Recount>((peaks, full) => peaks.#add(full), this);
    const partial = leaves.at(-1) ?? [];
    const newRoot = next.root(isFull(partial) ? [] : partial);
    require(isEqual(rootFromTiles(round), newRoot), "the tiles lead to another root");
    return {
      oldSize,
      oldRoot: this.root((leaves[0] ?? []).slice(0, oldSize % TILE_WIDTH)),
      newSize: oldSize + newEntries.length,
      newRoot,
      next,
    };
  }

  #add(leaves: readonly Uint8Array[]): Recount {
    const peaks = [...this.#peaks];
    let peak: Peak = { bundles: 1, hash: treeRoot(leaves) };
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
    require(isEqual(rows.body.key.subarray(1), digest), `key of body ${index}`);
    require(isEqual(rows.placement.key.subarray(1), digest), `key of placement ${index}`);
    require(decodePlacement(openRow(rows.placement)).index === index, `placement of ${index}`);
  });
}

// Every hash of a tile is either one that the last checkpoint covered already, or that of a leaf or
// of a full tile of this same round: checked bottom-up, there is nothing else it could be.
function checkTiles(round: Round, leaves: readonly (readonly Uint8Array[])[]): void {
  const [oldSize, newSize] = [round.before.size, round.after.size];
  const opened = new Map(round.tiles.map((tile) => [formatPosition(tile), openRow(tile.row)]));
  const firstBundle = Math.floor(oldSize / TILE_WIDTH);
  let tops = leaves;
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
