import { once } from "node:events";
import { connect } from "node:net";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { decodeCborMap } from "@tallystick/cose";

import { serveWitness } from "./http.js";
import type { RunningWitness, ServingOptions } from "./http.js";
import {
  ReferenceKey,
  ReferenceLog,
  requestOf,
  timeOfCosignature,
} from "./testing/reference-log.js";
import { ORIGIN, Scene } from "./testing/scene.js";

let scene: Scene;
let faults: unknown[];
const running: RunningWitness[] = [];

async function serve(options: ServingOptions = {}): Promise<string> {
  const onFault = (error: unknown): void => {
    faults.push(error);
  };
  const at = { host: "127.0.0.1", port: 0 };
  const one = await serveWitness(scene.witness(), at, { onFault, ...options });
  running.push(one);
  return one.url;
}

beforeEach(async () => {
  scene = await Scene.open();
  faults = [];
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

interface Got {
  readonly status: number;
  readonly type: string | null;
  readonly body: Buffer;
  readonly headers: Headers;
}

async function post(url: string, body: string | Uint8Array<ArrayBuffer>): Promise<Got> {
  return got(await fetch(`${url}/add-checkpoint`, { method: "POST", body }));
}

async function got(response: Response): Promise<Got> {
  const { status, headers } = response;
  const body = Buffer.from(await response.arrayBuffer());
  return { status, type: headers.get("content-type"), body, headers };
}

/** Title and detail of a problem. */
function problemOf({ type, body }: Got): readonly unknown[] {
  expect(type).toBe("application/concise-problem-details+cbor");
  const map = decodeCborMap(body);
  return [map.get(-1), map.get(-2)];
}

describe("POST add-checkpoint", () => {
  test("answers with a cosignature that holds", async () => {
    const url = await serve();
    const { status, type, body } = await post(url, scene.log.request(0, 5));
    expect([status, type]).toEqual([200, "text/plain; charset=utf-8"]);
    const line = body.toString("utf8");
    expect(timeOfCosignature(line, scene.vkey, scene.log.text(5))).toBe(scene.now);
    expect((await post(url, scene.log.request(5, 5))).status).toBe(200);
    expect((await post(url, scene.log.request(5, 12))).status).toBe(200);
  });

  test("works below a prefix, and nowhere else", async () => {
    const url = await serve({ prefix: "/w1" });
    expect(url).toMatch(/\/w1$/);
    expect((await post(url, scene.log.request(0, 5))).status).toBe(200);
    expect((await post(url.slice(0, -3), scene.log.request(5, 6))).status).toBe(404);
  });

  const ZERO = Buffer.alloc(32).toString("base64");
  const EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  const signed = (text: string): string => `${text}\n${scene.key.line(text)}`;
  /** What a witness that cosigned size 5 refuses. */
  const refusals: readonly (readonly [string, number, () => string])[] = [
    ["an empty body", 400, () => ""],
    ["a body that is no request", 400, () => "hello"],
    ["no old line", 400, () => `\n${scene.log.checkpoint(6)}`],
    ["an old size with a leading zero", 400, () => requestOf("05", [], scene.log.checkpoint(6))],
    ["a negative old size", 400, () => requestOf("-5", [], scene.log.checkpoint(6))],
    [
      "an old size of 2^64",
      400,
      () => requestOf("18446744073709551616", [], scene.log.checkpoint(6)),
    ],
    ["a byte order mark", 400, () => `\ufeff${scene.log.request(5, 6)}`],
    ["carriage returns", 400, () => scene.log.request(5, 6).replace("\n", "\r\n")],
    ["a proof line that is no hash", 400, () => requestOf(5, ["aGk="], scene.log.checkpoint(6))],
    [
      "a proof of 64 lines",
      400,
      () => requestOf(5, Array<string>(64).fill(ZERO), scene.log.checkpoint(6)),
    ],
    ["a note without signature", 400, () => requestOf(5, [], scene.log.text(6))],
    ["a note that is no checkpoint", 400, () => requestOf(5, [], signed("hello\n"))],
    [
      "a size that is not canonical",
      400,
      () => requestOf(5, [], signed(scene.log.text(6).replace("\n6\n", "\n06\n"))),
    ],
    ["an old size above the checkpoint", 400, () => requestOf(7, [], scene.log.checkpoint(6))],
    ["an unknown log", 404, () => new ReferenceLog(new ReferenceKey("other"), 6).request(5, 6)],
    [
      "a key that is not the log's",
      403,
      () => new ReferenceLog(new ReferenceKey(ORIGIN), 6).request(5, 6),
    ],
    [
      "a signature over another text",
      403,
      () => requestOf(5, [], `${scene.log.text(6)}\n${scene.key.line("x\n")}`),
    ],
    [
      "a good signature and a bad one of the same key",
      403,
      () => `${scene.log.request(5, 6)}${scene.key.line("x\n")}`,
    ],
    [
      "an unknown log with an old size above",
      404,
      () => requestOf(7, [], new ReferenceLog(new ReferenceKey("other"), 6).checkpoint(6)),
    ],
    [
      "a bad signature with an old size above",
      403,
      () => requestOf(7, [], `${scene.log.text(6)}\n${scene.key.line("x\n")}`),
    ],
    [
      "an empty tree with another root",
      409,
      () => requestOf(0, [], signed(`${ORIGIN}\n0\n${ZERO}\n`)),
    ],
    ["no proof", 422, () => requestOf(5, [], scene.log.checkpoint(6))],
    [
      "a proof with a line more",
      422,
      () => requestOf(5, [...scene.log.proof(5, 6), ZERO], scene.log.checkpoint(6)),
    ],
    [
      "a proof with a line less",
      422,
      () => requestOf(5, scene.log.proof(5, 7).slice(1), scene.log.checkpoint(7)),
    ],
    [
      "the proof of another step",
      422,
      () => requestOf(5, scene.log.proof(5, 8), scene.log.checkpoint(7)),
    ],
    ["another tree", 422, () => new ReferenceLog(scene.key, 9, "b").request(5, 9)],
    [
      "the same size with another root",
      422,
      () => new ReferenceLog(scene.key, 9, "b").request(5, 5),
    ],
    ["the same size with a proof", 422, () => requestOf(5, [ZERO], scene.log.checkpoint(5))],
  ];
  test.each(refusals)("refuses %s with %i, and goes on", async (_name, status, request) => {
    const url = await serve();
    expect((await post(url, scene.log.request(0, 5))).status).toBe(200);
    const answer = await post(url, request());
    expect(answer.status).toBe(status);
    if (status === 409) expect(answer.body.toString()).toBe("5\n");
    else expect(problemOf(answer)).toEqual([expect.any(String), expect.stringMatching(/./)]);
    expect(faults).toEqual([]);
    expect((await post(url, scene.log.request(5, 6))).status).toBe(200);
  });

  test.each([
    ["a proof from 0", 422, () => requestOf(0, [ZERO], scene.log.checkpoint(5))],
    [
      "an empty tree with another root",
      422,
      () => requestOf(0, [], signed(`${ORIGIN}\n0\n${ZERO}\n`)),
    ],
    [
      "an empty tree with a proof",
      422,
      () => requestOf(0, [ZERO], signed(`${ORIGIN}\n0\n${EMPTY}\n`)),
    ],
    ["an empty tree", 200, () => requestOf(0, [], signed(`${ORIGIN}\n0\n${EMPTY}\n`))],
  ] as const)("at the start, answers %s with %i", async (_name, status, request) => {
    const url = await serve();
    expect((await post(url, request())).status).toBe(status);
    expect((await post(url, scene.log.request(0, 5))).status).toBe(200);
  });

  test.each([0, 4, 6, 9])("answers old size %i with 409 and its own size", async (old) => {
    const url = await serve();
    await post(url, scene.log.request(0, 5));
    const { status, type, body } = await post(url, scene.log.request(old, 9));
    expect([status, type, body.toString()]).toEqual([409, "text/x.tlog.size", "5\n"]);
    expect((await post(url, scene.log.request(5, 9))).status).toBe(200);
  });

  test("of requests that race, one is granted", async () => {
    const url = await serve();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        post(url, new ReferenceLog(scene.key, 9, `s${at}`).request(0, 9)),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array<number>(9).fill(409)]);
  });

  test("a failed write is told to the operator alone, and the retry is granted", async () => {
    const url = await serve();
    scene.store.failNext = "after";
    const answer = await post(url, scene.log.request(0, 5));
    expect(answer.status).toBe(500);
    expect(problemOf(answer)[1]).not.toContain("no answer");
    expect(faults).toEqual([expect.objectContaining({ code: "WITNESS_STORE_FAILED" })]);
    // It was stored: the client learns the size, and gets its cosignature.
    expect((await post(url, scene.log.request(0, 5))).body.toString()).toBe("5\n");
    expect((await post(url, scene.log.request(5, 5))).status).toBe(200);
  });

  test("damage and a clock that is behind are told to the operator", async () => {
    const url = await serve();
    await post(url, scene.log.request(0, 5));
    scene.now -= 1;
    const late = await post(url, scene.log.request(5, 6));
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "5"]);
    scene.store.states.clear();
    expect((await post(await serve(), scene.log.request(0, 6))).status).toBe(500);
    expect(faults).toEqual([
      expect.objectContaining({ code: "WITNESS_CLOCK_BACKWARD" }),
      expect.objectContaining({ code: "WITNESS_STATE_DAMAGED" }),
    ]);
  });
});

describe("GET checkpoint", () => {
  test("serves what was cosigned last", async () => {
    const url = await serve();
    const path = `${url}/${scene.hash}/checkpoint`;
    expect((await got(await fetch(path))).status).toBe(404);
    const line = (await post(url, scene.log.request(0, 5))).body.toString("utf8");
    const { status, type, body } = await got(await fetch(path));
    expect([status, type]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(body.toString("utf8")).toBe(scene.log.checkpoint(5) + line);
    const head = await fetch(path, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(body.length));
  });

  test.each([
    ["GET", "/", 404],
    ["GET", "/add-checkpoint", 405],
    ["PUT", "/add-checkpoint", 405],
    ["POST", "/add-checkpoint/", 404],
    ["POST", "/add-checkpoint?x", 404],
    ["GET", `/${"A".repeat(64)}/checkpoint`, 404],
    ["GET", `/${"0".repeat(64)}/checkpoint`, 404],
    ["GET", `/${"0".repeat(63)}/checkpoint`, 404],
    ["POST", `/${"0".repeat(64)}/checkpoint`, 405],
  ] as readonly (readonly [string, string, number])[])(
    "%s %s is %i",
    async (method, path, status) => {
      const answer = await got(await fetch((await serve()) + path, { method }));
      expect(answer.status).toBe(status);
      problemOf(answer);
      expect(answer.headers.has("allow")).toBe(status === 405);
    },
  );
});

describe("bounds", () => {
  /** Sends bytes and yields all that comes back until the server hangs up. */
  async function exchange(url: string, text: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let back = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      back += chunk;
    });
    socket.write(text);
    await once(socket, "close");
    return back;
  }
  const head = "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n";

  test("a body that says it is too long is not waited for", async () => {
    const url = await serve();
    const back = await exchange(url, `${head}Content-Length: 131073\r\n\r\n`);
    expect(back).toMatch(/^HTTP\/1.1 413 /);
  });

  test("a body that is longer than it may be is cut off", async () => {
    const url = await serve({ maxBodyBytes: 10 });
    const back = await exchange(
      url,
      `${head}Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n`,
    );
    expect(back).toMatch(/^HTTP\/1.1 413 /);
  });

  test("a body that does not come is cut off, and others are served meanwhile", async () => {
    const url = await serve({ bodyTimeoutMs: 300 });
    const slow = exchange(url, `${head}Content-Length: 100\r\n\r\nold 0\n`);
    expect((await post(url, scene.log.request(0, 5))).status).toBe(200);
    expect(await slow).toMatch(/^HTTP\/1.1 408 /);
  });

  test("more requests than may be at work are sent away", async () => {
    const url = await serve({ maxRequests: 1, bodyTimeoutMs: 60_000 });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(`${head}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n`);
    // The server says so once the request is at work.
    await once(socket, "data");
    const answer = await post(url, scene.log.request(0, 5));
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(problemOf(answer)[1]).toBe("too many requests at once");
    socket.destroy();
    let status = 503;
    while (status === 503) ({ status } = await post(url, scene.log.request(0, 5)));
    expect(status).toBe(200);
  });

  test("a note of 16 signatures fits", async () => {
    const url = await serve();
    const stray = `— stray ${Buffer.alloc(2432).toString("base64")}\n`;
    const request = `${scene.log.request(0, 5)}${stray.repeat(15)}`;
    expect((await post(url, request)).status).toBe(200);
  });
});
