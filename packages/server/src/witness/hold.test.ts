import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MemoryStore } from "@tallystick/log";
import type { MemoryAnchor } from "@tallystick/log";
import { noteSigner, WitnessPolicy } from "@tallystick/tlog";

import { serve } from "../listen.js";
import { TransparencyService } from "../service.js";
import { metric, post, problemOf, read, until } from "../testing/exchange.js";
import { type Fixture, fixture, ISSUER, ORIGIN, TIME } from "../testing/service.js";
import { MemoryKeeper, TestWitness } from "../testing/witnesses.js";
import type { WitnessOptions } from "./options.js";

interface Copy {
  readonly store: MemoryStore;
  readonly anchor: MemoryAnchor;
}

let made: Fixture;
let kept: Copy;
let notices: string[];
let alarms: string[];
let witnesses: readonly TestWitness[];
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  const store = new MemoryStore();
  made = await fixture(store);
  await made.service.close();
  kept = { store, anchor: made.anchor };
  [notices, alarms] = [[], []];
  witnesses = await Promise.all(
    ["a", "b", "c"].map((name) => TestWitness.start(name, made.noteKey)),
  );
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await Promise.all(witnesses.map((witness) => witness.close()));
});

function copy({ store, anchor }: Copy = kept): Copy {
  return { store: store.reopen(), anchor: anchor.reopen() };
}

const GROUPS = new Map([
  ["two", "group two 2 a b c\n"],
  ["one", "group one any a b c\n"],
]);

function policyOf(quorum: string): WitnessPolicy {
  const lines = witnesses.map(({ line }) => line).join("");
  const text = `${lines}${GROUPS.get(quorum) ?? ""}quorum ${quorum}\n`;
  return WitnessPolicy.parse(new TextEncoder().encode(text));
}

interface Opened {
  readonly service: TransparencyService;
  readonly url: string;
  readonly stop: () => Promise<void>;
}

async function open(changes: Partial<WitnessOptions> = {}, at: Copy = copy()): Promise<Opened> {
  const service = await TransparencyService.open({
    ...{ issuer: ISSUER, origin: ORIGIN, signer: made.receiptKey, now: () => TIME, ...at },
    noteSigner: noteSigner(ORIGIN, "ed25519", made.noteKey),
    witnesses: {
      ...{ policy: policyOf("two"), mode: "preferred", keeper: new MemoryKeeper() },
      ...{ everyMs: 20, pauseMs: 0, timeoutMs: 2000, bootTimeoutMs: 2000 },
      onNotice: (line) => notices.push(line),
      onAlarm: (line) => alarms.push(line),
      ...changes,
    },
  });
  const server = await serve(service, { host: "127.0.0.1", port: 0, maxQuorumAge: 60 });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= server.close().then(() => service.close());
    return stopping;
  };
  closing.push(stop);
  return { service, url: server.url, stop };
}

/** Has the log grow and be cosigned, and yields what there was of all of it before. */
async function outgrow(): Promise<Copy> {
  const older = copy();
  const { service, url, stop } = await open();
  for (const text of ["one", "two"]) {
    expect((await post(url, await made.sign(text))).status).toBe(201);
  }
  const sizes = (): unknown[] =>
    (service.witnessing?.peers ?? []).map(({ cosigned }) => cosigned?.size);
  await until(() => sizes().every((size) => size === 4));
  await stop();
  return older;
}

/** Witnesses that cosign and show nothing: their monitoring resources are 404. */
function hideNotes(names = ["a", "b", "c"]): void {
  for (const witness of witnesses.filter(({ name }) => names.includes(name))) {
    witness.behaviour = (request, response) => {
      if (request.method === "POST") witness.honest(request, response);
      else response.writeHead(404).end();
    };
  }
}

function answer(status: number, body: string, names: readonly string[]): void {
  for (const witness of witnesses.filter(({ name }) => names.includes(name))) {
    witness.behaviour = (request, response) => {
      request.resume();
      response.writeHead(status, { "content-type": "text/x.tlog.size" }).end(body);
    };
  }
}

function behave(): void {
  for (const witness of witnesses) witness.behaviour = witness.honest;
}

async function statusOf(url: string, text: string): Promise<number> {
  return (await post(url, await made.sign(text))).status;
}

interface Health {
  readonly status: string;
  readonly witnesses: {
    readonly quorum: { readonly size: number; readonly ageSeconds: number | null };
    readonly witnesses: readonly {
      readonly name: string;
      readonly outcome: string | null;
      readonly cosigned: { readonly size: number; readonly time: number } | null;
    }[];
  };
}

async function healthOf(url: string): Promise<Health> {
  return JSON.parse(new TextDecoder().decode((await read(`${url}/health`)).body)) as Health;
}

async function homeOf(url: string): Promise<unknown> {
  return (JSON.parse(new TextDecoder().decode((await read(url)).body)) as { state: unknown }).state;
}

describe("F5: an older copy of everything, whose witnesses show no checkpoint", () => {
  test.each(["preferred", "required"] as const)(
    "%s: registers nothing, says why everywhere, and can be read",
    async (mode) => {
      const older = await outgrow();
      hideNotes();
      const { url, service } = await open({ mode }, older);
      const refused = await post(url, await made.sign("another"));
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "30"]);
      const why =
        "a quorum of witnesses contradicts this log: a has cosigned 4 entries, " +
        "b has cosigned 4 entries, c has cosigned 4 entries";
      expect(problemOf(refused)).toEqual([
        "Held",
        `Nothing is registered while witnesses contradict the log; what is logged can be read: ${why}`,
      ]);
      const ready = await read(`${url}/ready`);
      expect([ready.status, problemOf(ready)[1]]).toEqual([503, expect.stringContaining(why)]);
      expect((await read(`${url}/health`)).status).toBe(503);
      expect(await healthOf(url)).toMatchObject({
        ...{ status: "held", code: "SERVER_HELD", reason: why, held: why, size: 2 },
        witnesses: {
          mode,
          quorum: { size: 0, ageSeconds: null },
          witnesses: [
            { name: "a", outcome: "conflict", cosigned: null },
            { name: "b", outcome: "conflict", cosigned: null },
            { name: "c", outcome: "conflict", cosigned: null },
          ],
        },
      });
      expect(await homeOf(url)).toEqual({ status: "held", reason: why, held: why });
      expect(await metric(url, "tallystick_held")).toBe(1);
      expect(await metric(url, "tallystick_writable")).toBe(0);
      expect(alarms).toEqual([`tally: nothing is registered: ${why}; the log has 2 entries`]);
      expect((await read(`${url}/checkpoints/2`)).status).toBe(200);
      // It is a claim, and so closes nothing.
      expect(service.standing()).toEqual({ kind: "writer" });
      expect(service.size()).toBe(2);
    },
  );

  test("answers who registers again what is on the log, while it is held", async () => {
    const statement = await made.sign("zero");
    const at = copy();
    const first = await open({}, at);
    expect((await post(first.url, statement)).status).toBe(201);
    await first.stop();
    answer(409, "900\n", ["a", "b"]);
    const { url } = await open({}, copy(at));
    expect([(await post(url, statement)).status, await statusOf(url, "new")]).toEqual([201, 503]);
  });

  test("is held at a later round too, also when its fork has outgrown what was cosigned", async () => {
    const older = await outgrow();
    answer(503, "", ["a", "b", "c"]);
    const { url, service } = await open({}, older);
    for (const text of ["x", "y", "z"]) expect(await statusOf(url, text)).toBe(201);
    hideNotes();
    await until(() => !service.isWritable());
    expect(await statusOf(url, "more")).toBe(503);
    expect(service.witnessing?.held()).toContain("a has cosigned another log");
    expect(service.size()).toBe(5);
  });

  test("is frozen and not only held where one witness shows the checkpoint", async () => {
    const older = await outgrow();
    hideNotes(["a", "b"]);
    const { service, url } = await open({}, older);
    expect(service.standing()).toMatchObject({ kind: "reader", code: "LOG_FROZEN" });
    const claim = "a has cosigned 4 entries, b has cosigned 4 entries";
    expect(await healthOf(url)).toMatchObject({
      ...{ status: "read-only", code: "LOG_FROZEN" },
      held: expect.stringContaining(claim),
    });
    const [, detail] = problemOf(await read(`${url}/ready`));
    expect(detail).toMatch(new RegExp(`: LOG_FROZEN: .+; SERVER_HELD: .+${claim}`));
    expect(await homeOf(url)).toMatchObject({
      ...{ status: "frozen", held: expect.stringContaining(claim) },
    });
    expect(await metric(url, "tallystick_held")).toBe(1);
    expect(await metric(url, "tallystick_read_only")).toBe(1);
  });

  test("says both once it is stopped as well", async () => {
    const older = await outgrow();
    hideNotes();
    const { service, url } = await open({}, older);
    expect(await metric(url, "tallystick_read_only")).toBe(0);
    await service.close();
    const held = expect.stringContaining("contradicts this log");
    expect(await healthOf(url)).toMatchObject({ status: "unavailable", held });
    const [, detail] = problemOf(await read(`${url}/ready`));
    expect(detail).toMatch(/: LOG_UNAVAILABLE: .+; SERVER_HELD: .+ contradicts this log/);
  });

  test("registers where the operator says so, and is told of it", async () => {
    const older = await outgrow();
    hideNotes();
    for (const mode of ["preferred", "required"] as const) {
      const { url, stop } = await open({ mode, ignoreSizes: true }, copy(older));
      expect(await statusOf(url, "another")).toBe(201);
      expect(alarms.at(-1)).toContain("registered all the same, as asked: a quorum of witnesses");
      await stop();
    }
  });
});

describe("a hold", () => {
  test.each<[string, { quorum: string; liars: readonly string[]; isHeld: boolean }]>([
    [
      "one of three does not make, where two are a quorum",
      { quorum: "two", liars: ["a"], isHeld: false },
    ],
    ["two of three make", { quorum: "two", liars: ["b", "c"], isHeld: true }],
    ["one makes where any one is a quorum", { quorum: "one", liars: ["a"], isHeld: true }],
    [
      "one does not make where the policy asks for none",
      { quorum: "none", liars: ["a"], isHeld: false },
    ],
    [
      "more than half make where the policy asks for none",
      { quorum: "none", liars: ["a", "c"], isHeld: true },
    ],
    ["the one makes that is the whole quorum", { quorum: "b", liars: ["b"], isHeld: true }],
    [
      "one does not make that is no part of the quorum",
      { quorum: "b", liars: ["a", "c"], isHeld: false },
    ],
  ])("%s", async (_name, { quorum, liars, isHeld }) => {
    answer(409, "900\n", liars);
    const { url, service } = await open({ policy: policyOf(quorum) });
    expect(await statusOf(url, "one")).toBe(isHeld ? 503 : 201);
    expect(service.isWritable()).toBe(!isHeld);
    expect(notices.join("\n")).toContain("it says that it has size 900");
  });

  test.each<[string, number, string]>([
    ["a size that the log has", 409, "2\n"],
    ["a size that is none", 409, "9007199254740993\n"],
    ["not found", 404, ""],
    ["nothing of use", 200, "hello\n"],
  ])("is not made by %s", async (_name, status, body) => {
    answer(status, body, ["a", "b", "c"]);
    const { url } = await open();
    expect(await statusOf(url, "one")).toBe(201);
  });

  test("ends once those that made it cosign, and not when they fall silent", async () => {
    answer(409, "900\n", ["a", "b"]);
    const { url, service } = await open();
    expect(service.isWritable()).toBe(false);
    answer(503, "", ["a", "b"]);
    await until(() => service.witnessing?.peers.every(({ last }) => last !== "conflict") === true);
    expect(await statusOf(url, "one")).toBe(503);
    behave();
    await until(() => service.isWritable());
    expect(await statusOf(url, "one")).toBe(201);
    await until(() =>
      notices.some((line) => line.includes("no quorum of witnesses speaks against")),
    );
    expect(await metric(url, "tallystick_held")).toBe(0);
  });
});

describe("a witness that answers once the others have made the quorum", () => {
  test("is told of at once, and all are asked again", async () => {
    const { url, service } = await open({ policy: policyOf("one"), everyMs: 60_000 });
    const slow = witnesses[1];
    let release = (): void => undefined;
    const isAsked = new Promise<void>((asked) => {
      if (slow === undefined) throw new Error("want three witnesses");
      slow.behaviour = (request, response) => {
        request.resume();
        release = () => response.writeHead(409, { "content-type": "text/x.tlog.size" }).end("9\n");
        asked();
      };
    });
    expect(await statusOf(url, "one")).toBe(201);
    await isAsked;
    await until(() => service.witnessing?.witnessed?.size === 3);
    expect([alarms, service.isWritable()]).toEqual([[], true]);
    const [quick] = witnesses;
    const isAskedAgain = new Promise<void>((again) => {
      if (quick === undefined) throw new Error("want three witnesses");
      quick.behaviour = (request, response) => {
        quick.honest(request, response);
        again();
      };
    });
    release();
    await isAskedAgain;
    expect(service.isWritable()).toBe(false);
    const why = "a quorum of witnesses contradicts this log: b has cosigned 9 entries";
    expect(alarms).toEqual([`tally: nothing is registered: ${why}; the log has 3 entries`]);
  });
});

describe("a policy whose witnesses with a URL cannot make the quorum", () => {
  const told = "cannot make the quorum of their policy";

  test("is told of at the start, for no claim can hold the log", async () => {
    const unplaced = witnesses.map(({ line }, at) => (at < 2 ? line.replace(/ http.*/, "") : line));
    const text = `${unplaced.join("")}group two 2 a b c\nquorum two\n`;
    answer(409, "900\n", ["c"]);
    const { url } = await open({ policy: WitnessPolicy.parse(new TextEncoder().encode(text)) });
    expect(notices.filter((line) => line.includes(told))).toHaveLength(1);
    expect(await statusOf(url, "one")).toBe(201);
  });

  test("is told of no other", async () => {
    for (const quorum of ["two", "none"]) await (await open({ policy: policyOf(quorum) })).stop();
    expect(notices.join("\n")).not.toContain(told);
  });
});

describe("where no witness can be reached at the start", () => {
  test("preferred goes on, and says so; no quorum is a reason not to be ready", async () => {
    answer(503, "", ["a", "b", "c"]);
    const { url } = await open();
    expect(await statusOf(url, "one")).toBe(201);
    expect(notices.join("\n")).toContain("witness a: is not there, or failed");
    expect(await healthOf(url)).toMatchObject({ status: "ok", witnesses: { mode: "preferred" } });
    const ready = await read(`${url}/ready`);
    expect([ready.status, problemOf(ready)[1]]).toEqual([
      503,
      "Nothing is registered now: no checkpoint has a quorum of cosignatures",
    ]);
  });

  test("required registers nothing before a quorum has cosigned, and then whatever they do", async () => {
    answer(503, "", ["a", "b"]);
    const { url, service } = await open({ mode: "required" });
    const refused = await post(url, await made.sign("one"));
    expect([refused.status, problemOf(refused)[1]]).toEqual([
      503,
      expect.stringContaining("no quorum of witnesses has cosigned the newest checkpoint"),
    ]);
    behave();
    await until(() => service.isWritable());
    await until(() => service.witnessing?.witnessed?.size === 2);
    expect((await read(`${url}/ready`)).status).toBe(200);
    answer(503, "", ["a", "b", "c"]);
    await until(
      () => service.witnessing?.peers.every(({ last }) => last === "unavailable") === true,
    );
    expect(await statusOf(url, "one")).toBe(201);
    const { witnesses: told } = await healthOf(url);
    expect(told.quorum).toEqual({ size: 2, ageSeconds: 0 });
    expect(told.witnesses[0]).toEqual({
      ...{ name: "a", outcome: "unavailable", cosigned: { size: 2, time: TIME } },
    });
    const cosigned = 'tallystick_witness_cosigned_size{witness="a"}';
    expect(await metric(url, cosigned)).toBe(2);
  });
});
