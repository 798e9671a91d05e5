import { encodeHex } from "@tallystick/cose";
import {
  HASH_BYTES,
  MerkleError,
  TILE_WIDTH,
  decodeBundle,
  formatBundlePath,
  leafHash,
  tileWidth,
} from "@tallystick/merkle";

import { MirrorError } from "./error.js";
import type { CheckedReader, Wanted } from "./read-path.js";
import { isSame } from "./same.js";
import { hashesOf } from "./tree.js";
import type { VerifiedTree } from "./tree.js";

/** An entry bundle whose entries are the leaves of the tree. */
export interface Bundle {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Index of the first entry. */
  readonly first: number;
  readonly entries: readonly Uint8Array[];
}

/** Each entry stands behind a length of two bytes (W17). */
const RECORD_BYTES = HASH_BYTES + 2;

/**
 * Yields what a bundle is held against, of the width that the tree has unless a smaller one is given. It is left to the caller to keep, once what it leads to is there.
 *
 * @throws {@link MirrorError} as {@link VerifiedTree.tile}
 */
export async function wantedBundle(
  tree: VerifiedTree,
  index: number,
  width: number = tileWidth(0, index, tree.size),
): Promise<Wanted<Bundle>> {
  const leaves = hashesOf(await tree.tile({ level: 0, index }));
  const path = `tile/entries/${formatBundlePath(index, width)}`;
  return {
    ...{ path, maxBytes: width * RECORD_BYTES, isLeft: true },
    check: (bytes) => {
      const entries = decoded(path, bytes);
      const isWhole = entries.length === width;
      if (isWhole && entries.every((entry, i) => isLeaf(entry, leaves[i]))) {
        return { path, bytes, first: index * TILE_WIDTH, entries };
      }
      throw invalid(`${path} has other entries than the tree`);
    },
  };
}

/** Reads a bundle, or the beginning of the full one. Throws as {@link wantedBundle}. */
export async function readBundle(
  reader: CheckedReader,
  tree: VerifiedTree,
  index: number,
): Promise<Bundle> {
  const wanted = await wantedBundle(tree, index);
  const part = await reader.find(wanted);
  if (part !== undefined) return part;
  const width = tileWidth(0, index, tree.size);
  const whole = `tile/entries/${formatBundlePath(index, TILE_WIDTH)}`;
  const maxBytes = TILE_WIDTH * RECORD_BYTES;
  // W17: a partial bundle may be gone once the full one is there.
  return reader.read({
    ...{ path: whole, maxBytes, isLeft: true },
    check: (bytes) => wanted.check(bytes.slice(0, width * RECORD_BYTES)),
  });
}

function decoded(path: string, bytes: Uint8Array): readonly Uint8Array[] {
  try {
    return decodeBundle(bytes);
  } catch (cause) {
    if (!(cause instanceof MerkleError)) throw cause;
    throw invalid(`${path}: ${cause.message}`, { cause });
  }
}

function isLeaf(entry: Uint8Array, leaf: Uint8Array | undefined): boolean {
  return leaf !== undefined && isSame(leafHash(entry), leaf);
}

/** Yields the name of an entry in paths. */
export function idOf(entry: Uint8Array): string {
  return encodeHex(entry);
}

function invalid(message: string, options: ErrorOptions = {}): MirrorError {
  return new MirrorError("MIRROR_TILE_INVALID", message, options);
}
