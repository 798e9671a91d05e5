import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LogError, MemoryStore } from "@tallystick/log";
import type { Log, MemoryAnchor } from "@tallystick/log";
import { Receipt } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";
import { noteSigner, parseCheckpoint, parseNote, WitnessPolicy } from "@tallystick/tlog";

import { type RunningServer, serve } from "../listen.js";
import { Notes } from "../notes.js";
import { TransparencyService } from "../service.js";
import { post, read, until } from "../testing/exchange.js";
import { type Fixture, fixture, ISSUER, ORIGIN, TIME } from "../testing/service.js";
import { MemoryKeeper, TestWitness } from "../testing/witnesses.js";
import { Witnessing } from "./witnessing.js";
import type { WitnessMode, WitnessOptions } from "./options.js";

interface Copy {
  readonly store: MemoryStore;
  readonly anchor: MemoryAnchor;
}

let made: Fixture;
let kept: Copy;
let keeper: MemoryKeeper;
let notices: string[];
let witness: TestWitness;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  const store = new MemoryStore();
  made = await fixture(store);
  await made.service.close();
  kept = { store, anchor: made.anchor };
  keeper = new MemoryKeeper();
  notices = [];
  witness = await TestWitness.start("a", made.noteKey);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await witness.close();
});

function copy({ store, anchor }: Copy = kept): Copy {
  return { store: store.reopen(), anchor: anchor.reopen() };
}

function silence(): void {
  witness.behaviour = (request, response) => {
    request.resume();
    response.writeHead(500).end();
  };
}

function asking(mode: WitnessMode = "preferred"): WitnessOptions {
  const lines = `${witness.line}quorum a\n`;
  return {
    ...{ policy: WitnessPolicy.parse(new TextEncoder().encode(lines)), mode, keeper },
    ...{ everyMs: 30, pauseMs: 0, timeoutMs: 2000, bootTimeoutMs: 2000 },
    onNotice: (line) => notices.push(line),
  };
}

interface Opened {
  readonly service: TransparencyService;
  readonly url: string;
  readonly at: Copy;
  readonly stop: () => Promise<void>;
}

interface How {
  readonly at?: Copy;
  readonly now?: number;
  readonly mode?: WitnessMode;
  readonly monitors?: ReadonlyMap<string, string>;
}

async function open({ at = copy(), now = TIME, mode, monitors }: How = {}): Promise<Opened> {
  const service = await TransparencyService.open({
    ...{ issuer: ISSUER, origin: ORIGIN, signer: made.receiptKey, now: () => now, ...at },
    noteSigner: noteSigner(ORIGIN, "ed25519", made.noteKey),
    witnesses: { ...asking(mode), ...(monitors && { monitors }) },
  });
  const server: RunningServer = await serve(service, { host: "127.0.0.1", port: 0 });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= server.close().then(() => service.close());
    return stopping;
  };
  closing.push(stop);
  return { service, url: server.url, at, stop };
}

/** Has a copy of the log grow and be cosigned; what there was of it before stays as it is. */
async function outgrow(texts: readonly string[]): Promise<void> {
  const { service, url, stop } = await open();
  for (const text of texts) expect((await post(url, await made.sign(text))).status).toBe(201);
  await until(() => service.witnessing?.witnessed?.size === 2 + texts.length);
  await stop();
}

test("an older copy is found at the monitoring address of a witness that has another one", async () => {
  const older = copy();
  await outgrow(["one", "two"]);
  keeper = new MemoryKeeper();
  const { honest } = witness;
  // Shows nothing where it is asked for cosignatures, and cosigns nothing either.
  silence();
  const monitoring = createServer(honest);
  await new Promise<void>((resolve) => monitoring.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    await new Promise((resolve) => monitoring.close(resolve));
  });
  const { port = 0 } = monitoring.address() as Partial<AddressInfo>;
  const unaware = await open({ at: copy(older) });
  expect(unaware.service.isWritable()).toBe(true);
  const monitors = new Map([["a", `http://127.0.0.1:${port}`]]);
  const { service } = await open({ at: copy(older), monitors });
  expect(service.standing()).toMatchObject({ kind: "reader", code: "LOG_FROZEN" });
  expect(notices.join("\n")).toContain(`found at witness a at http://127.0.0.1:${port}`);
});

test("a frozen log answers under its last checkpoint, cosigned or not: it is the cutoff", async () => {
  const { url, service } = await open();
  const statement = await made.sign("one");
  expect((await post(url, statement)).status).toBe(201);
  await until(() => service.witnessing?.witnessed?.size === 3);
  silence();
  expect((await post(url, await made.sign("two"))).status).toBe(201);
  const { entryId } = SignedStatement.decode(statement);
  const sizes = async (): Promise<readonly unknown[]> => {
    const { body } = await read(`${url}/entries/${entryId}/statement`);
    const [attached] = SignedStatement.decode(body).receipts;
    const bodies = [(await read(`${url}/entries/${entryId}`)).body, attached ?? new Uint8Array()];
    return bodies.map((receipt) => Receipt.decode(receipt).signedSize);
  };
  expect(await sizes()).toEqual([3, 3]);
  await service.log.freeze("the key leaked");
  expect(await sizes()).toEqual([4, 4]);
});

describe("an alarm", () => {
  test("is raised at every start, also where the freeze was lost", async () => {
    await outgrow(["one"]);
    keeper.note = undefined;
    const { service, stop } = await open();
    expect(service.standing()).toMatchObject({ code: "LOG_FROZEN" });
    await stop();
    silence();
    const evidence = new Map(keeper.evidence);
    expect(evidence.size).toBe(1);
    const again = await open();
    expect(again.service.standing()).toMatchObject({ code: "LOG_FROZEN" });
    expect(notices.at(-2)).toContain("found at memory/3-");
    expect(keeper.evidence).toEqual(evidence);
  });

  test("is not raised by evidence that the log extends, or by what is none", async () => {
    await outgrow(["one"]);
    keeper.note = undefined;
    await (await open()).stop();
    const [[name, text] = ["", ""]] = keeper.evidence;
    keeper.evidence.clear();
    const { own } = JSON.parse(text) as { readonly own: string };
    keeper.evidence.set("extended", JSON.stringify({ ...JSON.parse(text), found: own }));
    keeper.evidence.set("cut", text.slice(0, -10));
    keeper.evidence.set("format", text.replace("own-note/1", "own-note/2"));
    keeper.evidence.set("changed", text.replace("\\n3\\n", "\\n4\\n"));
    silence();
    const { service } = await open();
    expect(service.standing()).toEqual({ kind: "writer" });
    const refused = notices.filter((line) => line.includes("has no checkpoint of this log's key"));
    expect(refused.map((line) => line.split(" ")[1])).toEqual(
      ["cut", "format", "changed"].map((each) => `memory/${each}`),
    );
    expect(name).toMatch(/^3-/);
  });

  test("freezes a log that is ahead of the clock, for good", async () => {
    await outgrow(["one"]);
    const { service, at, stop } = await open({ now: TIME - 1000 });
    expect(service.standing()).toMatchObject({ code: "LOG_FROZEN" });
    await stop();
    keeper = new MemoryKeeper();
    silence();
    const later = await open({ at: copy(at) });
    expect(later.service.standing()).toMatchObject({ code: "LOG_FROZEN" });
  });
});

test("a kept checkpoint over another root is not taken up, where the log cannot be held against it", async () => {
  await outgrow(["one"]);
  silence();
  const foreign = keeper.note;
  keeper = new MemoryKeeper();
  const { service, url } = await open();
  expect((await post(url, await made.sign("another"))).status).toBe(201);
  const notes = new Notes(service.log, noteSigner(ORIGIN, "ed25519", made.noteKey));
  const adopted = async (note: Uint8Array | undefined): Promise<number | undefined> => {
    keeper.note = note;
    const witnessing = new Witnessing(asking(), {
      ...{ log: withoutTiles(service.log), notes, now: () => TIME },
    });
    await witnessing.open();
    await witnessing.close();
    return witnessing.witnessed?.size;
  };
  expect(await adopted(foreign)).toBeUndefined();
  expect(notices.join("\n")).toContain("the log has another root there");
  expect(service.isWritable()).toBe(true);
});

/** The log, whose tiles cannot be read for now. */
function withoutTiles(log: Log): Log {
  const tile = (): Promise<never> =>
    Promise.reject(new LogError("LOG_UNAVAILABLE", "the disk does not answer"));
  return new Proxy(log, {
    get: (target, name) => {
      const value: unknown = name === "tile" ? tile : Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

test.each<[WitnessMode, number]>([
  ["required", 503],
  ["preferred", 200],
])("%s: no quorum is shown before it is kept, and each round tries again", async (mode, status) => {
  const { write } = keeper;
  let refused = 0;
  keeper.write = () => {
    refused++;
    return Promise.reject(new Error("the disk is full"));
  };
  const { service, url } = await open({ mode });
  await until(() => refused >= 2);
  expect(service.witnessing?.witnessed).toBeUndefined();
  const shown = await read(`${url}/checkpoint`);
  expect(shown.status).toBe(status);
  if (status === 200) expect(parseNote(shown.body).signatures).toHaveLength(1);
  expect(notices.join("\n")).toContain("not kept, nor shown: the disk is full");
  keeper.write = write;
  await until(() => service.witnessing?.witnessed !== undefined);
  const { text, signatures } = parseNote((await read(`${url}/checkpoint`)).body);
  expect([parseCheckpoint(text).size, signatures.length]).toEqual([2, 2]);
  expect(parseNote(keeper.note ?? new Uint8Array()).text).toBe(text);
});
