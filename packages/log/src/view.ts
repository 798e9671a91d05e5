import type { TilePosition } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";

import type { Edge } from "./edge.js";
import type { NamedKeys } from "./keys.js";
import { ExpandedTile } from "./tile.js";

/** A control entry, as far as what comes after depends on it. */
export interface ControlView {
  readonly index: number;
  readonly entry: Uint8Array;
  readonly receiptKeys?: NamedKeys;
}

/** The log as of one checkpoint, durable. Immutable: a reader that keeps one sees one tree throughout. */
export class View {
  readonly signed: SignedCheckpoint;
  readonly edge: Edge;
  /** The newest control entry, and the receipt keys that it names. */
  readonly control: ControlView;
  // Owned by edgeTile: partial tiles by level, expanded when first asked for; those of an earlier view
  // to begin with.
  readonly #expanded: Map<number, ExpandedTile>;

  constructor(parts: Pick<View, "signed" | "edge" | "control">, before?: View) {
    this.signed = parts.signed;
    this.edge = parts.edge;
    this.control = parts.control;
    this.#expanded = new Map(before === undefined ? [] : before.#expanded);
  }

  get size(): number {
    return this.edge.size;
  }

  /** Yields the partial tile of a level, `undefined` if the tile at that place is full or not there. */
  edgeTile(position: TilePosition): ExpandedTile | undefined {
    const { level, index } = position;
    const hashes = this.edge.tiles[level] ?? [];
    const last = Math.floor(this.size / 256 ** (level + 1));
    if (hashes.length === 0 || index !== last) return undefined;
    const known = this.#expanded.get(level);
    if (known?.isAt(position) === true && known.width === hashes.length) return known;
    const tile =
      known?.isAt(position) === true ? known.widen(hashes) : ExpandedTile.expand(position, hashes);
    this.#expanded.set(level, tile);
    return tile;
  }
}

/** The view that readers are served from. */
export class Published {
  // Owned by the sequencer, which advances it; read by everyone else.
  #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  get view(): View {
    return this.#view;
  }

  /** Serves a newer view from here on; it must be durable. */
  advance(view: View): void {
    this.#view = view;
  }
}
