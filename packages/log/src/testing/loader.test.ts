import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { decodeSign1, encodeHex, verifySign1 } from "@tallystick/cose";

import { AnchorFile } from "../anchor.js";
import { checkLog } from "../fsck.js";
import { ALL_KEYS } from "../layout.js";
import { LevelStore } from "../level.js";
import { Log } from "../log.js";
import type { AppendRequest } from "../request.js";
import { ISSUER, key, LOG_ID, NOON, optionsFor, ORIGIN, request, signer } from "./bench.js";
import { loadEntries, type LoadOptions, syntheticRequests } from "./loader.js";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-load-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

interface Place {
  readonly log: string;
  readonly anchor: string;
}

function placeOf(name: string): Place {
  return { log: join(folder, name), anchor: join(folder, `${name}.anchor`) };
}

async function openAt({ log, anchor }: Place, create = false): Promise<Log> {
  const [store, file] = await Promise.all([
    LevelStore.open(log, { create }),
    AnchorFile.open(anchor, { create }),
  ]);
  const options = optionsFor(store, { anchor: file });
  return create ? Log.create(options, request("genesis"), LOG_ID) : Log.open(options);
}

/** Yields a log of the genesis entry and those of each round, made by the writer itself. */
async function write(name: string, rounds: readonly (readonly AppendRequest[])[]): Promise<Place> {
  const place = placeOf(name);
  const log = await openAt(place, true);
  for (const round of rounds) await Promise.all(round.map((wanted) => log.append(wanted)));
  await log.close();
  return place;
}

async function rowsIn({ log }: Place): Promise<ReadonlyMap<string, string>> {
  const store = await LevelStore.open(log);
  const rows = new Map<string, string>();
  for await (const rowKey of store.keys(ALL_KEYS)) {
    rows.set(encodeHex(rowKey), encodeHex((await store.get(rowKey)) ?? new Uint8Array()));
  }
  await store.close();
  return rows;
}

function loadInto(
  place: Place,
  options: Pick<LoadOptions, "entries" | "requestOf"> & Partial<LoadOptions>,
): Promise<void> {
  return loadEntries({
    ...place,
    issuer: ISSUER,
    origin: ORIGIN,
    signer,
    now: () => NOON,
    ...options,
  });
}

async function requestsOf(
  count: number,
  make: (n: number) => Promise<AppendRequest>,
): Promise<readonly AppendRequest[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => make(n)));
}

function cut<T>(all: readonly T[], lengths: readonly number[]): readonly (readonly T[])[] {
  let at = 0;
  return lengths.map((length) => all.slice(at, (at += length)));
}

const make = syntheticRequests({ bytes: 100, collateral: Uint8Array.of(1, 2, 3) });

describe("a loaded log", () => {
  test.each<[string, readonly [number, ...number[]]]>([
    ["one round", [1000]],
    ["rounds of 300", [300, 300, 300, 100]],
    ["rounds that end with a bundle", [255, 255, 1]],
    ["rounds of one", [1, 1, 1]],
  ])("is row for row what the writer writes in %s", async (_, lengths) => {
    const [entriesPerRound] = lengths;
    const entries = lengths.reduce((sum, length) => sum + length);
    const written = await write("written", cut(await requestsOf(entries, make), lengths));
    const loaded = await write("loaded", []);
    // Sorted but for the last round, which the writer's own order is kept for.
    await loadInto(loaded, { entries, requestOf: make, entriesPerRound, recent: 1 });
    const [want, got] = [await rowsIn(written), await rowsIn(loaded)];
    // Two for each entry, the others once.
    expect(want.size).toBeGreaterThan(2 * entries);
    expect(want.size).toBe(got.size);
    expect([...got].filter(([rowKey, value]) => want.get(rowKey) !== value)).toEqual([]);
    expect(await readFile(loaded.anchor)).toEqual(await readFile(written.anchor));
  });

  test("goes on from any size, is sound, and takes entries", async () => {
    const first = await requestsOf(300, make);
    const place = await write("grown", [first]);
    await loadInto(place, { entries: 1000, requestOf: (n) => make(300 + n) });
    const store = await LevelStore.open(place.log);
    const anchor = await AnchorFile.open(place.anchor);
    expect(await checkLog({ store, anchor, key })).toMatchObject({
      verdict: "sound",
      size: 1301,
      checked: { entries: 1301, bodies: 1301, checkpoints: 3 },
    });
    await store.close();
    await anchor.close();
    const log = await openAt(place);
    const again = await make(1299);
    expect(await log.append(again)).toMatchObject({ index: 1300, isDuplicate: true });
    expect(await log.append(request("new"))).toMatchObject({ index: 1301, isDuplicate: false });
    expect((await log.body(again.entry)).length).toBe(100);
    await log.close();
  });

  test("leaves nothing beside it, and says how far it is", async () => {
    const place = await write("quiet", []);
    const seen: number[] = [];
    const scratch = await mkdtemp(join(folder, "scratch-"));
    const onProgress = (entries: number): void => void seen.push(entries);
    await loadInto(place, {
      entries: 600,
      requestOf: make,
      entriesPerRound: 250,
      scratch,
      onProgress,
    });
    expect(seen).toEqual([250, 500, 600]);
    expect(await readdir(scratch)).toEqual([]);
  });

  test("may hold bodies that are longer than what is sorted at once", async () => {
    const long = syntheticRequests({ bytes: 70_000, collateral: new Uint8Array() });
    const place = await write("long", []);
    await loadInto(place, { entries: 20, requestOf: long });
    const store = await LevelStore.open(place.log);
    expect(await checkLog({ store, key })).toMatchObject({ verdict: "sound", size: 21 });
    await store.close();
  });

  test("is not made of a log that is only read", async () => {
    const place = await write("frozen", []);
    const log = await openAt(place);
    await log.freeze("moved");
    await log.close();
    await expect(loadInto(place, { entries: 1, requestOf: make })).rejects.toThrow(/moved/);
  });
});

describe("synthetic requests", () => {
  test("are the same every time, all distinct, and signed where a signer is given", async () => {
    const [some, same] = [await requestsOf(3000, make), await requestsOf(3000, make)];
    expect(some).toEqual(same);
    expect(new Set(some.map(({ entry }) => encodeHex(entry))).size).toBe(3000);
    const signed = syntheticRequests({ bytes: 64, collateral: new Uint8Array(), signer });
    const { body } = await signed(5);
    const message = decodeSign1(body);
    await verifySign1(message, key);
    expect(message.payload).toHaveLength(64);
  });
});
