import { HASH_BYTES, leafHash, TILE_WIDTH, treeRoot } from "@tallystick/merkle";
import { chainDigest, type ChainLink } from "@tallystick/receipt";

import {
  bodyKey,
  bundleKey,
  checkpointKey,
  concat,
  controlKey,
  digestKey,
  formatKey,
  isEqual,
  tileKey,
} from "./layout.js";
import { Reader, requireBody } from "./reader.js";
import { type Control, decodeChainLink, decodeControl, decodePlacement } from "./record.js";
import { corrupt, decodeEntries, type Rows } from "./rows.js";
import { nodeOver } from "./tile.js";
import type { View } from "./view.js";

const BUNDLED_ENTRY_BYTES = 2 + HASH_BYTES;

/** Where a walk begins, and how far it must go. */
export interface WalkOptions {
  readonly view: View;
  /** The kept checkpoint of the view's size. */
  readonly link: ChainLink;
  /** Size of one write buffer of the store, as `WRITE_BUFFER_BYTES`. */
  readonly bufferBytes: number;
}

/**
 * Checks what the newest rounds wrote, back to one that can no longer be in the two write buffers of
 * the store, or to the beginning: damage there can take one whole write out of the middle and leave
 * head and edge intact. At least the last bundle is checked.
 *
 * Kept checkpoints are held against their chain, bundles and tiles against the signed root, index rows
 * and bodies against the entries, control entries against the chain of theirs.
 *
 * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function walkBack(
  rows: Rows,
  { view, link, bufferBytes }: WalkOptions,
): Promise<void> {
  const walk = new Walk(rows, view);
  const lastBundle = Math.floor((view.size - 1) / TILE_WIDTH) * TILE_WIDTH;
  let newest = { size: view.size, link };
  let bytes = 0;
  let largest = 0;
  for (;;) {
    const { previousSize } = newest.link;
    if (previousSize >= newest.size) throw corrupt(`checkpoint ${newest.size} follows none before`);
    const written = await walk.checkEntries(previousSize, newest.size);
    bytes += written;
    largest = Math.max(largest, written);
    // A buffer is left once it is full, so it holds at most one round more than its size.
    const isBeyond = bytes > 2 * (bufferBytes + largest) && previousSize <= lastBundle;
    if (previousSize === 0 || isBeyond) break;
    newest = await previousOf(rows, newest);
  }
  await checkControls(rows, view, newest.link.previousSize);
}

interface Kept {
  readonly size: number;
  readonly link: ChainLink;
}

/** Yields the kept checkpoint before one; there is one. */
export async function previousOf(rows: Rows, { size, link }: Kept): Promise<Kept> {
  const payload = await rows.require(checkpointKey(link.previousSize));
  if (!isEqual(chainDigest(payload), link.previousDigest)) {
    throw corrupt(`checkpoint ${link.previousSize} is not the one that ${size} follows`);
  }
  return { size: link.previousSize, link: decodeChainLink(payload) };
}

/** Yields the control row of an index, its entry being the one that is logged there. */
export async function controlAt(rows: Rows, index: number): Promise<Control> {
  const control = decodeControl(await rows.require(controlKey(index)));
  const placement = decodePlacement(await rows.require(digestKey(control.entry)));
  if (placement.index !== index) throw corrupt(`control entry ${index} is at ${placement.index}`);
  const bundle = decodeEntries(await rows.require(bundleKey(Math.floor(index / TILE_WIDTH))));
  const logged = bundle[index % TILE_WIDTH];
  if (logged === undefined || !isEqual(logged, control.entry)) {
    throw corrupt(`control entry ${index} is not the one logged there`);
  }
  return control;
}

async function checkControls(rows: Rows, { control }: View, from: number): Promise<void> {
  for (let { index } = control; index >= from && index > 0;) {
    const { previousIndex } = await controlAt(rows, index);
    if (previousIndex >= index) throw corrupt(`control entry ${index} follows none before`);
    // That it is there at all is checked as well when it lies further back.
    await controlAt(rows, previousIndex);
    index = previousIndex;
  }
}

/** Checks entries with all that belongs to them, from the newest bundle to older ones. */
class Walk {
  readonly #rows: Rows;
  readonly #view: View;
  readonly #reader: Reader;
  // Owned by #bundle: the one read last, which older rounds may share.
  #last: { readonly index: number; readonly entries: readonly Uint8Array[] } | undefined;

  constructor(rows: Rows, view: View) {
    this.#rows = rows;
    this.#view = view;
    this.#reader = new Reader(rows.store);
  }

  /**
   * Checks the entries of one round, and yields no more bytes than the round wrote.
   *
   * The rows of a bundle are read at once, and those of the next while they are checked: all that a
   * round holds fits into memory, as it did when it was made.
   */
  async checkEntries(first: number, end: number): Promise<number> {
    let bytes = 0;
    let checking = Promise.resolve(0);
    for (let index = Math.floor((end - 1) / TILE_WIDTH); index >= 0; index--) {
      const start = index * TILE_WIDTH;
      if (start + TILE_WIDTH <= first) break;
      const bundle = await this.#bundle(index);
      const width = Math.min(TILE_WIDTH, end - start);
      bytes += width * (BUNDLED_ENTRY_BYTES + HASH_BYTES);
      const from = Math.max(first, start);
      const before = checking;
      checking = this.#checkRows(bundle.slice(from - start, width), from);
      // It is waited for below, unless something else fails first.
      checking.catch(() => undefined);
      bytes += await before;
    }
    return bytes + (await checking);
  }

  async #bundle(index: number): Promise<readonly Uint8Array[]> {
    if (index === Math.floor(this.#view.size / TILE_WIDTH)) return this.#view.edge.bundle;
    if (this.#last?.index === index) return this.#last.entries;
    const leafTile = { level: 0, index };
    const [payload, tile] = await this.#rows.requireMany([bundleKey(index), tileKey(leafTile)]);
    const entries = decodeEntries(payload ?? new Uint8Array());
    const leaves = entries.map(leafHash);
    if (tile === undefined || !isEqual(tile, concat(...leaves))) {
      throw corrupt(`${formatKey(bundleKey(index))} does not hash to its tile`);
    }
    const [over] = await this.#reader.nodes(this.#view, [nodeOver(leafTile)]);
    if (over === undefined || !isEqual(treeRoot(leaves), over)) {
      throw corrupt(`${formatKey(bundleKey(index))} does not hash to the tree`);
    }
    this.#last = { index, entries };
    return entries;
  }

  async #checkRows(entries: readonly Uint8Array[], first: number): Promise<number> {
    const bodyKeys = entries.map((_entry, i) => bodyKey(first + i));
    const keys = [...entries.map(digestKey), ...bodyKeys];
    const payloads = await this.#rows.requireMany(keys);
    entries.forEach((entry, i) => {
      const index = decodePlacement(payloads[i] ?? new Uint8Array()).index;
      if (index !== first + i) throw corrupt(`entry ${first + i} is indexed as ${index}`);
      requireBody(payloads[entries.length + i], { entry, index });
    });
    const read = [...keys, ...payloads];
    return read.reduce((bytes, { length }) => bytes + length, 0);
  }
}
