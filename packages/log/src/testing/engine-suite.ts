import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "@jest/globals";

import { checkLog } from "../fsck.js";
import type { Log } from "../log.js";
import type { MemoryAnchor } from "../memory.js";
import type { Store } from "../store.js";
import { createLog, key, openLog, range, request } from "./bench.js";
import { batchesIn, batchOf, BATCH_ROWS, rowsLeft, type DurableEngine } from "./engine.js";
import type { Engine, WriterNews } from "./engine.js";
import { type Fault, FaultAnchor, FaultStore, type ReadFault, type WriteFault } from "./fault.js";
import { testStore } from "./store-suite.js";
import { Witness } from "./witness.js";

/** All that an engine has to hold to: the interface, what it keeps, and the faults of a log over it. */
export function testEngine<Place>(name: string, engine: Engine<Place>): void {
  testStore(name, () => engine.open(engine.place()));
  testKeeping(name, engine);
  testFaults(name, engine);
}

/** What goes beyond that for an engine whose stores outlive a process. */
export function testDurable(name: string, engine: DurableEngine): void {
  testOwner(name, engine);
  testKill(name, engine);
}

function testKeeping<Place>(name: string, { place, open }: Engine<Place>): void {
  describe(`${name} opened again`, () => {
    test("has every batch that was written, and what replaced what", async () => {
      const at = place();
      for (const number of [0, 1, 2]) {
        const store = await open(at);
        await store.write(batchOf(number));
        await store.write([{ key: Uint8Array.of(1), value: Uint8Array.of(number) }]);
        await store.close();
      }
      const store = await open(at);
      for (const number of [0, 1, 2]) expect(await rowsLeft(store, number)).toBe(BATCH_ROWS);
      expect(await store.get(Uint8Array.of(1))).toEqual(Uint8Array.of(2));
      expect(await batchesIn(store)).toBe(3);
      await store.close();
    });

    test("has nothing else than that", async () => {
      const at = place();
      const store = await open(at);
      await store.write(batchOf(0));
      await store.close();
      const again = await open(at);
      const keys = [];
      const all = { from: new Uint8Array(), before: Uint8Array.of(0xff) };
      for await (const one of again.keys(all)) keys.push(one);
      expect(keys).toEqual(batchOf(0).map((row) => row.key));
      await again.close();
    });
  });
}

function testOwner(name: string, { place, open }: DurableEngine): void {
  describe(`${name} that is open`, () => {
    test("is refused to a second one, which takes nothing from the first", async () => {
      const at = place();
      const store = await open(at);
      await store.write(batchOf(0));
      await expect(open(at)).rejects.toMatchObject({ code: "LOG_LOCKED" });
      await store.write(batchOf(1));
      await store.close();
      const next = await open(at);
      for (const number of [0, 1]) expect(await rowsLeft(next, number)).toBe(BATCH_ROWS);
      await next.close();
    });
  });
}

/** Kills of one store, each in the middle of another batch. */
const KILLS = 6;

function testKill(name: string, { place, open, writer }: DurableEngine): void {
  describe(`${name} whose process is killed while it writes`, () => {
    test("has each batch that was done, and of the one under way all or nothing", async () => {
      const at = place();
      for (const kill of range(0, KILLS)) {
        const before = await batchesAt(open, at);
        // A batch more each time: the write-ahead log is killed at at several lengths.
        const { begun, done } = await killWriter(at, writer, {
          at: before + 1 + kill,
          whileOpen: () => expect(open(at)).rejects.toMatchObject({ code: "LOG_LOCKED" }),
        });
        expect({ begun, done }).toEqual({ begun: before + 1 + kill, done: before + kill });
        const store = await open(at);
        const left = await Promise.all(range(0, begun + 1).map((n) => rowsLeft(store, n)));
        expect(left.slice(0, begun)).toEqual(range(0, begun).map(() => BATCH_ROWS));
        expect([0, BATCH_ROWS]).toContain(left[begun]);
        expect(await batchesIn(store)).toBe(left[begun] === 0 ? begun : begun + 1);
        await store.close();
      }
    });
  });
}

async function batchesAt(open: DurableEngine["open"], at: string): Promise<number> {
  const store = await open(at);
  try {
    return await batchesIn(store);
  } finally {
    await store.close();
  }
}

/** Has a process write to a place, kills it in a batch, and yields what it told last. */
async function killWriter(
  place: string,
  writer: URL,
  on: { readonly at: number; readonly whileOpen: () => Promise<void> },
): Promise<WriterNews> {
  const child = fork(fileURLToPath(writer), [place], { execArgv: [] });
  const gone = once(child, "exit");
  let news: WriterNews = { begun: -1, done: -1 };
  let isOpen = false;
  const killed = new Promise<void>((resolve, reject) => {
    child.on("message", (told: WriterNews) => {
      news = told;
      if (news.begun === on.at) {
        child.kill("SIGKILL");
        resolve();
        return;
      }
      // Over before the kill: an attempt under way would hold the lock against the next opening.
      const attempt = isOpen ? Promise.resolve() : on.whileOpen();
      isOpen = true;
      attempt.then(() => child.send("go on"), reject);
    });
    void gone.then(([code, signal]) => {
      if (signal !== "SIGKILL") reject(new Error(`the writer ended with ${String(code)}`));
    });
  });
  try {
    await killed;
  } finally {
    child.kill("SIGKILL");
    await gone;
  }
  return news;
}

// What is appended, write by write; write 0 is the genesis entry.
const BATCHES: readonly (readonly [number, number])[] = [
  [1, 2],
  [2, 12],
  [12, 14],
];
const END = 14;
const WRITES = range(0, BATCHES.length + 1);
const FAULTS: readonly WriteFault[] = ["lost", "kept", "crash", "torn"];
const READS: readonly ReadFault[] = ["error", "stale", "absent"];
const FAULT_CASES: readonly Fault[] = [
  ...WRITES.flatMap((write) => FAULTS.map((as) => ({ write, as }))),
  ...WRITES.flatMap((append) => FAULTS.map((as) => ({ append, as }))),
  ...WRITES.flatMap((readBackOf) => READS.map((as) => ({ readBackOf, as }))),
];

const sizeAfter = (write: number): number => (write === 0 ? 1 : (BATCHES[write - 1]?.[1] ?? 0));

/** Tree size that a restart finds after a fault, 0 for no log. */
function sizeLeft(fault: Fault): number {
  if ("readBackOf" in fault) return sizeAfter(fault.readBackOf);
  if ("append" in fault) return sizeAfter(fault.append);
  const isKept = fault.as === "kept" || fault.as === "crash";
  return isKept ? sizeAfter(fault.write) : fault.write === 0 ? 0 : sizeAfter(fault.write - 1);
}

function testFaults<Place>(name: string, { place, open }: Engine<Place>): void {
  describe(`a log over ${name}, one fault in a commit`, () => {
    test.each(FAULT_CASES)("%j", async (fault) => {
      const at = place();
      const { anchor, witness, inner, size } = await runInto(await open(at), fault);
      // What a process leaves when it ends; what it would do in its last moments is another's test.
      await inner.close();
      const left = sizeLeft(fault);
      const store = await open(at);
      if (left === 0) {
        await expect(openLog(store, { anchor })).rejects.toMatchObject({ code: "LOG_NOT_FOUND" });
        return;
      }
      const log = await openLog(store, { anchor });
      expect(log.standing()).toEqual({ kind: "writer" });
      expect(log.head().checkpoint.size).toBe(left);
      expect(left).toBeGreaterThanOrEqual(size);
      expect(anchor.newest?.size).toBe(left);
      await witness.demand(log);
      await submitAgain(log, left);
      await witness.demand(log);
      expect(await checkLog({ store, anchor, key })).toMatchObject({ verdict: "sound", size: END });
      await log.close();
    });
  });
}

interface Ruin {
  readonly inner: Store;
  readonly anchor: MemoryAnchor;
  readonly witness: Witness;
  /** Size that was answered for. */
  readonly size: number;
}

/** Appends batch after batch until the fault strikes. */
async function runInto(inner: Store, fault: Fault): Promise<Ruin> {
  const store = new FaultStore(inner, fault);
  const anchor = new FaultAnchor(fault);
  const witness = new Witness();
  let size = 0;
  const work = async (): Promise<void> => {
    const log = await createLog(store, { anchor });
    witness.see(log.head());
    size = 1;
    for (const [from, to] of BATCHES) {
      const sequenced = await Promise.all(range(from, to).map((n) => log.append(request(n))));
      size = to;
      const last = sequenced.at(-1);
      if (last !== undefined) await witness.note(log, last);
    }
  };
  const hasFailed = await Promise.race([
    work().then(
      () => false,
      () => true,
    ),
    store.gone.then(() => true),
    anchor.gone.then(() => true),
  ]);
  expect(hasFailed).toBe(true);
  return { inner, anchor: anchor.left(), witness, size };
}

// All that was asked for is submitted again, and each entry ends up where it would have been.
async function submitAgain(log: Log, persisted: number): Promise<void> {
  for (const [from, to] of BATCHES) {
    const sequenced = await Promise.all(range(from, to).map((n) => log.append(request(n))));
    expect(sequenced.map(({ index }) => index)).toEqual(range(from, to));
    expect(sequenced.every(({ isDuplicate }) => isDuplicate)).toBe(to <= persisted);
  }
}
