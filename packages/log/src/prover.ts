import {
  type ConsistencyProof,
  consistencyNodes,
  consistencyPath,
  leafHash,
  MerkleError,
  ProvenTree,
  rootFromNodes,
  rootNodes,
  verifyConsistency,
} from "@tallystick/merkle";
import {
  issueConsistencyReceipt,
  issueInclusionReceipt,
  ReceiptError,
  type SignedCheckpoint,
} from "@tallystick/receipt";

import { LogError } from "./error.js";
import { type ReceiptKeys, verifyUnder } from "./keys.js";
import { checkpointKey, formatKey, hexPrefix, isEqual } from "./layout.js";
import type { Reader } from "./reader.js";
import { decodeChainLink } from "./record.js";
import type { SequencedEntry } from "./sequenced.js";
import type { View } from "./view.js";

/** Nodes kept of a tree that receipts are made from, about 100 bytes each. */
const MAX_PROVEN_NODES = 16_384;

/**
 * Makes receipts from kept checkpoints and stored tiles, without a key, and checks each one's proof
 * before it leaves (I5).
 */
export class Prover {
  readonly #reader: Reader;
  readonly #key: ReceiptKeys;
  // What has been proven under each checkpoint, for as long as somebody holds the checkpoint.
  readonly #trees = new WeakMap<SignedCheckpoint, ProvenTree>();
  // Owned by #keptCheckpoint: the one that receipts were last asked for below the newest size.
  #kept: SignedCheckpoint | undefined;

  constructor(reader: Reader, key: ReceiptKeys) {
    this.#reader = reader;
    this.#key = key;
  }

  /**
   * Yields the kept checkpoint of a size, its signature verified and its root recomputed.
   *
   * @throws {@link LogError} `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async checkpoint(view: View, size: number): Promise<SignedCheckpoint> {
    if (size === view.size) return view.signed;
    if (!Number.isSafeInteger(size) || size < 1 || size > view.size) {
      throw new LogError("LOG_SIZE_UNKNOWN", `no checkpoint of size ${size}`);
    }
    const key = checkpointKey(size);
    const [payload] = await this.#reader.payloads([key]);
    if (payload === undefined) {
      throw new LogError("LOG_SIZE_UNKNOWN", `no checkpoint of size ${size}`);
    }
    const signed = await this.#verify(decodeChainLink(payload).checkpoint, formatKey(key));
    const hashes = await this.#reader.nodes(view, rootNodes(size));
    const { checkpoint } = signed;
    if (checkpoint.size !== size || !isEqual(checkpoint.root, rootFromNodes(size, hashes))) {
      throw new LogError("LOG_CORRUPT", `${formatKey(key)} is not of this tree`);
    }
    return signed;
  }

  /**
   * Yields a receipt of inclusion (RFC 9942 §5.2) for an entry under a kept checkpoint.
   *
   * @throws {@link LogError} `LOG_ENTRY_NOT_FOUND`, `LOG_SIZE_UNKNOWN`, `LOG_RECEIPT_UNAVAILABLE`,
   * `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async inclusionReceipt(view: View, entry: Uint8Array, size: number): Promise<Uint8Array> {
    const [placement] = await this.#reader.placements(view, [entry]);
    if (placement === undefined) {
      throw new LogError("LOG_ENTRY_NOT_FOUND", `no entry ${hexPrefix(entry)}`);
    }
    const { index } = placement;
    const signed = await this.#keptCheckpoint(view, size);
    if (index >= size) {
      throw new LogError("LOG_ENTRY_NOT_FOUND", `entry ${index} is not in a tree of size ${size}`);
    }
    return this.receipt(view, { entry, index, checkpoint: signed });
  }

  /**
   * Yields the receipt of an entry whose index and checkpoint are at hand, as they are right after it
   * was sequenced: what it needs of the tree is then in memory, and nothing is read or verified anew.
   *
   * `view` is of that checkpoint or a later one.
   *
   * @throws {@link LogError} `LOG_RECEIPT_UNAVAILABLE`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async receipt(
    view: View,
    { entry, index, checkpoint: signed }: Pick<SequencedEntry, "entry" | "index" | "checkpoint">,
  ): Promise<Uint8Array> {
    const { size } = signed.checkpoint;
    if (size === 1) {
      // RFC 9942 §5.2: the CDDL wants one path element or more.
      throw new LogError("LOG_RECEIPT_UNAVAILABLE", "a tree of size 1 has no receipt");
    }
    const tree = this.#treeOf(signed);
    // Without a turn in between, or all receipts of a round would ask for the nodes that they share
    // before the first has shown them.
    const atHand = this.#reader.nodesAtHand(view, tree.wanted(index));
    const hashes = atHand ?? (await this.#readNodes(view, tree, index));
    const path = requireProof(`entry ${index} in size ${size}`, () =>
      tree.prove(index, leafHash(entry), hashes),
    );
    return issueInclusionReceipt(signed, { index, size, path });
  }

  /**
   * Yields a receipt of consistency (RFC 9942 §5.3) between two kept checkpoints.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`,
   * `LOG_UNAVAILABLE`
   */
  async consistencyReceipt(view: View, oldSize: number, newSize: number): Promise<Uint8Array> {
    const areSizes = [oldSize, newSize].every((size) => Number.isSafeInteger(size) && size > 0);
    if (!areSizes || oldSize >= newSize) {
      throw new LogError("LOG_RANGE_INVALID", `no consistency from ${oldSize} to ${newSize}`);
    }
    const older = await this.checkpoint(view, oldSize);
    const newer = await this.checkpoint(view, newSize);
    const hashes = await this.#reader.nodes(view, consistencyNodes(oldSize, newSize));
    const path = consistencyPath(oldSize, newSize, hashes);
    const proof: ConsistencyProof = { oldSize, newSize, path };
    requireProof(`sizes ${oldSize} to ${newSize}`, () => {
      verifyConsistency(proof, older.checkpoint.root, newer.checkpoint.root);
    });
    return issueConsistencyReceipt(newer, proof);
  }

  async #readNodes(view: View, tree: ProvenTree, index: number): Promise<readonly Uint8Array[]> {
    const hashes = await this.#reader.nodes(view, tree.wanted(index));
    // Meanwhile another receipt may have shown the upper ones already.
    return hashes.slice(hashes.length - tree.wanted(index).length);
  }

  // With witnesses, receipts are of one older checkpoint for as long as it is the newest cosigned one.
  async #keptCheckpoint(view: View, size: number): Promise<SignedCheckpoint> {
    if (size !== view.size && this.#kept?.checkpoint.size === size) return this.#kept;
    const signed = await this.checkpoint(view, size);
    if (size !== view.size) this.#kept = signed;
    return signed;
  }

  #treeOf(signed: SignedCheckpoint): ProvenTree {
    const known = this.#trees.get(signed);
    if (known !== undefined && known.nodes < MAX_PROVEN_NODES) return known;
    const { size, root } = signed.checkpoint;
    const tree = new ProvenTree(size, root);
    this.#trees.set(signed, tree);
    return tree;
  }

  async #verify(encoded: Uint8Array, name: string): Promise<SignedCheckpoint> {
    try {
      return await verifyUnder(encoded, this.#key);
    } catch (error) {
      if (!(error instanceof ReceiptError)) throw error;
      throw new LogError("LOG_CORRUPT", `${name}: ${error.message}`, { cause: error });
    }
  }
}

function requireProof<T>(what: string, verify: () => T): T {
  try {
    return verify();
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    throw new LogError("LOG_CORRUPT", `proof of ${what}: ${error.message}`, { cause: error });
  }
}
