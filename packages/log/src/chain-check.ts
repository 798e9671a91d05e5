import { formatThumbprint } from "@tallystick/cose";
import { HASH_BYTES } from "@tallystick/merkle";
import {
  chainDigest,
  type ChainLink,
  type Checkpoint,
  SignedCheckpoint,
} from "@tallystick/receipt";

import { type KeySchedule, type ReceiptKeys, verifyUnder } from "./keys.js";
import {
  checkpointKey,
  formatKey,
  hexPrefix,
  isEqual,
  kindRange,
  KIND,
  numberOfKey,
} from "./layout.js";
import { decodeChainLink, type Meta } from "./record.js";
import { decodeStated } from "./stated.js";
import type { Survey } from "./survey.js";

/** A root that the tree has at a size, recomputed. */
export interface Reached {
  readonly size: number;
  readonly root: Uint8Array;
}

/** What {@link ChainCheck} needs. */
export interface ChainCheckOptions {
  readonly survey: Survey;
  readonly meta: Meta | undefined;
  /** Without it signatures are not looked at. */
  readonly key: ReceiptKeys | undefined;
  /** Which key may have signed at which size; not looked at unless given. */
  readonly schedule?: KeySchedule | undefined;
  /** A kept checkpoint that is known to be right, to go on from; the first one unless given. */
  readonly from?: ChainStart | undefined;
}

/** A link of the chain that was checked before. */
export interface ChainStart {
  /** The row's payload. */
  readonly record: Uint8Array;
  readonly stated: Checkpoint;
}

/** Follows the kept checkpoints from the first, each against the tree, its signature and the one before. */
export class ChainCheck {
  readonly #survey: Survey;
  readonly #meta: Meta | undefined;
  readonly #key: ReceiptKeys | undefined;
  readonly #schedule: KeySchedule | undefined;
  // Owned by check: where the chain has got to.
  #last: ChainStart | undefined;
  // Owned by check: whether the checkpoint before is damaged, which is reported already.
  #isBroken = false;
  // Owned by check.
  #count = 0;

  constructor({ survey, meta, key, schedule, from }: ChainCheckOptions) {
    this.#schedule = schedule;
    this.#survey = survey;
    this.#last = from;
    this.#meta = meta;
    this.#key = key;
  }

  /** How many were found as they should be. */
  get count(): number {
    return this.#count;
  }

  /** The newest checkpoint that could be read. */
  get newest(): Checkpoint | undefined {
    return this.#last?.stated;
  }

  /** Where a later check can go on from. */
  get reached(): ChainStart | undefined {
    return this.#last;
  }

  /** Yields the sizes of the kept checkpoints beyond `after` and up to `to`, ascending. */
  async sizesWithin(after: number, to: number): Promise<readonly number[]> {
    const all = kindRange(KIND.checkpoint);
    const from = after === 0 ? all.from : checkpointKey(after + 1);
    const sizes: number[] = [];
    for await (const key of this.#survey.keys({ from, before: checkpointKey(to + 1) })) {
      const size = sizeOf(this.#survey, key);
      if (size !== undefined) sizes.push(size);
    }
    return sizes;
  }

  /** Checks the checkpoints of the sizes that the tree went through, in order. */
  async check(reached: readonly Reached[]): Promise<void> {
    const keys = reached.map(({ size }) => checkpointKey(size));
    const records = await this.#survey.require(keys);
    for (const [i, { size, root }] of reached.entries()) {
      const record = records[i];
      const key = checkpointKey(size);
      if (record === undefined) {
        // What follows cannot be chained to what is damaged; only that link is unchecked.
        this.#isBroken = true;
        continue;
      }
      if (await this.#checkOne(key, record, { size, root })) this.#count++;
    }
  }

  async #checkOne(key: Uint8Array, record: Uint8Array, reached: Reached): Promise<boolean> {
    const link = this.#survey.decode(key, record, decodeChainLink);
    const stated = link && this.#survey.decode(key, link.checkpoint, decodeStated);
    if (link === undefined || stated === undefined) return false;
    const wrong = [...this.#contradictions(stated, reached), ...this.#breaks(link, stated)];
    for (const detail of wrong) this.#survey.findings.add("mismatch", formatKey(key), detail);
    const holds = await this.#checkSignature(key, link.checkpoint, stated.size);
    this.#last = { record, stated };
    this.#isBroken = false;
    return wrong.length === 0 && holds;
  }

  #contradictions(stated: Checkpoint, { size, root }: Reached): readonly string[] {
    const wrong: string[] = [];
    if (stated.size !== size) wrong.push(`states size ${stated.size}`);
    if (!isEqual(stated.root, root)) {
      wrong.push(`states root ${hexPrefix(stated.root)}, recomputed ${hexPrefix(root)}`);
    }
    const meta = this.#meta;
    if (meta === undefined) return wrong;
    if (stated.issuer !== meta.issuer || stated.origin !== meta.origin)
      wrong.push("is of another log");
    return wrong;
  }

  #breaks(link: ChainLink, stated: Checkpoint): readonly string[] {
    const wrong: string[] = [];
    const last = this.#last;
    if (last !== undefined && stated.time < last.stated.time) {
      wrong.push(`time ${stated.time} after ${last.stated.time}`);
    }
    if (this.#isBroken) return wrong;
    const lastSize = last?.stated.size ?? 0;
    if (link.previousSize > lastSize && link.previousSize < stated.size) {
      const where = formatKey(checkpointKey(link.previousSize));
      this.#survey.findings.add("missing", where, `checkpoint ${stated.size} follows it`);
      return wrong;
    }
    const digest = last === undefined ? new Uint8Array(HASH_BYTES) : chainDigest(last.record);
    if (link.previousSize !== lastSize || !isEqual(link.previousDigest, digest)) {
      wrong.push(`does not follow the kept checkpoint ${lastSize}`);
    }
    return wrong;
  }

  async #checkSignature(row: Uint8Array, checkpoint: Uint8Array, size: number): Promise<boolean> {
    const kid = SignedCheckpoint.kidOf(checkpoint);
    if (this.#schedule?.permits(kid, size) === false) {
      const name = formatThumbprint(kid.subarray(0, HASH_BYTES));
      const detail = `is signed with ${name}, which the control entries do not name there`;
      this.#survey.findings.add("signature", formatKey(row), detail);
      return false;
    }
    return checkSignature(this.#survey, { row, checkpoint, key: this.#key });
  }
}

/** Yields the sizes of the newest kept checkpoints, newest first, `count` of them at most. */
export async function newestSizes(survey: Survey, count: number): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const key of survey.keys({ ...kindRange(KIND.checkpoint), isReversed: true })) {
    const size = sizeOf(survey, key);
    if (size !== undefined) sizes.push(size);
    if (sizes.length >= count) break;
  }
  return sizes;
}

function sizeOf(survey: Survey, key: Uint8Array): number | undefined {
  const size = survey.decode(key, key, numberOfKey);
  if (size === undefined || isEqual(key, checkpointKey(size))) return size;
  survey.findings.add("unexpected", formatKey(key), "row of unknown kind");
  return undefined;
}

/** What {@link checkSignature} needs. */
export interface SignatureCheck {
  /** Key of the row that holds the checkpoint. */
  readonly row: Uint8Array;
  readonly checkpoint: Uint8Array;
  readonly key: ReceiptKeys | undefined;
}

/** Yields whether the signature of an encoded checkpoint holds, or there is no key to tell by. */
export async function checkSignature(
  survey: Survey,
  { row, checkpoint, key }: SignatureCheck,
): Promise<boolean> {
  if (key === undefined) return true;
  try {
    await verifyUnder(checkpoint, key);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    survey.findings.add("signature", formatKey(row), reason);
    return false;
  }
}
