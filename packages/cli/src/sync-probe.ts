import { rm } from "node:fs/promises";
import { join } from "node:path";

import { tellSync } from "./checkup.js";
import type { ServiceDirectory } from "./directory.js";
import { describeError } from "./exit.js";
import type { Output } from "./output.js";
import { timeSyncs } from "./probe.js";

/** One name, so that what a kill leaves behind is there once, and gone after the next start. */
const FILE = ".sync-probe";

/**
 * Times a few synced writes beside the log, once a server has started: a disk that ignores syncs, or
 * takes very long for them, is told of early. What it finds stops nothing.
 */
export class SyncProbe {
  readonly #path: string;
  readonly #writes: number;
  // Owned by #run.
  #seconds: number | undefined;
  #ended: Promise<void> = Promise.resolve();

  /** The server has to hold the lock of the directory. Nothing is written with 0 `writes`. */
  constructor({ logPath }: Pick<ServiceDirectory, "logPath">, writes: number) {
    this.#path = join(logPath, FILE);
    this.#writes = writes;
  }

  /** Median time of a synced write, `undefined` until it is known. */
  get seconds(): number | undefined {
    return this.#seconds;
  }

  /** Begins; `voice` is told what an operator should know, and that a probe failed. */
  begin(voice: Pick<Output, "note"> | undefined): void {
    if (this.#writes > 0) this.#ended = this.#run(voice);
  }

  /** Resolves once nothing is written any more. */
  ended(): Promise<void> {
    return this.#ended;
  }

  async #run(voice: Pick<Output, "note"> | undefined): Promise<void> {
    try {
      const { p50Ms, p99Ms, overIdleMs } = await timeSyncs(this.#path, this.#writes);
      this.#seconds = p50Ms / 1000;
      // Of a few writes one may wait for whatever else the start has set going.
      const { verdict, detail } = tellSync({ p99Ms: p50Ms, overIdleMs });
      const times = `${this.#writes} synced writes took ${p50Ms} ms, ${p99Ms} at most`;
      if (verdict !== "good") voice?.note(`tally: ${times}${detail}`);
    } catch (error) {
      voice?.note(`tally: ${describeError(error, "no synced write could be timed")}`);
    } finally {
      await rm(this.#path, { force: true }).catch(() => undefined);
    }
  }
}
