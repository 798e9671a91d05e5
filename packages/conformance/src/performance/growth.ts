import { join } from "node:path";

import { Child } from "./child.js";
import { measureLimit } from "./limit.js";
import { putLoad } from "./load.js";
import { makeLoaded, hasLoader } from "./loaded.js";
import { usageOf } from "./meter.js";
import { measureReading } from "./reading.js";
import type { ReadFigures } from "./reading.js";
import { WARM_UP, receiptBytesAt } from "./registration.js";
import type { Bench } from "./registration.js";
import type { Scene, Served } from "./scene.js";
import { makeStatements } from "./statements.js";
import { median } from "./tally.js";

/** What a service does whose log has some size. */
export interface SizeFigures {
  /** Entries that the log was filled with. */
  readonly size: number;
  /** Medians over the turns of registering, one by one, ES256, 1 KiB. */
  readonly perSecond: number;
  readonly cpuUs: number;
  /** Bytes written to disk for each registration. */
  readonly writtenBytes: number;
  readonly p99Ms: number;
  /** Of L, measured in the same turn. */
  readonly ofLimit: number;
  readonly peakMib: number;
  readonly reading: ReadFigures;
  readonly restart: RestartFigures;
}

/** Time until a service that was started answers with 200, medians, in milliseconds. */
export interface RestartFigures {
  readonly afterStopMs: number;
  readonly afterKillMs: number;
  /** The same of a bare server, which is what Node takes. */
  readonly bareMs: number;
}

interface Turn {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly writtenBytes: number;
  readonly p99Ms: number;
  readonly ofLimit: number;
}

const PAYLOAD_BYTES = 1024;

/**
 * Compares services with logs of different sizes, which take turns, so that a machine that drifts
 * drifts for all.
 */
export async function measureGrowth(bench: Bench): Promise<readonly SizeFigures[]> {
  const { options, note } = bench;
  const canLoad = await hasLoader(bench);
  if (!canLoad && options.sizes.length > 0)
    note("there is no loader: only an empty log is measured");
  const sizes = canLoad && options.sizes.length > 0 ? options.sizes : [0];
  const grown: Grown[] = [];
  try {
    for (const size of sizes) grown.push(await Grown.make(size, bench));
    for (let round = 0; round < options.rounds; round++) {
      for (const one of grown) await one.takeTurn();
    }
    const figures: SizeFigures[] = [];
    for (const one of grown) figures.push(await one.figures());
    return figures;
  } finally {
    for (const one of grown) await one.clear();
  }
}

class Grown {
  readonly #size: number;
  readonly #bench: Bench;
  readonly #scene: Scene;
  readonly #turns: Turn[] = [];
  // Owned by #start.
  #served: Served;

  private constructor(size: number, parts: { bench: Bench; scene: Scene; served: Served }) {
    this.#size = size;
    this.#bench = parts.bench;
    this.#scene = parts.scene;
    this.#served = parts.served;
  }

  static async make(size: number, bench: Bench): Promise<Grown> {
    const scene = await makeLoaded(size, bench);
    const served = await scene.serve({ options: bench.options.serve });
    const grown = new Grown(size, { bench, scene, served });
    const warmUp = scene.at("warm-up");
    await grown.#make(warmUp, Math.ceil(WARM_UP * Math.min(1, bench.options.seconds)));
    await grown.#put(warmUp);
    return grown;
  }

  async takeTurn(): Promise<void> {
    const { options, signers } = this.#bench;
    const sample = this.#scene.at("warm-up");
    const { perSecond: limit } = await measureLimit({
      ...{ file: sample, signer: signers.of("ES256"), atOnce: options.concurrency },
      answerBytes: await receiptBytesAt(this.#served.url, sample),
      ...{ forMs: options.limitMs / 2, cores: options.cores },
    });
    const file = this.#scene.at("statements");
    await this.#make(file, Math.ceil(limit * options.seconds) + options.concurrency);
    let before = usageOf(this.#served.pid);
    const { perSecond, p99Ms, done } = await this.#put(file, () => {
      before = usageOf(this.#served.pid);
    });
    const after = usageOf(this.#served.pid);
    const cpuUs = ((after.cpuSeconds - before.cpuSeconds) * 1e6) / done;
    const writtenBytes = (after.writtenBytes - before.writtenBytes) / done;
    this.#turns.push({ perSecond, p99Ms, cpuUs, writtenBytes, ofLimit: perSecond / limit });
  }

  /** Measures what does not depend on turns, and sums up the turns. */
  async figures(): Promise<SizeFigures> {
    const { options } = this.#bench;
    const { peakMib } = usageOf(this.#served.pid);
    const middle = (read: (turn: Turn) => number): number => median(this.#turns.map(read));
    const { url } = this.#served;
    const { size } = (await (await fetch(`${url}/health`)).json()) as { readonly size: number };
    const reading = await measureReading({ url, size, at: this.#scene.at("paths"), options });
    return {
      size: this.#size,
      perSecond: middle(({ perSecond }) => perSecond),
      cpuUs: middle(({ cpuUs }) => cpuUs),
      writtenBytes: middle(({ writtenBytes }) => writtenBytes),
      p99Ms: middle(({ p99Ms }) => p99Ms),
      ofLimit: middle(({ ofLimit }) => ofLimit),
      peakMib,
      reading,
      restart: await this.#measureRestart(),
    };
  }

  clear(): Promise<void> {
    return this.#scene.clear();
  }

  async #measureRestart(): Promise<RestartFigures> {
    const took: Record<"SIGTERM" | "SIGKILL" | "bare", number[]> = {
      SIGTERM: [],
      SIGKILL: [],
      bare: [],
    };
    for (let round = 0; round < this.#bench.options.rounds; round++) {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await this.#scene.stop(signal);
        took[signal].push(await this.#start());
      }
      took.bare.push(await startBare());
    }
    return {
      afterStopMs: median(took.SIGTERM),
      afterKillMs: median(took.SIGKILL),
      bareMs: median(took.bare),
    };
  }

  async #start(): Promise<number> {
    const began = performance.now();
    this.#served = await this.#scene.serve({ options: this.#bench.options.serve });
    await requireOk(`${this.#served.url}/health`);
    return performance.now() - began;
  }

  #make(file: string, count: number): Promise<void> {
    const signer = this.#bench.signers.of("ES256");
    return makeStatements(file, { signer, count, payloadBytes: PAYLOAD_BYTES });
  }

  #put(bodies: string, onStart?: () => void): ReturnType<typeof putLoad> {
    const { seconds, concurrency: atOnce } = this.#bench.options;
    const load = { url: this.#served.url, path: "/entries", bodies, atOnce };
    return putLoad({ ...load, forMs: seconds * 1000, ...(onStart && { onStart }) });
  }
}

async function startBare(): Promise<number> {
  const began = performance.now();
  const bare = new Child(join(import.meta.dirname, "bare-server.js"), ["1"]);
  try {
    await requireOk(await bare.answer<string>());
    return performance.now() - began;
  } finally {
    bare.kill();
  }
}

async function requireOk(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status}`);
}
