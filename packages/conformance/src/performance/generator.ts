// A process that puts load on a server, so that what it costs is not the server's time. It is told
// what to do over IPC, says when it is ready, begins when told to, and reports what came of it.
import { readFrames } from "./frames.js";
import type { Tally } from "./tally.js";
import { Wire } from "./wire.js";

/** What a generator does. */
export interface GeneratorOrder {
  readonly url: string;
  readonly path: string;
  /** File of bodies, written by writeFrames; each is sent once, by POST. */
  readonly bodies?: string;
  /** File of paths, each a frame of its own; each is got once. */
  readonly paths?: string;
  /** Every `step`th from `offset` on, for several generators to share a file. */
  readonly step: number;
  readonly offset: number;
  /** Requests under way at once, a connection each. */
  readonly connections: number;
  readonly contentType?: string;
  /** Sends the list over and over until this much time has passed, instead of once. */
  readonly repeatForMs?: number;
  /** Statuses that count as done; 2xx unless given. */
  readonly countsAsDone?: readonly number[];
}

type Send = (wire: Wire, i: number) => Promise<number>;

class Generator {
  readonly #order: GeneratorOrder;
  readonly #send: Send;
  readonly #count: number;
  readonly #statuses: Record<string, number> = {};
  readonly #latencies: number[] = [];
  #next = 0;
  #endsAt = Infinity;

  constructor(order: GeneratorOrder) {
    this.#order = order;
    const { step, offset, path, contentType } = order;
    const file = order.bodies ?? order.paths;
    const all = file === undefined ? [] : readFrames(file);
    const frames = all.filter((_, i) => i % step === offset);
    this.#count = frames.length;
    this.#send =
      order.bodies === undefined
        ? async (wire, i) => (await wire.get(textOf(frames[i]))).status
        : async (wire, i) =>
            (await wire.post(path, frames[i] ?? new Uint8Array(), contentType)).status;
  }

  async run(wires: readonly Wire[]): Promise<Tally> {
    const beganAtMs = now();
    const { repeatForMs } = this.#order;
    if (repeatForMs !== undefined) this.#endsAt = beganAtMs + repeatForMs;
    await Promise.all(wires.map((wire) => this.#lane(wire)));
    const statuses = this.#statuses;
    return { statuses, latenciesMs: this.#latencies, beganAtMs, endedAtMs: now() };
  }

  async #lane(opened: Wire): Promise<void> {
    let wire = opened;
    for (let i = this.#take(); i !== undefined; i = this.#take()) {
      const began = now();
      const status = await this.#send(wire, i).catch(() => 0);
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      const { countsAsDone } = this.#order;
      const isDone = countsAsDone?.includes(status) ?? (status >= 200 && status < 300);
      if (isDone) this.#latencies.push(now() - began);
      if (!wire.isOpen) wire = await Wire.open(this.#order.url);
    }
    wire.close();
  }

  #take(): number | undefined {
    const i = this.#next++;
    if (this.#order.repeatForMs === undefined) return i < this.#count ? i : undefined;
    return now() < this.#endsAt ? i % this.#count : undefined;
  }
}

function textOf(frame: Uint8Array | undefined): string {
  return Buffer.from(frame ?? []).toString("latin1");
}

// Comparable between processes, unlike performance.now() alone.
function now(): number {
  return performance.timeOrigin + performance.now();
}

let ready: { readonly generator: Generator; readonly wires: readonly Wire[] } | undefined;

async function prepare(order: GeneratorOrder): Promise<void> {
  const opening = Array.from({ length: order.connections }, () => Wire.open(order.url));
  ready = { generator: new Generator(order), wires: await Promise.all(opening) };
  process.send?.("ready");
}

process.on("message", (message: GeneratorOrder | "go") => {
  if (message !== "go") {
    void prepare(message);
    return;
  }
  if (ready === undefined) throw new Error("told to go before it was ready");
  const { generator, wires } = ready;
  void generator.run(wires).then((tally) => {
    process.send?.(tally, () => {
      process.disconnect();
    });
  });
});
