import { decodeHex, encodeHex } from "@tallystick/cose";

import { type Anchor, type AnchorRecord, type AnchorState, missingAnchor } from "../anchor.js";
import type { AnchorContent } from "../anchor-record.js";
import { LogError } from "../error.js";
import { formatKey } from "../layout.js";
import type { KeyRange, Row, Store } from "../store.js";
import type { Choices } from "./choice.js";
import type { Frozen } from "../record.js";
import type { AnchorAppend, AnchorFiles, AnchorImage, OpenedAnchor, Site } from "./image.js";

/**
 * How an operation ends.
 *
 * - `lost`: nothing is persisted, and it says so.
 * - `kept`: everything is persisted, and it reports failure all the same.
 * - `crash before`, `crash after`: the process is gone before, or after, it is persisted.
 * - `error`: a read fails.
 * - `torn`, `torn late`, `blank`: the process is gone with a part of the anchor's record written, or
 *   with nothing but the file's new length.
 * - `torn error`: the same, and reported as a failure.
 * - `cut`: the process is gone when a torn record is cut off and nothing is in its place.
 */
export type Ending =
  | "ok"
  | "lost"
  | "kept"
  | "crash before"
  | "crash after"
  | "error"
  | "torn"
  | "torn late"
  | "blank"
  | "torn error"
  | "cut";

const READ: readonly Ending[] = ["ok", "error", "crash before"];
const WRITE: readonly Ending[] = ["ok", "lost", "kept", "crash before", "crash after"];
const APPEND: readonly Ending[] = [...WRITE, "torn", "torn late", "blank", "torn error"];

/** Which endings are possible, beside those of writes and appends. */
export interface DiskFaults {
  /** Whether reads fail. */
  readonly reads: boolean;
  /** Whether writes and appends fail and the process lives; if not, it crashes in them. */
  readonly errors: boolean;
}

/**
 * A simulated disk under one process: a store and the file of an anchor, whose every operation is a
 * choice. What is durable is in {@link Disk.site}; the process that has crashed gets no answer to
 * anything any more.
 */
export class Disk implements Store {
  // Owned by persist.
  #site: Site;
  #trail: Site[] = [];
  #choices: Choices;
  readonly #faults: DiskFaults;
  // Owned by the run, which looks at the log in quiet.
  isQuiet = false;
  /** Called at each choice, before it is made. */
  onPoint: (label: string) => Promise<void> = () => Promise.resolve();
  #isGone = false;
  #isOpen = true;
  #leave: () => void = () => undefined;
  /** Resolves at a crash. */
  readonly gone: Promise<void> = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });
  #hasFailed = false;
  #strayWrites = 0;

  constructor(site: Site, choices: Choices, faults: DiskFaults) {
    this.#site = site;
    this.#choices = choices;
    this.#faults = faults;
  }

  /** What a restart would find. */
  get site(): Site {
    return this.#site;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** How many writes were begun after one that had failed; there must be none (I7). */
  get strayWrites(): number {
    return this.#strayWrites;
  }

  /** Makes the choices of what follows from other ones; yields what became durable under the last. */
  turn(choices: Choices): readonly Site[] {
    const trail = this.#trail;
    this.#trail = [];
    this.#choices = choices;
    return trail;
  }

  /** What became durable since the last turn, in order. */
  get trail(): readonly Site[] {
    return this.#trail;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#read(formatKey(key));
    return this.#value(key);
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#read(keys.map(formatKey).join(", "));
    return keys.map((key) => this.#value(key));
  }

  async *keys(range: KeyRange): AsyncIterable<Uint8Array> {
    await this.#read(`keys from ${encodeHex(range.from)}`);
    const from = encodeHex(range.from);
    const before = encodeHex(range.before);
    const keys = [...this.#site.store.rows.keys()].filter((key) => from <= key && key < before);
    keys.sort();
    if (range.isReversed === true) keys.reverse();
    for (const key of keys.slice(0, range.limit)) yield decodeHex(key);
  }

  async write(rows: readonly Row[]): Promise<void> {
    const store = this.#site.store.with(rows);
    const ending = await this.reach(`write of size ${store.size}`, WRITE);
    if (isPersisted(ending)) this.persist({ ...this.#site, store });
    await this.settle(ending);
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  /** Makes a choice; never resolves once the process is gone. */
  async reach(label: string, endings: readonly Ending[]): Promise<string> {
    if (this.#isGone) await never();
    if (!this.#isOpen) throw new LogError("LOG_UNAVAILABLE", "the store is closed");
    if (this.isQuiet) return "ok";
    await this.onPoint(label);
    if (endings.includes("lost") && this.#hasFailed) this.#strayWrites++;
    return this.#choices.take(label, this.#faults.errors ? endings : endings.filter(isNoError));
  }

  /** Makes a choice of the log's other surroundings, between `ok` and ways to fail. */
  async fail(label: string, how: readonly string[]): Promise<void> {
    if (this.#isGone) await never();
    if (this.isQuiet) return;
    await this.onPoint(label);
    await this.settle(this.#choices.take(label, ["ok", ...how]));
  }

  persist(site: Site): void {
    this.#site = site;
    this.#trail.push(site);
  }

  /** Ends an operation as chosen. */
  async settle(ending: string): Promise<void> {
    switch (ending) {
      case "ok":
        return;
      case "error":
        throw new Error("EIO");
      case "lost":
      case "kept":
      case "torn error":
        this.#hasFailed = true;
        throw new Error("EIO");
      default:
        this.#isGone = true;
        this.#leave();
        await never();
    }
  }

  #value(key: Uint8Array): Uint8Array | undefined {
    return this.#site.store.rows.get(encodeHex(key))?.slice();
  }

  async #read(what: string): Promise<void> {
    await this.settle(await this.reach(`read of ${what}`, this.#faults.reads ? READ : ["ok"]));
  }
}

/** The anchor on a {@link Disk}, in the format of the real one. */
export class DiskAnchor implements Anchor {
  readonly #disk: Disk;
  readonly #files: AnchorFiles;
  // Owned by append.
  #newest: AnchorRecord | undefined;
  #frozen: Frozen | undefined;
  #state: AnchorState;

  private constructor(disk: Disk, files: AnchorFiles, opened: OpenedAnchor) {
    this.#disk = disk;
    this.#files = files;
    this.#newest = opened.newest;
    this.#frozen = opened.frozen;
    this.#state = opened.state;
  }

  /** Opens the anchor as `tally serve` does; one that is missing beside an empty store is made. */
  static async open(disk: Disk, files: AnchorFiles): Promise<Anchor> {
    await disk.fail("open of the anchor", ["error", "crash before"]);
    if (disk.site.anchor.bytes === undefined) {
      if (disk.site.store.size > 0) return missingAnchor();
      disk.persist({ ...disk.site, anchor: await files.create() });
    }
    return new DiskAnchor(disk, files, await files.open(disk.site.anchor));
  }

  get newest(): AnchorRecord | undefined {
    return this.#newest;
  }

  get frozen(): Frozen | undefined {
    return this.#frozen;
  }

  get state(): AnchorState {
    return this.#state;
  }

  async append(record: AnchorRecord): Promise<void> {
    await this.#add(record, `anchor append of size ${record.size}`);
    this.#newest = record;
  }

  async appendFreeze(frozen: Frozen): Promise<void> {
    await this.#add(frozen, "anchor append of a freeze");
    this.#frozen = frozen;
  }

  renew(): Promise<void> {
    return this.#disk.fail("renewal of the anchor", ["error", "crash before"]);
  }

  async #add(content: AnchorContent, label: string): Promise<void> {
    const next = await this.#files.append(this.#disk.site.anchor, content);
    const endings = this.#state === "torn" ? [...APPEND, "cut" as const] : APPEND;
    const ending = await this.#disk.reach(label, endings);
    const anchor = imageAfter(ending, next);
    if (anchor !== undefined) this.#disk.persist({ ...this.#disk.site, anchor });
    await this.#disk.settle(ending);
    this.#state = "whole";
  }

  async *records(): AsyncIterable<AnchorRecord> {
    await this.#disk.fail("read of the anchor", ["error", "crash before"]);
    yield* (await this.#files.open(this.#disk.site.anchor)).records;
  }

  async *newestFirst(): AsyncIterable<AnchorRecord> {
    await this.#disk.fail("read of the anchor", ["error", "crash before"]);
    yield* [...(await this.#files.open(this.#disk.site.anchor)).records].reverse();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function imageAfter(ending: string, next: AnchorAppend): AnchorImage | undefined {
  if (isPersisted(ending)) return next.whole;
  switch (ending) {
    case "torn":
    case "torn error":
      return next.torn;
    case "torn late":
      return next.tornLate;
    case "blank":
      return next.blank;
    case "cut":
      return next.cut;
    default:
      return undefined;
  }
}

function isPersisted(ending: string): boolean {
  return ending === "ok" || ending === "kept" || ending === "crash after";
}

function isNoError(ending: Ending): boolean {
  return !["lost", "kept", "torn error"].includes(ending);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
