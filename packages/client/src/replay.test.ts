import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { encodeCbor, spliceByteStrings, spliceBytes } from "@tallystick/cose";
import { encodeChainLink } from "@tallystick/receipt";

import type { ServiceClient } from "./service.js";
import { LoopbackServer } from "./testing/loopback.js";
import { refusalOf } from "./testing/refusal.js";
import { makeScene } from "./testing/scene.js";
import type { Scene } from "./testing/scene.js";
import { Wire, answer, json, problem } from "./testing/wire.js";

const TYPE = { "content-type": "application/cbor-seq" };
const ENTRIES = "GET /replay/entries/0";
const CHECKPOINTS = "GET /replay/checkpoints/7";

let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
});

const loopback = new LoopbackServer();

afterEach(() => loopback.stop());

function sequenceOf(...items: readonly Uint8Array[]): ReturnType<typeof answer> {
  return answer(200, TYPE, Uint8Array.from(items.flatMap((item) => [...item])));
}

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function pairOf(n: number): readonly [Uint8Array, Uint8Array] {
  return [Uint8Array.of(1, n), Uint8Array.of(2, n)];
}

describe("the entries of a bundle", () => {
  test("come in the order of the log", async () => {
    const pairs = [1, 2, 3].map(pairOf);
    const wire = new Wire({ [ENTRIES]: [sequenceOf(...pairs.map(spliceByteStrings))] });
    const found = await collected(wire.client().replayEntries(0));
    expect(found).toEqual(pairs.map(([statement, collateral]) => ({ statement, collateral })));
    expect(wire.sent[0]?.headers.get("accept")).toBe("application/cbor-seq");
  });

  test("are asked for again when the service is busy", async () => {
    const busy = problem(503, ["Busy", "later"], { "retry-after": "2" });
    const wire = new Wire({ [ENTRIES]: [busy, sequenceOf(spliceByteStrings(pairOf(1)))] });
    expect(await collected(wire.client().replayEntries(0))).toHaveLength(1);
    expect(wire.waits).toEqual([2000]);
  });

  test("are 256 at most", async () => {
    const pairs = Array.from({ length: 257 }, (_, n) => spliceByteStrings(pairOf(n % 256)));
    const all = new Wire({ [ENTRIES]: [sequenceOf(...pairs.slice(1))] });
    expect(await collected(all.client().replayEntries(0))).toHaveLength(256);
    const more = new Wire({ [ENTRIES]: [sequenceOf(...pairs)] });
    const error = await refusalOf(() => collected(more.client().replayEntries(0)));
    expect(error).toMatchObject({ code: "CLIENT_PROTOCOL" });
    expect(error.message).toContain("more than 256");
  });

  test.each([
    ["that is unknown", problem(404, ["Not Found", "no bundle"]), "CLIENT_REFUSED"],
    ["of JSON", json({}), "CLIENT_PROTOCOL"],
    ["of no type", answer(200), "CLIENT_PROTOCOL"],
    ["elsewhere", answer(307, { location: "/elsewhere" }), "CLIENT_PROTOCOL"],
    ["of byte strings alone", sequenceOf(spliceBytes(Uint8Array.of(1))), "CLIENT_PROTOCOL"],
    ["cut short", sequenceOf(Uint8Array.of(0x82, 0x41)), "CLIENT_PROTOCOL"],
    ["of indefinite length", sequenceOf(Uint8Array.of(0x9f, 0x40, 0x40, 0xff)), "CLIENT_PROTOCOL"],
    ["of a huge string", sequenceOf(Uint8Array.of(0x82, 0x5a, 1, 0, 0, 1)), "CLIENT_PROTOCOL"],
  ])("%s are refused", async (_name, given, code) => {
    const client = new Wire({ [ENTRIES]: [given] }).client();
    expect((await refusalOf(() => collected(client.replayEntries(0)))).code).toBe(code);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53])("of bundle %p are a TypeError", (bundle) => {
    const wire = new Wire({});
    expect(() => wire.client().replayEntries(bundle)).toThrow(TypeError);
    expect(() => wire.client().replayCheckpoints(bundle)).toThrow(TypeError);
    expect(wire.sent).toEqual([]);
  });
});

describe("the checkpoints of a bundle", () => {
  test("come in order, and there may be none", async () => {
    const records = [Uint8Array.of(1), Uint8Array.of(2)];
    const wire = new Wire({
      [CHECKPOINTS]: [sequenceOf(...records.map(spliceBytes)), sequenceOf()],
    });
    const client = wire.client();
    expect(await collected(client.replayCheckpoints(7))).toEqual(records);
    expect(await collected(client.replayCheckpoints(7))).toEqual([]);
  });

  test("are no longer than a receipt", async () => {
    const record = spliceBytes(new Uint8Array(65_537));
    const client = new Wire({ [CHECKPOINTS]: [sequenceOf(record)] }).client();
    const error = await refusalOf(() => collected(client.replayCheckpoints(7)));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});

describe("a single checkpoint", () => {
  test("is a chain record, by size or the newest", async () => {
    const checkpoint = Uint8Array.of(0xf6);
    const previousDigest = new Uint8Array(32);
    const record = encodeChainLink({ checkpoint, previousDigest, previousSize: 0 });
    const given = answer(200, { "content-type": "application/cbor" }, spliceBytes(record));
    const wire = new Wire({ "GET /checkpoints/2": [given], "GET /checkpoints/latest": [given] });
    expect(await wire.client().checkpoint(2)).toEqual(record);
    expect(await wire.client().latestCheckpoint()).toEqual(record);
  });

  test.each([
    ["no byte string", encodeCbor("record")],
    ["too short", spliceBytes(new Uint8Array(40))],
    ["no CBOR", Uint8Array.of(0x5f)],
  ])("that is %s is refused", async (_name, body) => {
    const given = answer(200, { "content-type": "application/cbor" }, body);
    const client = new Wire({ "GET /checkpoints/latest": [given] }).client();
    expect((await refusalOf(() => client.latestCheckpoint())).code).toBe("CLIENT_PROTOCOL");
  });

  test.each([0, -1, 1.5])("of size %p is a TypeError", async (size) => {
    await expect(new Wire({}).client().checkpoint(size)).rejects.toThrow(TypeError);
  });
});

describe("what an entry was admitted with", () => {
  test("is read as it is", async () => {
    const body = Uint8Array.of(0xa0);
    const given = answer(200, { "content-type": "application/cbor" }, body);
    const wire = new Wire({ [`GET /entries/${scene.entryId}/collateral`]: [given] });
    expect(await wire.client().collateral(scene.entryId)).toEqual(body);
  });

  test("and its policy are of an EntryID", async () => {
    const wire = new Wire({ [`GET /policies/${scene.entryId}`]: [json({ format: "f" })] });
    expect(await wire.client().policyDocument(scene.entryId)).toEqual({ format: "f" });
    await expect(wire.client().policyDocument("../version")).rejects.toThrow(TypeError);
    expect(() => wire.client().collateral("../version")).toThrow(TypeError);
  });
});

describe("over a real connection", () => {
  const one = spliceByteStrings(pairOf(1));

  async function firstOf(client: ServiceClient): Promise<AsyncGenerator> {
    const entries = client.replayEntries(0);
    expect((await entries.next()).done).toBe(false);
    return entries;
  }

  test("an entry is there before the next is sent", async () => {
    let finish: () => void = () => undefined;
    const client = await loopback.clientOf((_request, response) => {
      response.writeHead(200, TYPE).write(one);
      finish = () => response.end(one);
    });
    const entries = await firstOf(client);
    finish();
    expect(await collected(entries)).toHaveLength(1);
  });

  test("silence between two entries is a timeout", async () => {
    const client = await loopback.clientOf(
      (_request, response) => {
        response.writeHead(200, TYPE).write(one);
      },
      { timeoutMs: 100 },
    );
    const entries = await firstOf(client);
    const error = await refusalOf(() => entries.next());
    expect(error).toMatchObject({ code: "CLIENT_TIMEOUT" });
  });

  test("a connection that breaks is no end", async () => {
    let broken: () => void = () => undefined;
    const client = await loopback.clientOf((_request, response) => {
      response.writeHead(200, TYPE).write(one);
      broken = () => response.destroy();
    });
    const entries = await firstOf(client);
    broken();
    expect((await refusalOf(() => entries.next())).code).toBe("CLIENT_UNREACHABLE");
  });

  test("whoever stops reading is sent no more", async () => {
    let closed: () => void = () => undefined;
    const isClosed = new Promise<void>((settle) => (closed = settle));
    const client = await loopback.clientOf((_request, response) => {
      response.on("close", closed);
      response.writeHead(200, TYPE).write(one);
    });
    await (await firstOf(client)).return(undefined);
    await isClosed;
  });
});
