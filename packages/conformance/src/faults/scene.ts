import { cp, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Chance } from "./chance.js";
import { describeEnd, wasKilled } from "./command.js";
import type { CommandOptions, Outcome } from "./command.js";
import type { Lane } from "./lanes.js";
import type { LoadReport } from "./load.js";
import type { Ground, Serving, Site, Start } from "./site.js";
import type { SmallDisk } from "./small-disk.js";

const CLOCK = pathToFileURL(join(import.meta.dirname, "stepped-clock.js")).href;

/** Acknowledged before the copy that a rollback puts back, and again after it. */
const GROWTH = { count: 8, atOnce: 2, maxBytes: 2000 };

/** Registers nothing only where there is no room at all: a disk is to be found full by the writes. */
const ANY_ROOM = ["--min-free-mib", "0"];

/** What a service keeps apart, so that each can be set back without the other. */
export type Part = "log" | "anchor";

/** What a scene is made from. */
export interface Setting {
  readonly ground: Ground;
  readonly lane: Lane;
  readonly chance: Chance;
  /** In a folder of the ground; without, the service shares the disk of that. */
  readonly disk?: SmallDisk | undefined;
  /** Longest time for a process, in milliseconds; as for any command unless given. */
  readonly limitMs?: number;
}

/** One service, what has befallen it so far, and what that explains. */
export class Scene {
  readonly site: Site;
  readonly lane: Lane;
  readonly chance: Chance;
  /** The service as it was in the middle of its growth. */
  readonly older: Site;
  /** Set where the service has a disk of its own. */
  readonly disk: SmallDisk | undefined;
  /** What was acknowledged when the older copy was taken, by EntryID. */
  readonly remembered: readonly string[];
  readonly problems: string[] = [];
  /** What a service may say that refuses, by the faults that struck it. */
  readonly excuses: RegExp[] = [];
  /** Seconds that the clock of the machine is off. */
  clockOffset = 0;
  /** Whether its files were tampered with, so that it may answer 5xx. */
  isDamaged = false;
  readonly #ground: Ground;
  readonly #limit: Pick<CommandOptions, "limitMs">;
  // Owned by rollBack, loseAnchor and mend.
  readonly #replaced = new Set<Part>();
  #spare: { readonly site: Site; readonly acknowledged: number } | undefined;

  private constructor(
    { ground, lane, chance, disk, limitMs }: Setting,
    made: Pick<Scene, "site" | "older" | "remembered">,
  ) {
    this.#ground = ground;
    this.#limit = limitMs === undefined ? {} : { limitMs };
    this.lane = lane;
    this.chance = chance;
    this.site = made.site;
    this.disk = disk;
    this.remembered = made.remembered;
    this.older = made.older;
  }

  /** Makes a service with entries on both sides of an older copy of it. */
  static async make(setting: Setting): Promise<Scene> {
    const { ground, lane, disk } = setting;
    const place = disk === undefined ? undefined : `${basename(disk.path)}/service`;
    const site = await (place === undefined ? ground.copy() : ground.copyTo(place));
    await grow(site, lane);
    const older = await ground.copy(site);
    const acknowledged = await lane.oracle.ask("recall", null);
    await grow(site, lane);
    const remembered = acknowledged.map(([entryId]) => entryId);
    return new Scene(setting, { site, older, remembered });
  }

  /** Whether both parts were set back, so that it may be that the service alone cannot tell. */
  get mayFork(): boolean {
    return this.#replaced.size === 2;
  }

  /** How many statements the oracle holds an acknowledgement of. */
  async acknowledged(): Promise<number> {
    return (await this.lane.oracle.ask("recall", null)).length;
  }

  /** Starts the server under the clock of the scene; `env` and `under` are for faults. */
  start(options: CommandOptions = {}, ...args: readonly string[]): Promise<Start> {
    return this.site.start(this.underClock(options), ...ANY_ROOM, ...args);
  }

  /** Yields the options with which a command reads the clock of the scene, within its limit. */
  underClock({ env, ...rest }: CommandOptions = {}): CommandOptions {
    const clock = {
      NODE_OPTIONS: `--import=${CLOCK}`,
      TALLYSTICK_CLOCK_OFFSET: String(this.clockOffset),
    };
    return { ...this.#limit, ...rest, env: { ...clock, ...env } };
  }

  /** Sends statements until so many were sent or nobody answers any more. */
  async load({ url }: Serving, count: number, bytes = 2000): Promise<LoadReport> {
    const atOnce = 1 + this.chance.below(8);
    const load = { url, count, atOnce, minBytes: 1, maxBytes: bytes };
    const report = await this.lane.oracle.ask("load", load);
    // After a fork, contradictions are what has to be found.
    if (!this.mayFork) this.blame("load", report.problems);
    return report;
  }

  /** Keeps what is wrong. */
  blame(when: string, problems: readonly string[]): void {
    this.problems.push(...problems.map((problem) => `${when}: ${problem}`));
  }

  /** Holds the end of a server against the ends there may be. */
  end(when: string, outcome: Outcome): void {
    const { code, signal, stderr } = outcome;
    const isSeemly = wasKilled(outcome) || code === 0 || code === 70;
    // LevelDB ends the process over some damage to a table; nothing was served of it.
    if (this.isDamaged && signal === "SIGABRT" && /leveldb.*Assertion/s.test(stderr)) return;
    if (isSeemly || (code === 2 && this.explains(stderr))) return;
    this.blame(when, [describeEnd(outcome)]);
  }

  /** Whether a fault that struck explains what a service says that refuses. */
  explains(says: string): boolean {
    return this.excuses.some((excuse) => excuse.test(says));
  }

  /** Keeps a copy of the newest state, unless there is one from before an earlier change by hand. */
  async keepSpare(): Promise<void> {
    this.#spare ??= {
      site: await this.#ground.copy(this.site),
      acknowledged: await this.acknowledged(),
    };
  }

  /** Puts the part of the older copy in the place of the newer one. */
  async rollBack(part: Part): Promise<void> {
    await this.keepSpare();
    this.#replaced.add(part);
    await this.exchange(this.older, part);
  }

  /** Puts parts of another service in the place of its own, and keeps no account of it. */
  async exchange(from: Site, ...parts: readonly Part[]): Promise<void> {
    for (const part of parts) {
      await rm(this.site.at(part), { recursive: true, force: true });
      await cp(from.at(part), this.site.at(part), { recursive: true });
    }
  }

  /** Takes the anchor away, so that only the log says how far it goes. */
  async loseAnchor(): Promise<void> {
    await this.keepSpare();
    this.#replaced.add("anchor");
    await rm(this.site.at("anchor"), { force: true });
  }

  /** Puts the newest copy back, as who has one would; not if more was acknowledged since. */
  async mend(): Promise<boolean> {
    const spare = this.#spare;
    if (spare?.acknowledged !== (await this.acknowledged())) return false;
    await this.exchange(spare.site, "log", "anchor");
    this.#replaced.clear();
    this.isDamaged = false;
    return true;
  }

  async remove(): Promise<void> {
    await this.site.remove();
    await this.older.remove();
    await this.#spare?.site.remove();
  }
}

async function grow(site: Site, { bench, oracle }: Lane): Promise<void> {
  const { url, stderr } = await bench.start(site.path, ...ANY_ROOM);
  if (url === undefined) throw new Error(stderr);
  const { acknowledged } = await oracle.ask("load", { ...GROWTH, url });
  await bench.stop();
  if (acknowledged !== GROWTH.count) throw new Error(`${acknowledged} of ${GROWTH.count} taken`);
}
