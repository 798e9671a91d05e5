import {
  decodeBundle,
  leafHash,
  RightEdge,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TilePosition,
} from "@tallystick/merkle";

import { BodyCheck } from "./body-check.js";
import type { Reached } from "./chain-check.js";
import type { Edge } from "./edge.js";
import { bundleKey, concat, digestKey, formatKey, isEqual, tileKey } from "./layout.js";
import { decodePlacement } from "./record.js";
import type { Survey } from "./survey.js";

// Bundles in one read.
const BUNDLES_AT_ONCE = 4;

/** What {@link TreeCheck} needs. */
export interface TreeCheckOptions {
  readonly survey: Survey;
  readonly size: number;
  readonly withBodies: boolean;
  /** Yields the sizes beyond `after` and up to `to` at which the root is wanted, ascending. */
  readonly sizesWithin: (after: number, to: number) => Promise<readonly number[]>;
  /** A tree of full bundles that is known to be right, to go on from; the empty one unless given. */
  readonly from?: Edge | undefined;
}

/** One bundle that was checked. */
export interface CheckedBundle {
  /** Index of its first entry. */
  readonly first: number;
  readonly entries: readonly Uint8Array[];
  /** The roots that it led through, of the sizes that were wanted. */
  readonly reached: readonly Reached[];
}

interface CountedTile extends TilePosition {
  readonly hashes: readonly Uint8Array[];
}

/** Grows the tree again from the stored bundles and holds every row under it against the result. */
export class TreeCheck {
  readonly #survey: Survey;
  readonly #size: number;
  readonly #sizesWithin: TreeCheckOptions["sizesWithin"];
  readonly #bodies: BodyCheck | undefined;
  // Owned by run: the tree so far, and where its tiles stand.
  readonly #tree: RightEdge;
  readonly #tiles: { index: number; hashes: Uint8Array[] }[];
  #placements = 0;
  #tileCount = 0;

  constructor({ survey, size, withBodies, sizesWithin, from }: TreeCheckOptions) {
    this.#survey = survey;
    this.#size = size;
    this.#bodies = withBodies ? new BodyCheck(survey) : undefined;
    this.#sizesWithin = sizesWithin;
    this.#tree = from?.nodes() ?? RightEdge.empty();
    this.#tiles = (from?.tiles ?? []).map((hashes, level) => ({
      index: Math.floor(this.#tree.size / TILE_WIDTH ** (level + 1)),
      hashes: [...hashes],
    }));
  }

  get counts(): {
    readonly entries: number;
    readonly tiles: number;
    readonly bodies: number;
    readonly placements: number;
  } {
    return {
      entries: this.#tree.size,
      tiles: this.#tileCount,
      bodies: this.#bodies?.count ?? 0,
      placements: this.#placements,
    };
  }

  /** The root over the entries read so far. */
  root(): Uint8Array {
    return this.#tree.root();
  }

  /** Checks bundle after bundle. */
  async *run(): AsyncIterable<CheckedBundle> {
    const count = Math.ceil(this.#size / TILE_WIDTH);
    const start = Math.floor(this.#tree.size / TILE_WIDTH);
    for (let first = start; first < count; first += BUNDLES_AT_ONCE) {
      const length = Math.min(BUNDLES_AT_ONCE, count - first);
      const keys = Array.from({ length }, (_, i) => bundleKey(first + i));
      const payloads = await this.#survey.require(keys);
      for (const [i, payload] of payloads.entries()) {
        const bundle = { index: first + i, payload, size: this.#size };
        const entries = entriesOf(this.#survey, bundle);
        // Without these leaves nothing to the right can be recomputed.
        if (entries === undefined) return;
        yield await this.#check(entries);
      }
    }
    await this.#compare(
      this.#tiles.flatMap(({ index, hashes }, level) =>
        hashes.length > 0 ? [{ level, index, hashes }] : [],
      ),
    );
  }

  async #check(entries: readonly Uint8Array[]): Promise<CheckedBundle> {
    const first = this.#tree.size;
    const wanted = new Set(await this.#sizesWithin(first, first + entries.length));
    const full: CountedTile[] = [];
    const reached: Reached[] = [];
    for (const entry of entries) {
      for (const { id, hash } of this.#tree.append(leafHash(entry))) {
        if (id.level % TILE_HEIGHT === 0) full.push(...this.#grow(id.level / TILE_HEIGHT, hash));
      }
      if (wanted.has(this.#tree.size)) {
        reached.push({ size: this.#tree.size, root: this.#tree.root() });
      }
    }
    await this.#compare(full);
    await this.#checkPlacements(entries, first);
    await this.#bodies?.check(entries, first);
    return { first, entries, reached };
  }

  #grow(level: number, hash: Uint8Array): readonly CountedTile[] {
    const tile = (this.#tiles[level] ??= { index: 0, hashes: [] });
    tile.hashes.push(hash);
    if (tile.hashes.length < TILE_WIDTH) return [];
    this.#tiles[level] = { index: tile.index + 1, hashes: [] };
    return [{ level, ...tile }];
  }

  async #compare(tiles: readonly CountedTile[]): Promise<void> {
    const payloads = await this.#survey.require(tiles.map(tileKey));
    tiles.forEach((tile, i) => {
      const payload = payloads[i];
      if (payload === undefined) return;
      if (isEqual(payload, concat(...tile.hashes))) this.#tileCount++;
      else this.#mismatch(tileKey(tile), "does not hash to what lies below it");
    });
  }

  async #checkPlacements(entries: readonly Uint8Array[], first: number): Promise<void> {
    const keys = entries.map(digestKey);
    const payloads = await this.#survey.require(keys);
    keys.forEach((key, i) => {
      const payload = payloads[i];
      const placement = payload && this.#survey.decode(key, payload, decodePlacement);
      if (placement === undefined) return;
      this.#placements++;
      if (placement.index === first + i) return;
      this.#mismatch(key, `points at ${placement.index}, the entry is at ${first + i}`);
    });
  }

  #mismatch(key: Uint8Array, detail: string): void {
    this.#survey.findings.add("mismatch", formatKey(key), detail);
  }
}

/** A bundle as it was read. */
export interface ReadBundle {
  readonly index: number;
  readonly payload: Uint8Array | undefined;
  /** Of the tree that it must fit. */
  readonly size: number;
}

/** Yields the entries of a bundle, `undefined` if it is not what a tree of that size has there. */
export function entriesOf(
  survey: Survey,
  { index, payload, size }: ReadBundle,
): readonly Uint8Array[] | undefined {
  const key = bundleKey(index);
  const entries = payload && survey.decode(key, payload, decodeBundle);
  const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
  if (entries === undefined || entries.length === width) return entries;
  survey.findings.add("mismatch", formatKey(key), `width ${entries.length}, want ${width}`);
  return undefined;
}
