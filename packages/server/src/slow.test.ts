import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SequenceSplitter, concatBytes, decodeCbor, encodeCbor } from "@tallystick/cose";
import { request } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { read, until } from "./testing/exchange.js";
import { fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

// What one client may have under way: a quarter of all.
const CLIENT_READS = 4;
const NO_LIMIT = { writesPerSecond: 0, readsPerSecond: 0 };

let at: Fixture;
let server: RunningServer;

beforeEach(async () => {
  at = await fixture();
});

async function start(bodyTimeoutMs: number): Promise<void> {
  const limits = { ...NO_LIMIT, maxReads: 4 * CLIENT_READS, bodyTimeoutMs };
  server = await serve(at.service, { host: "127.0.0.1", port: 0, stopGraceMs: 100, limits });
}

afterEach(async () => {
  await server.close();
  await at.service.close();
});

/** A connection, and whether it is over. */
function dial(): { readonly socket: Socket; readonly isOver: () => boolean } {
  const { hostname, port } = new URL(server.url);
  let isOver = false;
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined).on("close", () => (isOver = true));
  return { socket, isOver: () => isOver };
}

describe("a reader who asks and takes nothing", () => {
  test.each([
    ["small answers", "/version"],
    ["larger ones", "/openapi.json"],
    ["answers in parts", "/replay/entries/0"],
  ])("is hung up on, and gives every place back: %s", async (_name, path) => {
    await start(50);
    const { socket, isOver } = dial();
    // Only a sender learns that nobody is there any more, for nothing is read here.
    socket.pause();
    const asked = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(100);
    await until(() => {
      if (socket.writableLength < 65_536) socket.write(asked);
      return isOver();
    });
    const statuses = (): Promise<readonly number[]> =>
      Promise.all(
        Array.from(
          { length: CLIENT_READS },
          async () => (await read(`${server.url}/policy`)).status,
        ),
      );
    await until(async () => (await statuses()).every((status) => status === 200));
  });
});

describe("a sender who sends byte by byte, and never falls silent,", () => {
  interface Told {
    readonly status: number | undefined;
    readonly body: Uint8Array;
  }

  /** Sends on until the connection is over, and yields the answer. */
  async function drip(path: string, type: string, begin: Uint8Array): Promise<Told> {
    // Long enough that the machine alone makes no silence of it.
    await start(500);
    const headers = { "content-type": type };
    const sent = request(`${server.url}${path}`, { method: "POST", headers, agent: false });
    const chunks: Uint8Array[] = [];
    let status: number | undefined;
    let isOver = false;
    sent.on("error", () => undefined).on("close", () => (isOver = true));
    sent.on("response", (response) => {
      status = response.statusCode;
      response.on("error", () => undefined);
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    });
    sent.write(begin);
    await until(() => {
      if (!isOver) sent.write("x");
      return isOver;
    });
    return { status, body: concatBytes(chunks) };
  }

  test("is told with 408 that the body takes too long, and hung up on", async () => {
    const { status } = await drip("/entries", "application/cose", Uint8Array.of(0xd2));
    expect(status).toBe(408);
  });

  test("is told so of an item of a batch, and what came before it is answered", async () => {
    // Behind a whole item one of half a megabyte, which never gets whole.
    const begin = concatBytes([encodeCbor("no statement"), Uint8Array.of(0x5a, 0, 8, 0, 0)]);
    const { status, body } = await drip("/batch", "application/cbor-seq", begin);
    expect(status).toBe(200);
    const splitter = new SequenceSplitter();
    const results = [...splitter.take(body)].map((item) => decodeCbor(item));
    splitter.finish();
    expect(results).toMatchObject([
      [null, 400, expect.anything()],
      [1, 408, expect.anything()],
    ]);
  });
});
