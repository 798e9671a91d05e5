import type { PublicKey } from "@tallystick/cose";
import {
  Receipt,
  SignedCheckpoint,
  VerifiedConsistency,
  VerifiedInclusion,
} from "@tallystick/receipt";

import { isEqual } from "../layout.js";
import type { Log } from "../log.js";
import { digestOf, NEVER_LOGGED, numberOf, requestFor } from "./entries.js";
import { codeOf, type Status } from "./incarnation.js";

/** All that a log shows to those who ask, as far as it holds true. */
export interface Portrait {
  readonly entries: readonly number[];
  /** Time of the newest checkpoint. */
  readonly time: number;
  /** What contradicts what. */
  readonly wrong: readonly string[];
}

/** Asks a log for everything and holds the answers against each other and against the key. */
export class Painter {
  readonly #key: PublicKey;
  readonly #known: readonly number[];
  // Bytes that were verified already: a verification of the same bytes says the same again.
  readonly #verified = new Set<string>();

  constructor(key: PublicKey, known: readonly number[]) {
    this.#key = key;
    this.#known = known;
  }

  /** Yields the portrait of a log in which nothing is under way; the disk must not fail meanwhile. */
  async paint(log: Log, status: Status): Promise<Portrait> {
    const wrong: string[] = [];
    let entries: readonly number[] = [];
    let time = 0;
    try {
      const { size, time: newest } = log.head().checkpoint;
      time = newest;
      const digests = await Promise.all(Array.from({ length: size }, (_, i) => log.entryAt(i)));
      entries = digests.map(numberOf);
      if (new Set(entries).size !== size) wrong.push(`an entry is there twice: ${entries.join()}`);
      wrong.push(...(await this.#checkEntries(log, entries)));
      const checkpoints = await keptBy(log, size);
      wrong.push(...(await this.#checkCheckpoints(checkpoints)));
      await this.#checkReceipts(log, entries, checkpoints);
      wrong.push(...(await this.#checkRefusal(log, status)));
    } catch (error) {
      wrong.push(`a read failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    return { entries, time, wrong };
  }

  async #checkEntries(log: Log, entries: readonly number[]): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const entry of this.#known) {
      const placement = await log.lookup(digestOf(entry));
      const index = entries.indexOf(entry);
      if ((placement?.index ?? -1) !== index) {
        wrong.push(`entry ${entry} is looked up at ${placement?.index ?? -1}, is at ${index}`);
      }
      if (index < 0) continue;
      const { body, collateral } = requestFor(entry);
      if (placement === undefined || !isEqual(placement.collateral, collateral)) {
        wrong.push(`entry ${entry} has other collateral`);
      }
      if (!isEqual(await log.body(digestOf(entry)), body)) wrong.push(`body of entry ${entry}`);
    }
    return wrong;
  }

  async #checkCheckpoints(kept: readonly SignedCheckpoint[]): Promise<readonly string[]> {
    const wrong: string[] = [];
    let before = 0;
    for (const signed of kept) {
      const { size, time } = signed.checkpoint;
      if (time < before) wrong.push(`checkpoint ${size} is older than the one before`);
      before = time;
      const encoded = signed.encode();
      await this.#once(encoded, () => SignedCheckpoint.verify(encoded, this.#key));
    }
    return wrong;
  }

  /** Every receipt that can be had: each entry under each kept size, each kept size under each. */
  async #checkReceipts(
    log: Log,
    entries: readonly number[],
    kept: readonly SignedCheckpoint[],
  ): Promise<void> {
    const key = this.#key;
    for (const { checkpoint: under } of kept.filter(({ checkpoint }) => checkpoint.size > 1)) {
      for (const entry of entries.slice(0, under.size).map(digestOf)) {
        const receipt = await log.inclusionReceipt(entry, under.size);
        await this.#once(receipt, async () => {
          const verified = await VerifiedInclusion.verify(Receipt.decode(receipt), { entry, key });
          requireSame(verified.root, under.root, "receipt of inclusion");
        });
      }
      for (const { checkpoint: old } of kept.filter(
        ({ checkpoint }) => checkpoint.size < under.size,
      )) {
        const receipt = await log.consistencyReceipt(old.size, under.size);
        await this.#once(receipt, async () => {
          const decoded = Receipt.decode(receipt);
          const verified = await VerifiedConsistency.verify(decoded, { old, key });
          requireSame(verified.newRoot, under.root, "receipt of consistency");
        });
      }
    }
  }

  /** A log that takes nothing says so, with the code of its standing. */
  async #checkRefusal(log: Log, status: Status): Promise<readonly string[]> {
    if (status.kind === "writer" || status.kind === "down") return [];
    const want = status.kind === "reader" ? status.code : "LOG_UNAVAILABLE";
    try {
      await log.append(requestFor(NEVER_LOGGED));
      return [`a log that is ${want} took an entry`];
    } catch (error) {
      return codeOf(error) === want ? [] : [`refused with ${codeOf(error)}, want ${want}`];
    }
  }

  async #once(bytes: Uint8Array, verify: () => Promise<unknown>): Promise<void> {
    const name = Buffer.from(bytes).toString("base64");
    if (this.#verified.has(name)) return;
    await verify();
    this.#verified.add(name);
  }
}

async function keptBy(log: Log, size: number): Promise<readonly SignedCheckpoint[]> {
  const kept: SignedCheckpoint[] = [];
  for (let at = 1; at <= size; at++) {
    try {
      kept.push(await log.checkpointAt(at));
    } catch (error) {
      if (codeOf(error) !== "LOG_SIZE_UNKNOWN") throw error;
    }
  }
  return kept;
}

function requireSame(a: Uint8Array, b: Uint8Array, what: string): void {
  if (!isEqual(a, b)) throw new Error(`${what} leads to another root`);
}
