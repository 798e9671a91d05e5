import { COMMITTED_KINDS } from "@tallystick/catalog";
import type { Leaf } from "@tallystick/catalog";

import type { IndexAuditParts } from "./index-audit.js";
import { invalid } from "./state.js";
import type { Waiting } from "./waiting.js";

const DIGEST_BYTES = 32;
const LEAF_BYTES = DIGEST_BYTES + 8 + DIGEST_BYTES;
const WORD = 2 ** 32;

/** The index of an audit's state, as it is written. */
export interface IndexState {
  readonly size: number;
  /** Key, count in eight bytes and digest of each list, one after the other. */
  readonly leaves: Uint8Array;
  /** For each entry behind the size how many keys it has, in one byte, and those. */
  readonly waiting: Uint8Array;
  readonly heads: number;
}

/** Yields the index of an audit as it is written. */
export function indexStateOf({ size, leaves, waiting, heads }: IndexAuditParts): IndexState {
  const all = [...leaves];
  const listed = new Uint8Array(all.length * LEAF_BYTES);
  const view = new DataView(listed.buffer);
  all.forEach(({ key, list }, i) => {
    const at = i * LEAF_BYTES;
    listed.set(key, at);
    view.setUint32(at + DIGEST_BYTES, Math.floor(list.count / WORD));
    view.setUint32(at + DIGEST_BYTES + 4, list.count % WORD);
    listed.set(list.digest, at + DIGEST_BYTES + 8);
  });
  const unapplied = [...waiting];
  const length = unapplied.reduce((sum, { keys }) => sum + 1 + keys.length * DIGEST_BYTES, 0);
  const behind = new Uint8Array(length);
  let at = 0;
  for (const { keys } of unapplied) {
    behind[at++] = keys.length;
    for (const key of keys) {
      behind.set(key, at);
      at += DIGEST_BYTES;
    }
  }
  return { size, leaves: listed, waiting: behind, heads };
}

/**
 * Yields what an audit of the index goes on from; `entryAt` yields the entries of the state.
 *
 * @throws {@link AuditorError} `AUDITOR_STATE_INVALID`
 */
export function indexPartsOf(
  { size, leaves, waiting, heads }: IndexState,
  entries: Uint8Array,
): IndexAuditParts {
  if (leaves.length % LEAF_BYTES !== 0) throw invalid("its index ends within a list");
  const total = entries.length / DIGEST_BYTES;
  const behind: Waiting[] = [];
  let at = 0;
  for (let index = size; index < total; index++) {
    if ((waiting[at] ?? 0) > COMMITTED_KINDS.length) throw invalid("its index has other keys");
    const keys = Array.from({ length: waiting[at] ?? 0 }, (_, i) => {
      const from = at + 1 + i * DIGEST_BYTES;
      return waiting.slice(from, from + DIGEST_BYTES);
    });
    at += 1 + keys.length * DIGEST_BYTES;
    const entry = entries.slice(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
    behind.push({ entry, keys });
  }
  if (size > total || at !== waiting.length) throw invalid("its index is of another size");
  return { size, leaves: leavesIn(leaves), waiting: behind, heads };
}

function* leavesIn(bytes: Uint8Array): Generator<Leaf, void, undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += LEAF_BYTES) {
    const key = bytes.slice(at, at + DIGEST_BYTES);
    const count = view.getUint32(at + DIGEST_BYTES) * WORD + view.getUint32(at + DIGEST_BYTES + 4);
    const digest = bytes.slice(at + DIGEST_BYTES + 8, at + LEAF_BYTES);
    yield { key, list: { count, digest } };
  }
}
