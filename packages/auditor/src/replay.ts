import { encodeBase64url, encodeHex } from "@tallystick/cose";
import { RightEdge, leafHash } from "@tallystick/merkle";

import { CheckpointChain } from "./checkpoint-chain.js";
import type { OpenedRecord } from "./checkpoint-chain.js";
import { batchesOf, readAhead } from "./batch.js";
import type { Batch } from "./batch.js";
import { bytesOf } from "./entry.js";
import type { ReadEntry } from "./entry.js";
import { AuditorError } from "./error.js";
import { IndexAudit } from "./index-audit.js";
import { Ledger, NO_SUMS } from "./ledger.js";
import type { Sums } from "./ledger.js";
import { PolicyHistory, isControlEntry } from "./policy-history.js";
import type { Verified } from "./policy-history.js";
import type { AuditTrust, LogSource } from "./source.js";
import type { Uncovered } from "./state.js";

/** Entries in a bundle. */
export const BUNDLE_WIDTH = 256;

/** What a replay goes on from. */
export interface ReplayStart {
  readonly chain: CheckpointChain;
  readonly history: PolicyHistory;
  readonly ledger: Ledger;
  readonly index: IndexAudit;
  readonly edge: RightEdge;
  readonly uncovered: Uncovered | undefined;
  readonly sums: Sums;
}

/** Yields where a replay from the first entry begins. */
export function freshStart(trust: AuditTrust): ReplayStart {
  return {
    chain: new CheckpointChain(trust),
    history: new PolicyHistory(),
    ledger: new Ledger(),
    index: new IndexAudit(),
    edge: RightEdge.empty(),
    uncovered: undefined,
    sums: NO_SUMS,
  };
}

/** Replays a log, bundle after bundle, and stops at the first thing that is not as it should be. */
export class Replay {
  readonly chain: CheckpointChain;
  readonly history: PolicyHistory;
  readonly ledger: Ledger;
  readonly index: IndexAudit;
  readonly edge: RightEdge;
  // Owned by #take and #cover.
  #uncovered: Uncovered | undefined;
  // Owned by #add.
  #sums: Sums;
  // Owned by #readRecords: the bundle's checkpoints that are not reached yet.
  #records: (OpenedRecord | AuditorError)[] = [];

  constructor(start: ReplayStart) {
    ({ chain: this.chain, history: this.history, ledger: this.ledger, edge: this.edge } = start);
    this.index = start.index;
    this.#uncovered = start.uncovered;
    this.#sums = start.sums;
  }

  get uncovered(): Uncovered | undefined {
    return this.#uncovered;
  }

  get sums(): Sums {
    return this.#sums;
  }

  /**
   * Replays what is there of a bundle, up to `size`, and yields after each batch how many entries are
   * checked; between batches nothing is half done.
   *
   * @throws {@link AuditorError} every code but `AUDITOR_STATE_INVALID`; what the source throws
   */
  async *bundle(source: LogSource, bundle: number, size: number): AsyncIterable<number> {
    const first = bundle * BUNDLE_WIDTH;
    const before = Math.min(first + BUNDLE_WIDTH, size);
    await this.#readRecords(source, bundle, before);
    const options = { first, from: this.edge.size, before, isControl: isControlEntry };
    for await (const batch of readAhead(batchesOf(source.entries(bundle), options))) {
      await this.#take(batch);
      yield this.edge.size;
    }
    if (this.edge.size < before) {
      const reason = `the log ends here, its newest checkpoint covers ${size} entries`;
      throw new AuditorError("AUDITOR_SOURCE_TRUNCATED", reason, { index: this.edge.size });
    }
    const [left] = this.#records;
    if (left instanceof AuditorError) throw left;
    if (left !== undefined) throw misplaced(left);
  }

  async #readRecords(source: LogSource, bundle: number, before: number): Promise<void> {
    const records: Uint8Array[] = [];
    for await (const record of source.checkpoints(bundle)) {
      records.push(record);
      if (records.length > BUNDLE_WIDTH) break;
    }
    const opened = await Promise.all(
      records.map((record) => this.chain.open(record).catch(refusalOf)),
    );
    // What was followed before, or came after the newest checkpoint of this run, is not looked at.
    const end = opened.findIndex((one) => "checkpoint" in one && one.checkpoint.size > before);
    const { size = 0 } = this.chain.last ?? {};
    this.#records = opened
      .slice(0, end < 0 ? undefined : end)
      .filter((one) => one instanceof AuditorError || one.checkpoint.size > size);
  }

  async #take({ entries, failure }: Batch): Promise<void> {
    // Concurrently, since a signature takes longer than everything else.
    const verified = await Promise.all(
      entries.map((entry) => this.history.verify(entry).catch(refusalOf)),
    );
    for (const [i, one] of verified.entries()) {
      const entry = entries[i];
      if (entry === undefined) break;
      this.#requireNew(entry);
      if (one instanceof AuditorError) throw one;
      await this.#takeOne(entry, one);
    }
    if (failure !== undefined) throw failure;
  }

  async #takeOne(entry: ReadEntry, verified: Verified): Promise<void> {
    const { index, statement } = entry;
    const isControl = isControlEntry(entry);
    // A control entry is sequenced alone: a checkpoint stands right before it, and right behind it.
    if (isControl && (this.chain.last?.size ?? 0) !== index) throw shared(entry);
    const decided = await this.history.decide(entry, verified);
    this.#requireTime(entry);
    this.history.advance(entry, decided);
    this.index.take(entry, this.chain.name);
    this.ledger.add(statement.entry, decided.signer);
    this.edge.append(leafHash(statement.entry));
    const chains = "path" in (identityOf(verified) ?? {}) ? 1 : 0;
    this.#add({ signatures: 1, chains, bytes: bytesOf(entry) });
    const isCovered = this.#cover();
    if (isControl && !isCovered) throw shared(entry);
  }

  /** Follows the checkpoint of the tree's size, and yields whether there is one. */
  #cover(): boolean {
    const [next] = this.#records;
    if (next === undefined) return false;
    if (next instanceof AuditorError) throw next;
    const { checkpoint, record } = next;
    if (checkpoint.size > this.edge.size) return false;
    if (checkpoint.size < this.edge.size) throw misplaced(next);
    this.#records.shift();
    this.chain.require(next, this.edge.root());
    this.#requireNamed(next);
    const { latest = 0, earliest = checkpoint.time, index = 0 } = this.#uncovered ?? {};
    if (latest > checkpoint.time) {
      const reason = `decided at ${latest}, and covered at ${checkpoint.time} already`;
      throw new AuditorError("AUDITOR_TIME_INVALID", reason, this.#placeOf(index));
    }
    const longestWait = Math.max(this.#sums.longestWait, checkpoint.time - earliest);
    this.#uncovered = undefined;
    this.#add({ signatures: 1, checkpoints: 1, bytes: record.length });
    this.#sums = { ...this.#sums, longestWait };
    return true;
  }

  // T23: that a key is pinned does not make it one that those who operate the log have named.
  #requireNamed({ key, checkpoint: { size } }: OpenedRecord): void {
    const kid = key.thumbprint();
    const [first = kid] = this.chain.signers;
    if (this.history.names(kid, size, first)) return;
    const name = encodeBase64url(kid);
    const reason = `checkpoint ${size} is signed with the key ${name}, which no policy names there`;
    throw new AuditorError("AUDITOR_KEY_UNNAMED", reason, { index: size - 1 });
  }

  #requireNew({ index, statement: { entry, entryId } }: ReadEntry): void {
    const known = this.ledger.table.find(entry);
    if (known === undefined) return;
    const reason = `the same statement is at index ${known} already`;
    throw new AuditorError("AUDITOR_DUPLICATE", reason, { index, entryId });
  }

  // I6: what was admitted before the newest checkpoint is not sequenced behind it, but admitted again.
  #requireTime({ index, statement: { entryId }, collateral: { time } }: ReadEntry): void {
    const { time: earliest = 0 } = this.chain.last ?? {};
    if (time < earliest) {
      const reason = `decided at ${time}, and comes after the checkpoint of ${earliest}`;
      throw new AuditorError("AUDITOR_TIME_INVALID", reason, { index, entryId });
    }
    const before = this.#uncovered;
    const isLatest = time >= (before?.latest ?? 0);
    this.#uncovered = {
      earliest: Math.min(time, before?.earliest ?? time),
      latest: isLatest ? time : (before?.latest ?? time),
      index: isLatest ? index : (before?.index ?? index),
    };
  }

  #placeOf(index: number): { readonly index: number; readonly entryId: string } {
    return { index, entryId: encodeHex(this.ledger.table.digest(index)) };
  }

  #add(more: Partial<Omit<Sums, "longestWait">>): void {
    const sums = this.#sums;
    this.#sums = {
      ...sums,
      signatures: sums.signatures + (more.signatures ?? 0),
      checkpoints: sums.checkpoints + (more.checkpoints ?? 0),
      chains: sums.chains + (more.chains ?? 0),
      bytes: sums.bytes + (more.bytes ?? 0),
    };
  }
}

function identityOf(verified: Verified): object | undefined {
  return "identity" in verified ? verified.identity : undefined;
}

function refusalOf(error: unknown): AuditorError {
  if (error instanceof AuditorError) return error;
  throw error;
}

function shared({ index, statement: { entryId } }: ReadEntry): AuditorError {
  const reason = "changes the policy, and shares its checkpoint with other entries";
  return new AuditorError("AUDITOR_CONTROL_SHARED", reason, { index, entryId });
}

function misplaced({ checkpoint: { size } }: OpenedRecord): AuditorError {
  const reason = `the checkpoint of size ${size} is out of its place`;
  return new AuditorError("AUDITOR_CHECKPOINT_INVALID", reason, { index: size - 1 });
}
