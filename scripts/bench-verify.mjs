// Where signatures are best verified: on the main thread, on libuv's pool, or in worker threads that
// are given them in batches. Each placement verifies the same statements while the main thread has
// other work to do for each of them, as a registration has.
//
//   node scripts/bench-verify.mjs [--count N] [--work HASHES] [--at-once N]
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const BATCH = 32;

function work() {
  const key = createPublicKey({ key: workerData, format: "jwk" });
  parentPort.on("message", (batch) => {
    const verdicts = batch.map(({ message, signature }) =>
      verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature),
    );
    parentPort.postMessage(verdicts);
  });
}

async function main() {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "6000" },
      work: { type: "string", default: "120" },
      "at-once": { type: "string", default: "64" },
    },
  });
  const options = {
    count: Number(values.count),
    work: Number(values.work),
    atOnce: Number(values["at-once"]),
  };
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jobs = Array.from({ length: options.count }, () => {
    const message = randomBytes(1200);
    return {
      message,
      signature: sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" }),
    };
  });
  const rows = [];
  // Twice round, so that what drifts in the machine shows.
  for (let round = 0; round < 2; round++) {
    for (const [placement, make] of Object.entries(PLACEMENTS)) {
      const { check, close } = make(publicKey);
      rows.push({ placement, ...(await measure(check, jobs, options)) });
      await close();
    }
  }
  console.table(rows);
}

const PLACEMENTS = {
  "main thread": (key) => ({
    check: async ({ message, signature }) =>
      verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature),
    close: async () => {},
  }),
  "libuv pool": (key) => ({
    check: ({ message, signature }) =>
      new Promise((resolve, reject) => {
        verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature, (error, is) =>
          error ? reject(error) : resolve(is),
        );
      }),
    close: async () => {},
  }),
  "1 worker": (key) => workers(key, 1),
  "2 workers": (key) => workers(key, 2),
};

function workers(key, number) {
  const jwk = key.export({ format: "jwk" });
  const all = Array.from({ length: number }, () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: jwk });
    const state = { worker, waiting: [], running: undefined };
    worker.on("message", (verdicts) => {
      const { running } = state;
      state.running = undefined;
      send(state);
      verdicts.forEach((verdict, i) => running[i].resolve(verdict));
    });
    return state;
  });
  let next = 0;
  return {
    check: (job) =>
      new Promise((resolve) => {
        const state = all[next++ % number];
        state.waiting.push({ job, resolve });
        // Whoever comes in the same turn goes with it.
        if (state.waiting.length === 1) process.nextTick(send, state);
      }),
    close: () => Promise.all(all.map(({ worker }) => worker.terminate())),
  };
}

function send(state) {
  if (state.running !== undefined || state.waiting.length === 0) return;
  state.running = state.waiting.splice(0, BATCH);
  state.worker.postMessage(state.running.map(({ job }) => job));
}

async function measure(check, jobs, { work, atOnce }) {
  for (const job of jobs.slice(0, 200)) await check(job);
  const latencies = [];
  const cpu = process.cpuUsage();
  const begin = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < jobs.length) {
        const job = jobs[next++];
        const start = performance.now();
        if (!(await check(job))) throw new Error("a sound signature was refused");
        latencies.push(performance.now() - start);
        busy(work, job.message);
        // A registration waits for its round; so does this.
        await setImmediate();
      }
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  return {
    "per second": Math.round(jobs.length / seconds),
    "CPU µs each": Math.round((user + system) / jobs.length),
    "p50 ms": Number(latencies[Math.floor(latencies.length / 2)].toFixed(1)),
    "p99 ms": Number(latencies[Math.floor(latencies.length * 0.99)].toFixed(1)),
  };
}

// A fixed amount of work, not of time: time would pass for free while another thread runs.
function busy(hashes, message) {
  for (let i = 0; i < hashes; i++) createHash("sha256").update(message).digest();
}

if (isMainThread) await main();
else work();
