import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { SharedBudget } from "./budget.js";
import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { proofsUnderway, readCompleteness } from "./routes/search.js";
import { MAX_PROOF_BYTES } from "./search/prover.js";
import { metric, problemOf, read, until } from "./testing/exchange.js";
import { fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

let at: Fixture;
let server: RunningServer;

beforeAll(async () => {
  at = await fixture();
  await at.admitHeads();
  await at.service.commitHead();
  await at.service.searchSettled();
});

afterAll(() => at.service.close());

const asked = (): ReturnType<typeof read> => read(`${server.url}/search/proof?sub=a`);

test("a proof takes room from before it is made until its reader has it: SERVER_BUSY", async () => {
  const [most, mostOfOne] = [MAX_PROOF_BYTES, MAX_PROOF_BYTES];
  const held = new SharedBudget({ most, mostOfOne, what: "bytes" });
  const ask = (query = "sub=a"): ReturnType<typeof readCompleteness> => {
    const prefer = { isAsync: false, waitMs: Infinity };
    const request = { params: {}, query, body: new Uint8Array(), baseUrl: "", client: "a", prefer };
    return readCompleteness(at.service, request, { held, underway: proofsUnderway() });
  };
  const [one, other] = await Promise.allSettled([ask(), ask()]);
  expect(other).toMatchObject({ status: "rejected", reason: { code: "SERVER_BUSY" } });
  expect(one.status).toBe("fulfilled");
  await expect(ask()).rejects.toMatchObject({ code: "SERVER_BUSY" });
  if (one.status === "fulfilled") one.value.onOver?.();
  // One that is refused leaves nothing behind.
  await expect(ask("sub=a&iss=b")).rejects.toMatchObject({ code: "SERVER_QUERY_INVALID" });
  (await ask()).onOver?.();
  expect(held.hasRoom(MAX_PROOF_BYTES, "b")).toBe(true);
});

test("readers are answered one after the other, and with 503 where there is no room", async () => {
  const room = { host: "127.0.0.1", port: 0, maxProofBytesHeld: MAX_PROOF_BYTES };
  server = await serve(at.service, room);
  try {
    // What the answer before has held is given back when it is over, a moment after it is read.
    for (let i = 0; i < 5; i++) await until(async () => (await asked()).status === 200);
  } finally {
    await server.close();
  }
  server = await serve(at.service, { ...room, maxProofBytesHeld: MAX_PROOF_BYTES - 1 });
  try {
    const answer = await asked();
    expect([answer.status, problemOf(answer)[0]]).toEqual([503, "Service Unavailable"]);
    expect(answer.headers.get("retry-after")).toBe("5");
  } finally {
    await server.close();
  }
});

test("metrics tell how far the index is behind, and what its newest head covers", async () => {
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  try {
    const { url } = server;
    await at.service.searchSettled();
    expect(await metric(url, "tallystick_search_behind_entries")).toBe(0);
    const { head, size } = at.service.requireSearch();
    expect(await metric(url, "tallystick_index_head_size")).toBe(head?.size);
    expect(head?.size).toBe(size - 1);
  } finally {
    await server.close();
  }
});
