import { encodeHex } from "@tallystick/cose";
import { HASH_BYTES, sha256 } from "@tallystick/merkle";

import { MAX_NAMED_KEYS } from "./keys.js";
import { isEqual } from "./layout.js";
import type { Submission } from "./pool.js";

/** An entry to log. Bytes are copied. */
export interface AppendRequest {
  /** 32 bytes, SHA-256 of the body. */
  readonly entry: Uint8Array;
  readonly body: Uint8Array;
  /** Kept with the entry and returned by {@link Log.lookup}; opaque, and not under the tree. */
  readonly collateral: Uint8Array;
  /** Sequenced in a round of its own; the newest one is what preconditions are held against. */
  readonly control?: boolean;
  /**
   * Of a control entry: thumbprints of the keys that sign checkpoints from it on, each once and 16 at
   * most. The log's first key alone unless given.
   */
  readonly receiptKeys?: readonly Uint8Array[];
  /** The newest control entry that the caller has admitted this one under. */
  readonly precondition?: Uint8Array;
  /**
   * When the caller admitted it, in seconds since the epoch. Not sequenced behind a checkpoint of a
   * later time, nor under one of an earlier time (I6).
   */
  readonly admittedAt?: number;
  /** Goes before those that wait: it has waited, and was refused for what came before it. */
  readonly isAgain?: boolean;
}

/**
 * Yields the pool's own copy of a request.
 *
 * @throws TypeError for a malformed one
 */
export function submissionOf(request: AppendRequest): Submission {
  const { entry, body, collateral, control = false, precondition, admittedAt } = request;
  const { receiptKeys, isAgain = false } = request;
  if (entry.length !== HASH_BYTES) {
    throw new TypeError(`entry of ${entry.length} bytes, want ${HASH_BYTES}`);
  }
  if (admittedAt !== undefined && (!Number.isSafeInteger(admittedAt) || admittedAt < 0)) {
    throw new TypeError(`admitted at ${admittedAt}`);
  }
  if (receiptKeys !== undefined) requireKeys(receiptKeys, control);
  const copy = body.slice();
  if (!isEqual(sha256(copy), entry)) throw new TypeError("the body does not hash to the entry");
  return {
    entry: entry.slice(),
    body: copy,
    collateral: collateral.slice(),
    isControl: control,
    receiptKeys: receiptKeys?.map((kid) => kid.slice()),
    precondition: precondition?.slice(),
    admittedAt,
    isAgain,
  };
}

function requireKeys(kids: readonly Uint8Array[], isControl: boolean): void {
  if (!isControl) throw new TypeError("receipt keys of what is no control entry");
  const isSound = kids.every(({ length }) => length === HASH_BYTES);
  const isDistinct = new Set(kids.map(encodeHex)).size === kids.length;
  if (isSound && isDistinct && kids.length > 0 && kids.length <= MAX_NAMED_KEYS) return;
  throw new TypeError(`${kids.length} receipt keys, or one twice, or no thumbprint`);
}
