import {
  decodeBundle,
  leafHash,
  RightEdge,
  sha256,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TilePosition,
} from "@tallystick/merkle";

import type { Reached } from "./chain-check.js";
import { bodyKey, bundleKey, concat, digestKey, formatKey, isEqual, tileKey } from "./layout.js";
import { decodePlacement } from "./record.js";
import type { Survey } from "./survey.js";

// Bundles, or bodies, in one read.
const BUNDLES_AT_ONCE = 4;
const BODIES_AT_ONCE = 32;

/** What {@link TreeCheck} needs. */
export interface TreeCheckOptions {
  readonly survey: Survey;
  readonly size: number;
  readonly withBodies: boolean;
  /** Sizes at which the root is wanted, ascending. */
  readonly sizes: readonly number[];
}

interface CountedTile extends TilePosition {
  readonly hashes: readonly Uint8Array[];
}

/** Grows the tree again from the stored bundles and holds every row under it against the result. */
export class TreeCheck {
  readonly #survey: Survey;
  readonly #size: number;
  readonly #withBodies: boolean;
  readonly #sizes: readonly number[];
  // Owned by run: the tree so far, and where its tiles stand.
  readonly #tree = RightEdge.empty();
  readonly #tiles: { index: number; hashes: Uint8Array[] }[] = [];
  #nextSize = 0;
  #placements = 0;
  #bodies = 0;
  #tileCount = 0;

  constructor({ survey, size, withBodies, sizes }: TreeCheckOptions) {
    this.#survey = survey;
    this.#size = size;
    this.#withBodies = withBodies;
    this.#sizes = sizes;
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
      bodies: this.#bodies,
      placements: this.#placements,
    };
  }

  /** The root over the entries read so far. */
  root(): Uint8Array {
    return this.#tree.root();
  }

  /** Checks bundle after bundle, and yields the roots that each step goes through. */
  async *run(): AsyncIterable<readonly Reached[]> {
    const count = Math.ceil(this.#size / TILE_WIDTH);
    for (let first = 0; first < count; first += BUNDLES_AT_ONCE) {
      const length = Math.min(BUNDLES_AT_ONCE, count - first);
      const keys = Array.from({ length }, (_, i) => bundleKey(first + i));
      const payloads = await this.#survey.require(keys);
      for (const [i, payload] of payloads.entries()) {
        const entries = this.#entriesOf(first + i, payload);
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

  #entriesOf(index: number, payload: Uint8Array | undefined): readonly Uint8Array[] | undefined {
    const key = bundleKey(index);
    const entries = payload && this.#survey.decode(key, payload, decodeBundle);
    const width = Math.min(TILE_WIDTH, this.#size - index * TILE_WIDTH);
    if (entries === undefined || entries.length === width) return entries;
    this.#survey.findings.add("mismatch", formatKey(key), `width ${entries.length}, want ${width}`);
    return undefined;
  }

  async #check(entries: readonly Uint8Array[]): Promise<readonly Reached[]> {
    const first = this.#tree.size;
    const full: CountedTile[] = [];
    const reached: Reached[] = [];
    for (const entry of entries) {
      for (const { id, hash } of this.#tree.append(leafHash(entry))) {
        if (id.level % TILE_HEIGHT === 0) full.push(...this.#grow(id.level / TILE_HEIGHT, hash));
      }
      if (this.#sizes[this.#nextSize] === this.#tree.size) {
        reached.push({ size: this.#tree.size, root: this.#tree.root() });
        this.#nextSize++;
      }
    }
    await this.#compare(full);
    await this.#checkPlacements(entries, first);
    if (this.#withBodies) await this.#checkBodies(entries);
    return reached;
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

  async #checkBodies(entries: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < entries.length; at += BODIES_AT_ONCE) {
      const some = entries.slice(at, at + BODIES_AT_ONCE);
      const bodies = await this.#survey.require(some.map(bodyKey));
      some.forEach((entry, i) => {
        const body = bodies[i];
        if (body === undefined) return;
        if (isEqual(sha256(body), entry)) this.#bodies++;
        else this.#mismatch(bodyKey(entry), "does not hash to its entry");
      });
    }
  }

  #mismatch(key: Uint8Array, detail: string): void {
    this.#survey.findings.add("mismatch", formatKey(key), detail);
  }
}
