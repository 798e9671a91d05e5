import type { Signer } from "@tallystick/cose";
import { leafHash, treeRoot } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";

import { LogError } from "../error.js";
import { isEqual } from "../layout.js";
import { Log } from "../log.js";
import type { SequencedEntry } from "../sequenced.js";
import type { CommitStep } from "../step.js";
import { ISSUER, LOG_ID, ORIGIN } from "./bench.js";
import type { Parts } from "./broken.js";
import { type ChoicePoint, Choices } from "./choice.js";
import { Disk, DiskAnchor, type DiskFaults } from "./disk.js";
import { digestOf, GENESIS, numberOf, requestFor } from "./entries.js";
import { type AnchorFiles, idOf, type Site } from "./image.js";

/** What a process is asked to do. Entries are numbers, as in {@link request}; -1 is the genesis. */
export type Action =
  /** Start: create the log in an empty store, open it otherwise. */
  | { readonly kind: "boot" }
  /** Submit entries in one breath; `during` is submitted when the write of the first is begun. */
  | { readonly kind: "submit"; readonly entries: readonly number[]; readonly during?: number }
  | { readonly kind: "freeze" }
  /** Ask for what there is about an entry, from a disk that may fail meanwhile. */
  | { readonly kind: "read"; readonly entry: number }
  /** Close in good order. */
  | { readonly kind: "stop" };

/** How a process stands when nothing is under way in it. */
export type Status =
  | { readonly kind: "writer" }
  | { readonly kind: "reader"; readonly code: string }
  /** Stopped by a failure, and about to end. */
  | { readonly kind: "dead" }
  /** There is none: it crashed, was stopped, or would not start. */
  | { readonly kind: "down"; readonly why: string };

/** A checkpoint that somebody outside has seen. */
export interface Released {
  /** The same for the same bytes. */
  readonly id: string;
  readonly size: number;
  readonly time: number;
  /** The entries under it, by number. */
  readonly entries: readonly number[];
}

/** An entry that was answered for. */
export interface Acknowledged {
  readonly entry: number;
  readonly index: number;
  readonly isDuplicate: boolean;
  readonly checkpoint: SignedCheckpoint;
}

/** What came of an action. */
export interface Outcome {
  readonly points: readonly ChoicePoint[];
  readonly status: Status;
  /** What became durable, in order, and last what is. */
  readonly trail: readonly Site[];
  readonly site: Site;
  readonly released: readonly Released[];
  readonly acknowledged: readonly Acknowledged[];
  /** Codes by entry, of those that were refused. */
  readonly refused: readonly { readonly entry: number; readonly code: string }[];
  readonly isFrozen: boolean;
  /** What no process may do, whatever befalls it. */
  readonly wrong: readonly string[];
}

/** An action and the choices it went by. */
export interface Step {
  readonly action: Action;
  readonly points: readonly ChoicePoint[];
}

/** The surroundings of every process. */
export interface Bench {
  readonly signer: Signer;
  readonly files: AnchorFiles;
  readonly faults: DiskFaults & { readonly steps: boolean };
  /** Puts something between the log and its disk: a way to break the log, for tests of the tests. */
  readonly break?: (parts: Parts) => Parts | Promise<Parts>;
}

// An entry that is not there, under a reader of an older store, is no failure either.
const FAILED_READS = ["LOG_UNAVAILABLE", "LOG_ENTRY_NOT_FOUND", "LOG_RECEIPT_UNAVAILABLE"];
const STEP_FAULTS = ["error", "crash"];

/** One process, from its start to its end, over a simulated disk; the log in it is the real one. */
export class Incarnation {
  readonly #bench: Bench;
  readonly disk: Disk;
  #choices: Choices = new Choices();
  // Owned by #boot.
  #log: Log | undefined;
  #settled: Parts["settled"];
  #fatal: LogError | undefined;
  #down: string | undefined;
  #head: SignedCheckpoint | undefined;
  // Owned by perform: what is noted of the action under way.
  #released: Released[] = [];
  #acknowledged: Acknowledged[] = [];
  #refused: { entry: number; code: string }[] = [];
  #wrong: string[] = [];
  #isFrozen = false;

  constructor(bench: Bench, site: Site) {
    this.#bench = bench;
    this.disk = new Disk(site, this.#choices, bench.faults);
  }

  /** The log, once it is open. */
  get log(): Log | undefined {
    return this.#log;
  }

  /** Names the checkpoint that is published, which in a dead process may not be the stored one. */
  get shown(): string {
    return this.#head === undefined ? "" : idOf([this.#head.encode()]);
  }

  /** Does what was done before. */
  async replay(steps: readonly Step[]): Promise<void> {
    for (const { action, points } of steps) await this.perform(action, new Choices(points));
  }

  /** Does an action, and yields what came of it once nothing is under way or the process is gone. */
  async perform(action: Action, choices: Choices): Promise<Outcome> {
    this.#begin(choices);
    const work = this.#act(action).catch((error: unknown) => {
      this.#wrong.push(`${action.kind} threw ${String(error)}`);
    });
    await Promise.race([work.then(() => this.#settled?.()), this.disk.gone]);
    // Whatever needs the disk no more comes to its end, as it may in a process about to be killed.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#observe();
    choices.requireSame();
    if (this.disk.strayWrites > 0) this.#wrong.push("a write was begun after one had failed");
    return {
      points: choices.points,
      status: this.#status(),
      trail: this.disk.trail,
      site: this.disk.site,
      released: this.#released,
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      isFrozen: this.#isFrozen,
      wrong: this.#wrong,
    };
  }

  #begin(choices: Choices): void {
    this.#choices = choices;
    this.disk.turn(choices);
    this.disk.onPoint = () => this.#observe();
    this.#released = [];
    this.#acknowledged = [];
    this.#refused = [];
    this.#wrong = [];
    this.#isFrozen = false;
  }

  #status(): Status {
    if (this.disk.isGone) return { kind: "down", why: "crashed" };
    if (this.#down !== undefined) return { kind: "down", why: this.#down };
    if (this.#fatal !== undefined || this.#log === undefined) return { kind: "dead" };
    const standing = this.#log.standing();
    return standing.kind === "writer" ? standing : { kind: "reader", code: standing.code };
  }

  async #act(action: Action): Promise<void> {
    switch (action.kind) {
      case "boot":
        return this.#boot();
      case "submit":
        return this.#submitAll(action.entries, action.during);
      case "freeze":
        return this.#freeze();
      case "read":
        return this.#read(action.entry);
      case "stop":
        await this.#log?.close();
        this.#down = "stopped";
    }
  }

  async #boot(): Promise<void> {
    const isNew = this.disk.site.store.size === 0;
    try {
      const opened = await DiskAnchor.open(this.disk, this.#bench.files);
      const whole: Parts = { store: this.disk, anchor: opened };
      const parts = (await this.#bench.break?.(whole)) ?? whole;
      this.#settled = parts.settled;
      const options = {
        store: parts.store,
        anchor: parts.anchor,
        issuer: ISSUER,
        origin: ORIGIN,
        signer: this.#signer(),
        now: () => this.disk.site.clock,
        onFatal: (error: LogError) => {
          this.#fatal = error;
        },
        ...(this.#bench.faults.steps ? { onStep: (step: CommitStep) => this.#reach(step) } : {}),
      };
      this.#log = isNew
        ? await Log.create(options, { ...requestFor(GENESIS), control: true }, LOG_ID)
        : await Log.open(options);
    } catch (error) {
      this.#down = codeOf(error);
      if (!(error instanceof Error)) throw error;
      if (error.message !== "EIO" && this.#down === "") throw error;
    }
  }

  #signer(): Signer {
    const { signer } = this.#bench;
    if (!this.#bench.faults.steps) return signer;
    return {
      algorithm: signer.algorithm,
      publicKey: signer.publicKey,
      sign: async (message) => {
        await this.disk.fail("signature", ["error"]);
        return signer.sign(message);
      },
    };
  }

  #reach({ name, size }: CommitStep): Promise<void> {
    return this.disk.fail(`step ${name} of size ${size}`, STEP_FAULTS);
  }

  async #submitAll(entries: readonly number[], during: number | undefined): Promise<void> {
    const answers: Promise<void>[] = [];
    if (during !== undefined) {
      let isBegun = false;
      this.disk.onPoint = async (label) => {
        await this.#observe();
        if (isBegun || !label.startsWith("write")) return;
        isBegun = true;
        answers.push(this.#submit(during));
      };
    }
    answers.push(...entries.map((entry) => this.#submit(entry)));
    // The one submitted during the write joins them on the way.
    for (const answer of answers) await answer;
  }

  async #submit(entry: number): Promise<void> {
    const log = this.#log;
    if (log === undefined) throw new Error("no log to submit to");
    let sequenced: SequencedEntry;
    try {
      sequenced = await log.append(requestFor(entry));
    } catch (error) {
      this.#refused.push({ entry, code: codeOf(error) });
      return;
    }
    const { index, isDuplicate, checkpoint } = sequenced;
    this.#acknowledged.push({ entry, index, isDuplicate, checkpoint });
  }

  async #freeze(): Promise<void> {
    try {
      await this.#log?.freeze("the model says so");
      this.#isFrozen = true;
    } catch (error) {
      this.#refused.push({ entry: GENESIS, code: codeOf(error) });
    }
  }

  /** A read that fails says so, and changes nothing for the log; {@link Painter} holds the others. */
  async #read(entry: number): Promise<void> {
    const log = this.#log;
    const digest = digestOf(entry);
    const reads = [
      () => log?.lookup(digest),
      () => log?.body(digest),
      () => log?.inclusionReceipt(digest),
    ];
    for (const read of reads) {
      try {
        await read();
      } catch (error) {
        const code = codeOf(error);
        if (FAILED_READS.includes(code)) continue;
        this.#wrong.push(`a read failed with ${code}`);
      }
    }
    if (this.#fatal !== undefined) this.#wrong.push("a failed read stopped the log");
  }

  /** Looks at the published checkpoint as anybody can at any time. */
  async #observe(): Promise<void> {
    const log = this.#log;
    const head = log?.head();
    if (log === undefined || head === undefined || head === this.#head) return;
    this.#head = head;
    const { size, root, time } = head.checkpoint;
    // All in memory, as long as the tree fits one bundle: no read gets in between.
    const digests = await Promise.all(Array.from({ length: size }, (_, i) => log.entryAt(i)));
    if (!isEqual(treeRoot(digests.map(leafHash)), root)) {
      this.#wrong.push(`the entries shown do not lead to the root of size ${size}`);
    }
    const entries = digests.map(numberOf);
    this.#released.push({ id: idOf([head.encode()]), size, time, entries });
  }
}

/** Yields the code of an error, its message if it has none. */
export function codeOf(error: unknown): string {
  if (error instanceof LogError) return error.code;
  return error instanceof Error ? error.message : String(error);
}
