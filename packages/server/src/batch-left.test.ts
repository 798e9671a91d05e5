import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { request } from "node:http";
import { Readable } from "node:stream";

import { SharedBudget } from "./budget.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { Metrics } from "./metrics.js";
import { RateLimit } from "./rate.js";
import { Registrations } from "./registrations.js";
import type { RouteRequest } from "./route.js";
import { type Batches, batchesUnderway, postBatch } from "./routes/batch.js";
import { metric, until } from "./testing/exchange.js";
import { fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { HeldStore } from "./testing/store.js";

/** Longest statement in the tests that look at what is held, and what a batch of them may take up. */
const MAX_BYTES = 1000;
const BATCH_BYTES = MAX_BYTES + 1_048_576;

let store: HeldStore;
let at: Fixture;

beforeEach(async () => {
  store = new HeldStore();
  at = await fixture(store);
});

afterEach(async () => {
  store.release();
  await at.service.close();
});

test("batches whose senders have left hold nothing, while the log does not go on", async () => {
  // One client has one place for its batches: whoever comes second waits.
  const limits = { maxQueued: 4, writesPerSecond: 0, readsPerSecond: 0 };
  const listening = { host: "127.0.0.1", port: 0, stopGraceMs: 100 };
  const server: RunningServer = await serve(at.service, { ...listening, limits });
  const waiting = (): Promise<number> => metric(server.url, "tallystick_waiting_bytes");
  try {
    store.hold();
    for (let i = 0; i < 12; i++) {
      const signed = await at.sign(`${i} ${"x".repeat(100_000)}`);
      const sent = request(`${server.url}/batch`, {
        method: "POST",
        headers: { "content-type": "application/cbor-seq" },
        agent: false,
      });
      sent.on("error", () => undefined);
      sent.write(signed);
      const [name, count] =
        i === 0
          ? (["tallystick_registering_entries", 1] as const)
          : (["tallystick_waiting_bytes", signed.length] as const);
      await until(async () => (await metric(server.url, name)) === count);
      sent.destroy();
      await until(async () => (await waiting()) === 0);
    }
    // What was sent first goes on.
    expect(await metric(server.url, "tallystick_registering_entries")).toBe(1);
    expect(await metric(server.url, "tallystick_waiting_entries")).toBe(0);
  } finally {
    store.release();
    await server.close();
  }
}, 60_000);

/** What batches are registered with, in the tests that look at what is held. */
function batchesOf(): Batches {
  const { service } = at;
  const limits = { ...DEFAULT_LIMITS, maxQueued: 4 };
  const rate = { perSecond: 0, burst: 1, maxClients: 10, now: () => 0 };
  return {
    registrations: new Registrations({ service, metrics: new Metrics(service), limits }),
    budget: new SharedBudget({ most: BATCH_BYTES, mostOfOne: BATCH_BYTES, what: "bytes" }),
    underway: batchesUnderway(),
    itemTimeoutMs: 60_000,
    writes: new RateLimit(rate),
    maxBytes: () => Promise.resolve(MAX_BYTES),
  };
}

interface Sending {
  readonly asked: RouteRequest;
  readonly leave: () => void;
}

/** A batch whose parts come as they are made, whether its sender has left or not. */
function sending(parts: AsyncIterable<Uint8Array>): Sending {
  const acts: (() => void)[] = [];
  const upload = {
    parts,
    requireAdmitted: () => undefined,
    onClose: (act: () => void) => {
      acts.push(act);
    },
  };
  const prefer = { isAsync: false, waitMs: 0 };
  const asked = { params: {}, body: new Uint8Array(), baseUrl: "", client: "a", prefer, upload };
  return {
    asked,
    leave: () => {
      for (const act of acts) act();
    },
  };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("what a batch may take up is given back once it is over and nothing of it is read", async () => {
  const batches = batchesOf();
  for (const isReadFirst of [false, true]) {
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { asked, leave } = sending(
      // eslint-disable-next-line require-yield
      (async function* () {
        await ended;
      })(),
    );
    void postBatch(batches, asked);
    await settled();
    const [first, second] = isReadFirst ? [end, leave] : [leave, end];
    first();
    await settled();
    expect(batches.budget.hasRoom(1, "b")).toBe(false);
    second();
    await settled();
    expect(batches.budget.hasRoom(BATCH_BYTES, "b")).toBe(true);
    expect(batches.underway.hasRoom(8, "a")).toBe(true);
  }
});

test("a batch that there is no place for holds no bytes", async () => {
  const batches = batchesOf();
  batches.underway.take(8, "a");
  const { asked } = sending(Readable.from([]));
  await expect(postBatch(batches, asked)).rejects.toMatchObject({ code: "SERVER_RATE_LIMITED" });
  expect(batches.budget.hasRoom(BATCH_BYTES, "b")).toBe(true);
});
