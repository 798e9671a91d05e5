import { setTimeout as sleep } from "node:timers/promises";

import { encodeHex, formatThumbprint } from "@tallystick/cose";
import type { LogProblem, Scrub, ScrubAges } from "@tallystick/log";

import { type ControlAnswer, type ControlRequest, ControlSocket } from "./control.js";
import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { describeError } from "./exit.js";
import type { OpenedService } from "./opening.js";
import type { Output } from "./output.js";
import { backUp } from "./safekeeping.js";

/** What {@link Upkeep} needs. */
export interface UpkeepOptions {
  readonly directory: ServiceDirectory;
  readonly opened: OpenedService;
  /** Told what an operator should know. */
  readonly output: Pick<Output, "note">;
  /** Entries that the scrub reads in a second; none runs at 0. */
  readonly scrubRate: number;
  readonly scrubPauseSeconds: number;
}

const MAX_WHY = 1000;

/** What a server does besides answering requests: it scrubs its log, and takes orders on its socket. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #scrub: Scrub | undefined;
  readonly #abort = new AbortController();
  // Owned by start.
  #control: ControlSocket | undefined;
  // Owned by #backUp.
  #isBackingUp = false;

  private constructor(options: UpkeepOptions, makeScrub: (options: UpkeepOptions) => Scrub) {
    this.#options = options;
    this.#scrub = options.scrubRate > 0 ? makeScrub(options) : undefined;
  }

  /** Yields the upkeep of an opened service, not begun. */
  static async of(options: UpkeepOptions): Promise<Upkeep> {
    const { Scrub } = await import("@tallystick/log");
    return new Upkeep(options, (given) => new Scrub(scrubOptions(given)));
  }

  /** How old the last whole passes of the scrub are; `undefined` without one. */
  get ages(): (() => ScrubAges) | undefined {
    const scrub = this.#scrub;
    return scrub && (() => scrub.ages());
  }

  /** Begins to scrub and to listen. Without a socket the service runs all the same, and says so. */
  async start(): Promise<void> {
    const { directory, output } = this.#options;
    try {
      this.#control = await ControlSocket.open(directory.path, (request) => this.#obey(request));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      output.note(`tally: ${describeError(error, "no backup or freeze while this server runs")}`);
    }
    this.#scrub?.start();
  }

  /** Ends both; a backup under way is given up. To be awaited before the service is closed. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all([this.#control?.close(), this.#scrub?.stop()]);
  }

  #obey(request: ControlRequest): Promise<ControlAnswer> {
    switch (request.do) {
      case "status":
        return Promise.resolve(this.#status());
      case "backup":
        return this.#backUp(request.file);
      case "freeze":
        return this.#freeze(request.why);
    }
  }

  #status(): ControlAnswer {
    const { service } = this.#options.opened;
    const { size, root, time } = service.log.head().checkpoint;
    const [key] = service.keys;
    return {
      pid: process.pid,
      size,
      root: encodeHex(root),
      time,
      thumbprint: key === undefined ? null : formatThumbprint(key),
      standing: service.standing(),
      scrub: this.#scrub?.ages() ?? null,
    };
  }

  async #backUp(file: string): Promise<ControlAnswer> {
    if (this.#isBackingUp) throw new CliError("CLI_DIRECTORY_IN_USE", "a backup is under way");
    this.#isBackingUp = true;
    const { directory, opened, output } = this.#options;
    try {
      // Only what is published: the head in the store may be one step ahead of it.
      const { size } = opened.service.log.head().checkpoint;
      const { store, space } = opened;
      const { signal } = this.#abort;
      const summary = await backUp(directory, { store, space, file, size, signal });
      output.note(`backed up ${summary.size} entries to ${file}`);
      return { ...summary };
    } finally {
      this.#isBackingUp = false;
    }
  }

  async #freeze(why: string): Promise<ControlAnswer> {
    if (why.length === 0 || why.length > MAX_WHY) throw new CliError("CLI_USAGE", "no such reason");
    const { opened, output } = this.#options;
    const { log } = opened.service;
    await log.freeze(why);
    const standing = log.standing();
    output.note(`tally: read-only from here on: ${"reason" in standing ? standing.reason : why}`);
    const { size, root } = log.head().checkpoint;
    return { size, root: encodeHex(root), reason: "reason" in standing ? standing.reason : why };
  }
}

function scrubOptions(options: UpkeepOptions): ConstructorParameters<typeof Scrub>[0] {
  const { opened, output, scrubRate, scrubPauseSeconds } = options;
  const { service, store, anchor, space } = opened;
  const { keys: key } = service;
  return {
    ...{ store, anchor, space, key, log: service.log },
    entriesPerSecond: scrubRate,
    pauseSeconds: scrubPauseSeconds,
    now: () => Math.floor(Date.now() / 1000),
    // Does not keep the process alive; aborted, it just ends.
    wait: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
    onFailure: (error) => {
      output.note(`tally: ${describeError(error, "the scrub could not go on, it tries again")}`);
    },
    onSuspicion: (problems) => {
      output.note(`tally: the scrub found something, it looks again: ${describe(problems)}`);
    },
    onProblem: async (problems) => {
      const what = describe(problems);
      output.note(`tally: the scrub found damage: ${what}`);
      // I8: a log that is damaged takes no more entries, whatever else goes on.
      if (service.standing().kind === "writer") {
        await service.log.freeze(`scrub: ${what}`.slice(0, MAX_WHY));
        output.note("tally: read-only from here on; stop the server and run tally fsck");
      }
    },
  };
}

function describe(problems: readonly LogProblem[]): string {
  const [first] = problems;
  if (first === undefined) return "nothing";
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
  return `${first.kind}: ${first.where}: ${first.detail}${more}`;
}
