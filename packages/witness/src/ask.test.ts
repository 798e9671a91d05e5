import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { decodeBase64, parseNote, VerifierKey } from "@tallystick/tlog";
import type { Note } from "@tallystick/tlog";

import { askWitness, latestAt } from "./ask.js";
import type { Asked, CosignRequest } from "./ask.js";
import { serveWitness } from "./http.js";
import type { RunningWitness } from "./http.js";
import { HostileWitness } from "./testing/hostile.js";
import type { Behaviour } from "./testing/hostile.js";
import { ReferenceKey, ReferenceLog } from "./testing/reference-log.js";
import { bytesOf, ORIGIN, Scene } from "./testing/scene.js";

let scene: Scene;
const running: RunningWitness[] = [];
const hostile: HostileWitness[] = [];

beforeEach(async () => {
  scene = await Scene.open();
});
afterEach(async () => {
  await Promise.all([...running.splice(0), ...hostile.splice(0)].map((one) => one.close()));
});

async function honest(prefix = ""): Promise<string> {
  const at = { host: "127.0.0.1", port: 0 };
  const one = await serveWitness(scene.witness(), at, { prefix });
  running.push(one);
  return one.url;
}

async function hostileAt(behave: Behaviour): Promise<HostileWitness> {
  const one = await HostileWitness.start(behave);
  hostile.push(one);
  return one;
}

function noteOf(size: number): Note {
  return parseNote(bytesOf(scene.log.checkpoint(size)));
}

function requestFor(size: number, oldSize: number, note = noteOf(size)): CosignRequest {
  const prove = (from: number): Promise<readonly Uint8Array[]> =>
    Promise.resolve(scene.log.proof(from, size).map((line) => hashOf(line)));
  return { note, oldSize, prove };
}

function hashOf(line: string): Uint8Array {
  return decodeBase64(line) ?? new Uint8Array();
}

interface AskFor {
  readonly url: string;
  readonly size?: number;
  readonly oldSize?: number;
  readonly timeoutMs?: number;
}

function ask({ url, size = 7, oldSize = 0, timeoutMs = 10_000 }: AskFor): Promise<Asked> {
  const keys = scene.signers.map(({ key }) => key);
  const options = { now: () => scene.now, timeoutMs };
  return askWitness({ url, keys }, requestFor(size, oldSize), options);
}

/** The answer of an honest witness of the same key to a request. */
function honestAnswer(from: number, to: number): Promise<string> {
  return scene.witness().addCheckpoint(bytesOf(scene.log.request(from, to)));
}

describe("a witness that is asked", () => {
  test.each([
    ["for the first time", [], 0],
    ["again from where it is", [3, 5], 5],
    ["from where it was before", [3, 5], 3],
    ["as if for the first time", [3, 5], 0],
  ])("W10: cosigns %s", async (_name, before, oldSize) => {
    const url = await honest("/w1");
    for (const size of before) expect((await ask({ url, size })).outcome).toBe("cosigned");
    const { outcome, cosignatures } = await ask({ url: `${url}/`, oldSize });
    expect(outcome).toBe("cosigned");
    expect(cosignatures.map(({ key, time }) => [key.format(), time])).toEqual([
      [scene.vkey, scene.now],
    ]);
  });

  test("yields a cosignature of each of its keys", async () => {
    scene = await Scene.open({ isPostQuantum: true });
    const { cosignatures } = await ask({ url: await honest() });
    expect(cosignatures.map(({ key }) => key.type)).toEqual([
      "ed25519-cosignature",
      "ml-dsa-44-cosignature",
    ]);
  });

  test("cosigns the same tree again, from its own size and without a proof", async () => {
    const url = await honest();
    await ask({ url });
    scene.now += 60;
    const { cosignatures } = await ask({ url, oldSize: 7 });
    expect(cosignatures.map(({ time }) => time)).toEqual([scene.now]);
  });

  test("that watches another log, or another key of it, refuses", async () => {
    const url = await honest();
    const stranger = new ReferenceLog(new ReferenceKey(ORIGIN), 7);
    const note = parseNote(bytesOf(stranger.checkpoint(7)));
    const peer = { url, keys: scene.signers.map(({ key }) => key) };
    const asked = await askWitness(peer, requestFor(7, 0, note), { now: () => scene.now });
    expect(asked).toEqual({ outcome: "refused", cosignatures: [], claimedSize: undefined });
  });

  test("that has seen a larger tree says so, and one that has seen another is inconsistent", async () => {
    const url = await honest();
    await ask({ url, size: 9 });
    const rolledBack = await ask({ url, size: 7, oldSize: 5 });
    expect(rolledBack).toEqual({ outcome: "conflict", cosignatures: [], claimedSize: 9 });
    const fork = new ReferenceLog(scene.key, 20, "b");
    const note = parseNote(bytesOf(fork.checkpoint(12)));
    const peer = { url, keys: scene.signers.map(({ key }) => key) };
    const forked = await askWitness(peer, requestFor(12, 9, note), { now: () => scene.now });
    expect(forked.outcome).toBe("inconsistent");
  });

  test("that is not there is unavailable", async () => {
    const gone = await HostileWitness.start(() => undefined);
    await gone.close();
    expect((await ask({ url: gone.url })).outcome).toBe("unavailable");
  });
});

type Answer = (response: Parameters<Behaviour>[0]) => void;

function says(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, headers).end(body);
  };
}

const SIZE = { "content-type": "text/x.tlog.size" };

describe("F16: a hostile witness can only fail to help", () => {
  test.each<[string, Answer, Asked["outcome"]]>([
    ["no line", says(200, ""), "malformed"],
    ["no signature line", says(200, "hello\n"), "malformed"],
    ["a line without its end", says(200, "— a aGVsbG8h"), "malformed"],
    ["HTML", says(200, "<html>\n", { "content-type": "text/html" }), "malformed"],
    ["10 MB", says(200, "— a aGVsbG8h\n".repeat(700_000)), "malformed"],
    ["100,000 signatures", says(200, "— a aGVsbG8h\n".repeat(4_000)), "malformed"],
    ["a redirect", says(302, "", { location: "http://127.0.0.1:9/" }), "malformed"],
    ["a 204", says(204, ""), "malformed"],
    ["400", says(400, "no"), "refused"],
    ["403", says(403, "no"), "refused"],
    ["404", says(404, "no"), "refused"],
    ["422", says(422, "no"), "inconsistent"],
    ["500", says(500, "no"), "unavailable"],
    ["503", says(503, "no"), "unavailable"],
    ["a 409 without a size", says(409, "no", SIZE), "malformed"],
    ["a 409 of another type", says(409, "5\n"), "malformed"],
    ["a 409 with a size beyond 2^53", says(409, "9999999999999999\n", SIZE), "malformed"],
    ["a 409 with a size of 10,000 digits", says(409, "9".repeat(10_000), SIZE), "malformed"],
    ["a 409 with a negative size", says(409, "-1\n", SIZE), "malformed"],
    ["a hang-up", (response) => response.destroy(), "unavailable"],
    ["a body that is promised and broken off", breaksOff, "unavailable"],
  ])("%s", async (_name, answer, outcome) => {
    const witness = await hostileAt(answer);
    const asked = await ask({ url: witness.url });
    expect(asked).toEqual({ outcome, cosignatures: [], claimedSize: undefined });
    expect(witness.bodies).toHaveLength(1);
  });

  test.each<[string, number, readonly number[]]>([
    ["of a huge size is not followed", 9_007_199_254_740_991, [3]],
    ["of one more than ours is not followed", 8, [3]],
    ["of the size that was asked from is not followed", 3, [3]],
    ["of a smaller size is followed once", 2, [3, 2]],
    ["of nothing is followed once", 0, [3, 0]],
    ["of our own size is followed once", 7, [3, 7]],
  ])("a 409 %s", async (_name, claimed, olds) => {
    const witness = await hostileAt(says(409, `${String(claimed)}\n`, SIZE));
    const asked = await ask({ url: witness.url, oldSize: 3 });
    expect(asked).toEqual({ outcome: "conflict", cosignatures: [], claimedSize: claimed });
    expect(witness.bodies.map((body) => body.split("\n")[0])).toEqual(
      olds.map((old) => `old ${String(old)}`),
    );
  });

  test.each<[string, (response: Parameters<Behaviour>[0]) => void]>([
    ["nothing at all", () => undefined],
    ["headers and nothing else", sendsHeaders],
    ["a drop at a time", drips],
  ])("is given up on when it sends %s", async (_name, behave) => {
    const witness = await hostileAt(behave);
    expect((await ask({ url: witness.url, timeoutMs: 100 })).outcome).toBe("late");
  });

  test("cannot pass a signature that is not over this checkpoint under its key", async () => {
    const replayed = await honestAnswer(0, 5);
    const good = await honestAnswer(5, 7);
    const other = await (async () => {
      const stranger = await Scene.open();
      const log = new ReferenceLog(stranger.key, 20);
      return stranger.witness().addCheckpoint(bytesOf(log.request(0, 7)));
    })();
    scene.now += 301;
    const inTheFuture = await honestAnswer(7, 7);
    scene.now -= 301;
    const flipped = good.replace(/ (.)(.{15})./, (_all, a: string, b: string) => ` ${a}${b}x`);
    const rows = { replayed, other, inTheFuture, flipped, renamed: good.replace("w1", "w2") };
    for (const [name, lines] of Object.entries(rows)) {
      const witness = await hostileAt(says(200, lines));
      const asked = await ask({ url: witness.url });
      expect([name, asked.outcome, asked.cosignatures]).toEqual([name, "unverified", []]);
    }
    const twice = await hostileAt(says(200, `${good}${good}`));
    expect((await ask({ url: twice.url })).cosignatures).toHaveLength(1);
    const amongOthers = await hostileAt(says(200, `— a aGVsbG8h\n${good}`));
    expect((await ask({ url: amongOthers.url })).outcome).toBe("cosigned");
  });

  test("ends at once when the caller gives up", async () => {
    const stop = new AbortController();
    const witness = await hostileAt(() => {
      stop.abort();
    });
    const peer = { url: witness.url, keys: scene.signers.map(({ key }) => key) };
    const options = { now: () => scene.now, signal: stop.signal };
    expect((await askWitness(peer, requestFor(7, 0), options)).outcome).toBe("late");
    expect((await askWitness(peer, requestFor(7, 0), options)).outcome).toBe("late");
    expect(witness.bodies).toHaveLength(1);
  });
});

function breaksOff(response: Parameters<Behaviour>[0]): void {
  response.writeHead(200, { "content-length": "100" });
  response.write("— a ");
  response.destroy();
}

function sendsHeaders(response: Parameters<Behaviour>[0]): void {
  response.writeHead(200).flushHeaders();
}

function drips(response: Parameters<Behaviour>[0]): void {
  response.writeHead(200);
  const dripping = setInterval(() => response.write("."), 10);
  response.on("close", () => {
    clearInterval(dripping);
  });
}

describe("what a witness has of a log", () => {
  function latest(
    url: string,
    key = VerifierKey.parse(scene.key.vkey),
  ): ReturnType<typeof latestAt> {
    return latestAt({ url, keys: [] }, { origin: ORIGIN, key }, { timeoutMs: 1000 });
  }

  test("W12: is the last checkpoint cosigned, under the log's own signature", async () => {
    const url = await honest();
    expect(await latest(url)).toBeUndefined();
    await ask({ url });
    const found = await latest(url);
    expect(found?.checkpoint).toMatchObject({ origin: ORIGIN, size: 7 });
    expect(new TextDecoder().decode(found?.bytes)).toContain(scene.log.checkpoint(7));
    const stranger = VerifierKey.parse(new ReferenceKey(ORIGIN).vkey);
    expect(await latest(url, stranger)).toBeUndefined();
  });

  test("is looked for at the monitoring prefix where there is one, and there alone", async () => {
    const url = await honest();
    await ask({ url });
    const submission = await hostileAt(says(200, "hello"));
    const peer = { url: submission.url, monitorUrl: `${url}/`, keys: [] };
    const own = { origin: ORIGIN, key: VerifierKey.parse(scene.key.vkey) };
    const found = await latestAt(peer, own, { timeoutMs: 1000 });
    expect(found?.checkpoint).toMatchObject({ origin: ORIGIN, size: 7 });
    expect(submission.bodies).toHaveLength(0);
  });

  test.each<[string, () => Answer]>([
    ["nothing", () => says(404, "")],
    ["no note", () => says(200, "hello")],
    ["a note that nobody signed", () => says(200, `${scene.log.text(9)}\n— a aGVsbG8h\n`)],
    ["a note of another key", () => says(200, otherKey())],
    ["a note of this key over another log", () => says(200, otherOrigin())],
    ["a note with another size put in", () => says(200, enlarged())],
    ["more than a note can be", () => says(200, "a".repeat(300_000))],
    ["a redirect", () => says(307, "", { location: "http://127.0.0.1:9/" })],
  ])("is nothing when it shows %s", async (_name, answer) => {
    const witness = await hostileAt(answer());
    expect(await latest(witness.url)).toBeUndefined();
    expect(witness.bodies).toHaveLength(1);
  });

  function otherKey(): string {
    return new ReferenceLog(new ReferenceKey(ORIGIN), 9).checkpoint(9);
  }

  function otherOrigin(): string {
    const text = scene.log.text(9).replace(ORIGIN, "log.example/2");
    return `${text}\n${scene.key.line(text)}`;
  }

  function enlarged(): string {
    return scene.log.checkpoint(9).replace("\n9\n", "\n900\n");
  }
});
