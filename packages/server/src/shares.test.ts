import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { SignedStatement } from "@tallystick/statement";
import { request } from "node:http";
import type { ClientRequest } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { MIN_BODY_BYTES } from "./body-limit.js";
import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { MAX_PROOF_BYTES } from "./search/prover.js";
import { metric, post, until } from "./testing/exchange.js";
import { VENDOR, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { HeldStore } from "./testing/store.js";

// Of each of them one client has a quarter, or a little less.
const LIMITS = {
  maxReads: 32,
  maxQueued: 16,
  readsPerSecond: 0,
  writesPerSecond: 0,
  bodyTimeoutMs: 600_000,
};
const OWN_READS = 8;
const OWN_QUEUED = 4;
const OWN_PROOFS = 4;
const OWN_BATCHES = 2;
const BATCH_BYTES = MIN_BODY_BYTES + 1_048_576;

const MEGABYTE = "x".repeat(1_000_000);

const HOARDER = "hoarder";
const OTHER = "somebody else";

let store: HeldStore;
let at: Fixture;
let server: RunningServer;
const held: (Socket | ClientRequest)[] = [];
let answerProofs: () => void = () => undefined;

beforeEach(async () => {
  store = new HeldStore();
  at = await fixture(store);
  await at.admitHeads();
  await at.service.commitHead();
  await at.service.searchSettled();
  server = await serve(at.service, {
    ...{ host: "127.0.0.1", port: 0, stopGraceMs: 100, limits: LIMITS },
    maxBytesInFlight: 2 * 4 * OWN_BATCHES * BATCH_BYTES,
    maxProofBytesHeld: 32 * MAX_PROOF_BYTES,
    clientOf: ({ headers }) => headers.authorization,
  });
});

afterEach(async () => {
  for (const one of held.splice(0)) one.destroy();
  answerProofs();
  store.release();
  await server.close();
  await at.service.close();
});

interface Told {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly bytes: number;
}

async function ask(path: string, authorization: string): Promise<Told> {
  const response = await fetch(`${server.url}${path}`, { headers: { authorization } });
  const { length } = new Uint8Array(await response.arrayBuffer());
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    bytes: length,
  };
}

async function send(text: string, authorization: string, prefer = "wait=60"): Promise<Told> {
  const { status, headers, body } = await post(server.url, await at.sign(text), {
    ...{ authorization, prefer },
  });
  return { status, retryAfter: headers.get("retry-after"), bytes: body.length };
}

async function sendBatch(text: string, authorization: string): Promise<number> {
  const response = await fetch(`${server.url}/batch`, {
    method: "POST",
    headers: { authorization, "content-type": "application/cbor-seq" },
    body: new Uint8Array(await at.sign(text)),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Asks for an answer that is longer than what the machine buffers, and reads nothing of it. */
function stall(path: string): void {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined).pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${HOARDER}\r\n\r\n`);
  held.push(socket);
}

/** Begins a batch that never gets whole, and yields the status once there is an answer. */
function drip(): { status: number | undefined } {
  const told: { status: number | undefined } = { status: undefined };
  const headers = { authorization: HOARDER, "content-type": "application/cbor-seq" };
  const sent = request(`${server.url}/batch`, { method: "POST", headers, agent: false });
  sent.on("error", () => undefined);
  sent.on("response", (response) => {
    told.status = response.statusCode;
    response.on("error", () => undefined).resume();
  });
  sent.write(Uint8Array.of(0xd2));
  held.push(sent);
  return told;
}

/** Has proofs about one subject take until they are let go, and counts those that are being made. */
function holdProofs(): { count: number } {
  const made = { count: 0 };
  const isLetGo = new Promise<void>((resolve) => {
    answerProofs = resolve;
  });
  const completeness = at.service.completeness.bind(at.service);
  at.service.completeness = async (term) => {
    if (term.value === "slow") {
      made.count++;
      await isLetGo;
    }
    return completeness(term);
  };
  return made;
}

test("whoever holds all that one client can keeps nobody else from anything", async () => {
  const logged = await at.sign(MEGABYTE);
  await at.service.register(logged);
  for (let i = 0; i < 11; i++) await at.service.register(await at.sign(`${MEGABYTE}${i}`));
  const { entryId } = SignedStatement.decode(logged);
  const proof = `/search/proof?iss=${encodeURIComponent(VENDOR)}`;

  // Readers that have stalled: all of its places, and one to come is told so.
  for (let i = 0; i < 2 * OWN_READS; i++) stall("/replay/entries/0");
  await until(async () => (await ask("/version", HOARDER)).status === 429);
  expect(await ask("/version", HOARDER)).toMatchObject({ status: 429, retryAfter: "1" });
  expect((await ask("/version", OTHER)).status).toBe(200);

  // Batches that drip.
  const batches = Array.from({ length: OWN_BATCHES + 3 }, drip);
  const refused = (): number => batches.filter(({ status }) => status === 429).length;
  await until(() => refused() === 3);
  expect(await sendBatch("in a batch", HOARDER)).toBe(429);
  expect(await sendBatch("in a batch", OTHER)).toBe(200);

  // Registrations that wait for a disk which does not keep up.
  store.hold();
  const waiting = Array.from({ length: 3 * OWN_QUEUED }, (_, i) =>
    send(`waiting ${i}`, HOARDER, "respond-async"),
  );
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 202)).toHaveLength(OWN_QUEUED);
  expect(statuses.filter((status) => status === 429)).toHaveLength(2 * OWN_QUEUED);
  expect(await metric(server.url, "tallystick_registering_entries")).toBe(OWN_QUEUED);
  expect((await send("behind", OTHER, "respond-async")).status).toBe(202);
  expect((await ask(`/entries/${entryId}`, OTHER)).status).toBe(200);
  expect((await ask("/tile/0/000.p/16", OTHER)).status).toBe(200);
  store.release();

  // Everything else is held still.
  expect((await send("meanwhile", OTHER)).status).toBe(201);
  expect((await ask(proof, OTHER)).status).toBe(200);
  expect((await ask(`/entries/${entryId}/statement`, OTHER)).bytes).toBeGreaterThan(1_000_000);

  for (const one of held.splice(0)) one.destroy();
  await until(async () => (await ask("/version", HOARDER)).status === 200);
  await until(async () => (await sendBatch("its turn", HOARDER)) === 200);
  expect((await send("its turn too", HOARDER)).status).toBe(201);
});

test("proofs that take long leave places for those of others", async () => {
  const made = holdProofs();
  const asked = Array.from({ length: 2 * OWN_PROOFS }, () =>
    ask("/search/proof?sub=slow", HOARDER),
  );
  await until(() => made.count === OWN_PROOFS);
  expect(await ask("/search/proof?sub=a", HOARDER)).toMatchObject({ status: 429, retryAfter: "1" });
  expect((await ask("/search/proof?sub=a", OTHER)).status).toBe(200);
  answerProofs();
  const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array<number>(4).fill(200), ...Array<number>(4).fill(429)]);
  expect(made.count).toBe(OWN_PROOFS);
  expect((await ask("/search/proof?sub=a", HOARDER)).status).toBe(200);
});
