import type { AlgorithmName } from "@tallystick/cose";

import { readFrames } from "./frames.js";
import { meanLimit, measureLimit } from "./limit.js";
import type { Limit } from "./limit.js";
import { putLoad } from "./load.js";
import { usageOf } from "./meter.js";
import type { BenchOptions } from "./options.js";
import { Scene } from "./scene.js";
import type { Served, SceneSigner, Signers } from "./scene.js";
import { makeStatements } from "./statements.js";
import { measureStorage } from "./storage.js";
import type { Storage } from "./storage.js";
import type { LoadFigures } from "./tally.js";

/** What the parts of a bench share. */
export interface Bench {
  readonly options: BenchOptions;
  readonly signers: Signers;
  /** Told what is being done. */
  readonly note: (text: string) => void;
}

/** A kind of registration. */
export interface RegistrationCase {
  readonly name: string;
  readonly algorithm: AlgorithmName;
  /** Length of payloads that mean nothing. */
  readonly payloadBytes: number;
  readonly isBatch: boolean;
  /** What is registered in the place of these, under rules that read it. */
  readonly content?: "report" | "bill";
}

/** What registrations of one kind came to. */
export interface RegistrationFigures extends LoadFigures {
  readonly name: string;
  readonly isBatch: boolean;
  readonly limit: Limit;
  /** Of L one by one, of V by batch. */
  readonly ofLimit: number;
  readonly cpuUs: number;
  /** CPU time that one verification and one exchange take, of that: a share that others do not change. */
  readonly cpuShare: number;
  readonly peakMib: number;
  readonly statementBytes: number;
  readonly receiptBytes: number;
  readonly storage: Storage;
  /** Bytes on disk for each entry, beside those of its statement, after compaction. */
  readonly beyondBytes: number;
}

/** Statements that are made for the limit, and registered before the clock starts. */
export const WARM_UP = 2000;

/** Largest file of statements, in bytes: V of them a second can be more than fits into memory. */
const MAX_FILE_BYTES = 1_073_741_824;

/** Batches under way at once. */
const BATCHES_AT_ONCE = 4;

/** Path of the batch endpoint. */
const BATCH_PATH = "/batch";

/** Measures one kind of registration; `undefined` if it is by batch and the server takes none. */
export async function measureRegistration(
  kind: RegistrationCase,
  bench: Bench,
): Promise<RegistrationFigures | undefined> {
  const { signers, options } = bench;
  const rules = kind.content === undefined ? undefined : signers.rules();
  const scene = await Scene.make(signers, options.parent, rules);
  try {
    const signer = signers.of(kind.algorithm);
    return await new Registering({ scene, signer, kind, bench }).run();
  } finally {
    await scene.clear();
  }
}

interface RegisteringParts {
  readonly scene: Scene;
  readonly signer: SceneSigner;
  readonly kind: RegistrationCase;
  readonly bench: Bench;
}

class Registering {
  readonly #parts: RegisteringParts;
  readonly #warmUp: string;

  constructor(parts: RegisteringParts) {
    this.#parts = parts;
    this.#warmUp = parts.scene.at("warm-up");
  }

  async run(): Promise<RegistrationFigures | undefined> {
    const { scene, kind, bench } = this.#parts;
    const { options } = bench;
    const served = await scene.serve({ options: options.serve });
    if (kind.isBatch && !(await takesBatches(served.url))) return undefined;
    const count = warmUpCount(options);
    await this.#make(this.#warmUp, count);
    const warmUp = await this.#put(served, this.#warmUp);
    const receiptBytes = await receiptBytesAt(served.url, this.#warmUp);
    const before = await this.#limit(receiptBytes);
    const expected = kind.isBatch ? before.verifiesPerSecond : before.perSecond;
    const file = scene.at("statements");
    const most = Math.floor(MAX_FILE_BYTES / averageLength(this.#warmUp));
    const wanted = Math.ceil(expected * options.seconds) + options.concurrency;
    await this.#make(file, Math.min(wanted, most));
    let began = usageOf(served.pid);
    const figures = await this.#put(served, file, () => {
      began = usageOf(served.pid);
    });
    const ended = usageOf(served.pid);
    const limit = meanLimit([before, await this.#limit(receiptBytes)]);
    await scene.stop();
    const storage = await measureStorage(scene.service);
    const statementBytes = averageLength(file);
    const entries = warmUp.done + figures.done;
    const cpuUs = ((ended.cpuSeconds - began.cpuSeconds) * 1e6) / figures.done;
    const ceiling = kind.isBatch ? limit.verifiesPerSecond : limit.perSecond;
    return {
      ...figures,
      name: kind.name,
      isBatch: kind.isBatch,
      limit,
      ofLimit: figures.perSecond / ceiling,
      cpuUs,
      cpuShare: limit.cpuUs / cpuUs,
      peakMib: ended.peakMib,
      statementBytes,
      receiptBytes,
      storage,
      beyondBytes: storage.compacted / entries - statementBytes,
    };
  }

  #make(file: string, count: number): Promise<void> {
    const { signer, kind, bench } = this.#parts;
    const { content, payloadBytes } = kind;
    const payload =
      content === "report"
        ? { kind: content, lab: bench.signers.lab.toJwk() }
        : content && { kind: content };
    return makeStatements(file, { signer, count, payloadBytes, payload });
  }

  #put({ url }: Served, bodies: string, onStart?: () => void): Promise<LoadFigures> {
    const { kind, bench } = this.#parts;
    const { seconds, concurrency, perBatch } = bench.options;
    const load = { url, bodies, forMs: seconds * 1000, ...(onStart && { onStart }) };
    return kind.isBatch
      ? putLoad({ ...load, path: BATCH_PATH, perRequest: perBatch, atOnce: BATCHES_AT_ONCE })
      : putLoad({ ...load, path: "/entries", atOnce: concurrency });
  }

  #limit(answerBytes: number): Promise<Limit> {
    const { signer, bench } = this.#parts;
    const { concurrency: atOnce, limitMs: forMs, cores } = bench.options;
    return measureLimit({ file: this.#warmUp, signer, answerBytes, atOnce, forMs, cores });
  }
}

/** Yields how many statements to register before the clock starts. */
export function warmUpCount({ seconds }: BenchOptions): number {
  return Math.ceil(WARM_UP * Math.min(1, seconds / 2));
}

/** Finds out whether a server takes batches, by an empty one. */
async function takesBatches(url: string): Promise<boolean> {
  const headers = { "content-type": "application/cbor-seq" };
  const answer = await fetch(`${url}${BATCH_PATH}`, { method: "POST", headers, body: "" });
  await answer.arrayBuffer();
  return answer.ok;
}

/** Registers the first statement of a file, again if it has been, and yields the receipt's length. */
export async function receiptBytesAt(url: string, file: string): Promise<number> {
  const [body = new Uint8Array()] = readFrames(file);
  const headers = { "content-type": "application/cose" };
  const answer = await fetch(`${url}/entries`, {
    method: "POST",
    headers,
    body: Buffer.from(body),
  });
  const { byteLength } = await answer.arrayBuffer();
  if (answer.status !== 201) throw new Error(`POST /entries: ${answer.status}`);
  return byteLength;
}

function averageLength(file: string): number {
  const frames = readFrames(file);
  return frames.reduce((sum, { length }) => sum + length, 0) / frames.length;
}
