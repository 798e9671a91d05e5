// A process that puts load on a server, so that what it costs is not the server's time. It is told
// what to do over IPC, says when it is ready, begins when told to, and reports what came of it.
import { BatchWire, statusesIn } from "./batch-wire.js";
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
  /** Bodies sent as a CBOR sequence in one request, whose answer is a sequence of results. */
  readonly perRequest?: number;
  /** Every `step`th from `offset` on, for several generators to share a file. */
  readonly step: number;
  readonly offset: number;
  /** Requests under way at once, a connection each. */
  readonly connections: number;
  /** Begins nothing more when so much time has passed. */
  readonly forMs?: number;
  /** Sends the list over and over, for `forMs`, instead of once. */
  readonly isRepeated?: boolean;
}

/** A connection that a request with the frames at one place can be sent on. */
interface Sender {
  readonly isOpen: boolean;
  /** Yields the status that it is answered with, or the sequence of results in the answer to a batch. */
  send(i: number): Promise<number | Uint8Array>;
  close(): void;
}

interface Plan {
  readonly count: number;
  readonly open: () => Promise<Sender>;
}

function planOf(order: GeneratorOrder): Plan {
  const { step, offset, url, path, perRequest } = order;
  const file = order.bodies ?? order.paths;
  const all = file === undefined ? [] : readFrames(file);
  const frames = all.filter((_, i) => i % step === offset);
  if (perRequest !== undefined) {
    const bodies = Array.from({ length: Math.ceil(frames.length / perRequest) }, (_, i) =>
      Buffer.concat(frames.slice(i * perRequest, (i + 1) * perRequest)),
    );
    return { count: bodies.length, open: () => Promise.resolve(batches(url, path, bodies)) };
  }
  return { count: frames.length, open: () => singles(order, frames) };
}

// The first one is told, for whoever wonders.
let refusal: string | undefined;

async function singles(
  { url, path, bodies }: GeneratorOrder,
  frames: readonly Uint8Array[],
): Promise<Sender> {
  const wire = await Wire.open(url);
  const frame = (i: number): Uint8Array => frames[i] ?? new Uint8Array();
  const exchange =
    bodies === undefined
      ? (i: number) => wire.get(Buffer.from(frame(i)).toString("latin1"))
      : (i: number) => wire.post(path, frame(i));
  return {
    get isOpen() {
      return wire.isOpen;
    },
    send: async (i) => {
      const { status, body } = await exchange(i);
      if (status >= 300) refusal ??= Buffer.from(body).toString("latin1");
      return status;
    },
    close: () => {
      wire.close();
    },
  };
}

function batches(url: string, path: string, bodies: readonly Uint8Array[]): Sender {
  const wire = new BatchWire(`${url}${path}`);
  return {
    isOpen: true,
    send: (i) => wire.post(bodies[i] ?? new Uint8Array()),
    close: () => {
      wire.close();
    },
  };
}

class Generator {
  readonly #order: GeneratorOrder;
  readonly #plan: Plan;
  readonly #statuses: Record<string, number> = {};
  readonly #latencies: number[] = [];
  readonly #sequences: Uint8Array[] = [];
  #done = 0;
  #next = 0;
  #endsAt = Infinity;

  constructor(order: GeneratorOrder, plan: Plan) {
    this.#order = order;
    this.#plan = plan;
  }

  async run(senders: readonly Sender[]): Promise<Tally> {
    const beganAtMs = now();
    const { forMs } = this.#order;
    if (forMs !== undefined) this.#endsAt = beganAtMs + forMs;
    await Promise.all(senders.map((sender) => this.#lane(sender)));
    const endedAtMs = now();
    for (const sequence of this.#sequences) statusesIn(sequence).forEach(this.#count);
    const latenciesMs = this.#latencies;
    const came = { statuses: this.#statuses, done: this.#done, latenciesMs, beganAtMs, endedAtMs };
    return refusal === undefined ? came : { ...came, refusal };
  }

  async #lane(opened: Sender): Promise<void> {
    let sender = opened;
    for (let i = this.#take(); i !== undefined; i = this.#take()) {
      const began = now();
      const answer = await sender.send(i).catch(() => 0);
      const took = now() - began;
      if (typeof answer !== "number") this.#sequences.push(answer);
      if (typeof answer !== "number" || this.#count(answer)) this.#latencies.push(took);
      if (!sender.isOpen) sender = await this.#plan.open();
    }
    sender.close();
  }

  // Yields whether it counts as done.
  readonly #count = (status: number): boolean => {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    // 202 is a promise, and no registration.
    const isDone = status === 200 || status === 201;
    if (isDone) this.#done++;
    return isDone;
  };

  #take(): number | undefined {
    if (now() >= this.#endsAt) return undefined;
    const { count } = this.#plan;
    const i = this.#next++;
    if (this.#order.isRepeated === true) return i % count;
    return i < count ? i : undefined;
  }
}

// Comparable between processes, unlike performance.now() alone.
function now(): number {
  return performance.timeOrigin + performance.now();
}

let ready: { readonly generator: Generator; readonly senders: readonly Sender[] } | undefined;

async function prepare(order: GeneratorOrder): Promise<void> {
  const plan = planOf(order);
  if (plan.count === 0) throw new Error("nothing to send");
  const opening = Array.from({ length: order.connections }, plan.open);
  ready = { generator: new Generator(order, plan), senders: await Promise.all(opening) };
  process.send?.("ready");
}

process.on("message", (message: GeneratorOrder | "go") => {
  if (message !== "go") {
    void prepare(message);
    return;
  }
  if (ready === undefined) throw new Error("told to go before it was ready");
  const { generator, senders } = ready;
  void generator.run(senders).then((tally) => {
    process.send?.(tally, () => {
      process.disconnect();
    });
  });
});
