import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { AnchorFile, LevelStore, MemoryStore } from "@tallystick/log";
import type { PolicyDocument } from "@tallystick/policy";
import { WitnessPolicy, noteSigner } from "@tallystick/tlog";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { closeAll, closingOnFailure } from "./closing.js";
import type { SearchPlace } from "./search/follower.js";
import { TransparencyService } from "./service.js";
import type { ServiceOptions } from "./service.js";
import { ISSUER, ORIGIN, TIME, memoryPlace } from "./testing/service.js";
import { MemoryKeeper } from "./testing/witnesses.js";

let folder: string;
let operator: PrivateKey;
let receiptKey: PrivateKey;
let noteKey: PrivateKey;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "opening-"));
  [operator, receiptKey, noteKey] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
    PrivateKey.generate("EdDSA"),
  ]);
});

afterEach(() => rm(folder, { recursive: true }));

/** Opens store and anchor, which one process has at a time: LOG_LOCKED while they are open. */
async function optionsOf(changes: Partial<ServiceOptions>): Promise<ServiceOptions> {
  const create = { create: true };
  const store = await LevelStore.open(join(folder, "log"), create);
  const anchor = await AnchorFile.open(join(folder, "anchor"), create);
  const named = { issuer: ISSUER, origin: ORIGIN, signer: receiptKey };
  return { store, anchor, ...named, now: () => TIME, ...changes };
}

async function create(
  changes: Partial<ServiceOptions> = {},
  signer: Signer = operator,
  first?: PolicyDocument,
): Promise<void> {
  const service = await TransparencyService.create(await optionsOf(changes), signer, first);
  await service.close();
}

async function open(changes: Partial<ServiceOptions> = {}): Promise<void> {
  const service = await TransparencyService.open(await optionsOf(changes));
  await service.close();
}

/** A place whose stores are counted while they are open, and where an opening may fail. */
function countedPlace(place: SearchPlace, fails: (opening: number) => boolean) {
  const counts = { opened: 0, open: 0 };
  const counted: SearchPlace = {
    ...place,
    open: async () => {
      counts.opened++;
      if (fails(counts.opened)) throw new Error("no such disk");
      const store = await place.open();
      counts.open++;
      const close = store.close.bind(store);
      store.close = () => {
        counts.open--;
        return close();
      };
      return store;
    },
  };
  return { counts, counted };
}

const witnesses = (keeper = new MemoryKeeper()): NonNullable<ServiceOptions["witnesses"]> => ({
  ...{
    policy: WitnessPolicy.parse(new TextEncoder().encode("quorum none\n")),
    mode: "preferred",
    keeper,
  },
});

const badSearch = {
  search: { ...memoryPlace(), open: () => Promise.reject(new Error("no disk")) },
};

describe("what throws while a service is opened leaves nothing open", () => {
  test.each<[string, () => Promise<void>, string]>([
    [
      "a key that does not sign",
      () => create({}, { ...operatorLike(), sign: () => Promise.reject(new Error("no token")) }),
      "no token",
    ],
    ["a first policy that is none", () => create({}, operator, {} as PolicyDocument), ""],
    ["a clock that fails", () => create({ now: failing("no clock") }), "no clock"],
    ["a search index that does not open", () => create(badSearch), "no disk"],
    ["witnesses without a note key", () => create({ witnesses: witnesses() }), "no note key"],
  ])("create, with %s", async (_, act, message) => {
    await expect(act()).rejects.toThrow(message);
    // Nothing is in it but where the log had been made.
    if (message === "no disk" || message === "no note key") await open();
    else await create();
  });

  test.each<[string, () => Partial<ServiceOptions>, string]>([
    ["a search index that does not open", () => badSearch, "no disk"],
    ["witnesses without a note key", () => ({ witnesses: witnesses() }), "no note key"],
    [
      "evidence that cannot be read",
      () => {
        const keeper = new MemoryKeeper();
        const read = (): Promise<never> => Promise.reject(new Error("no evidence"));
        const kept = witnesses(Object.assign(keeper, { readEvidence: read }));
        return { witnesses: kept, noteSigner: noteSigner(ORIGIN, "ed25519", noteKey) };
      },
      "no evidence",
    ],
    ["another issuer", () => ({ issuer: "https://else.example" }), "issuer"],
    [
      "a head that cannot be begun",
      () => ({
        ...{ search: memoryPlace(), now: failingFrom(2) },
        heads: { signer: noteKey },
      }),
      "no clock",
    ],
  ])("open, with %s", async (_, changes, message) => {
    await create();
    await expect(open(changes())).rejects.toThrow(message);
    await open();
  });

  test("an index that is made anew and does not open is closed, as is the log", async () => {
    await create();
    const damaged = new MemoryStore([{ key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
    let isCleared = false;
    const place: SearchPlace = {
      open: () => {
        if (!isCleared) return Promise.resolve(damaged.reopen());
        const store = new MemoryStore();
        store.get = () => Promise.reject(new Error("no reading"));
        store.getMany = () => Promise.reject(new Error("no reading"));
        return Promise.resolve(store);
      },
      clear: () => {
        isCleared = true;
        return Promise.resolve();
      },
    };
    const { counts, counted } = countedPlace(place, () => false);
    await expect(open({ search: counted })).rejects.toThrow("no reading");
    expect([isCleared, counts]).toEqual([true, { opened: 2, open: 0 }]);
    await open();
  });
});

function operatorLike(): Signer {
  return {
    algorithm: operator.algorithm,
    publicKey: operator.publicKey,
    sign: (bytes) => operator.sign(bytes),
  };
}

function failing(message: string): () => number {
  return () => {
    throw new Error(message);
  };
}

/** A clock that fails from its nth reading on. */
function failingFrom(reading: number): () => number {
  let readings = 0;
  return () => {
    readings++;
    if (readings >= reading) throw new Error("no clock");
    return TIME;
  };
}

describe("closeAll", () => {
  const closes = (told: string[], name: string, error?: Error) => ({
    close: () => {
      told.push(name);
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    },
  });

  test("closes the others where one does not close, and throws what the first threw", async () => {
    const told: string[] = [];
    const all = [
      closes(told, "a"),
      closes(told, "b", new Error("b fails")),
      closes(told, "c", new Error("c fails")),
      closes(told, "d"),
    ];
    await expect(closeAll(all)).rejects.toThrow("b fails");
    expect(told).toEqual(["a", "b", "c", "d"]);
  });

  test("a failure to close hides nothing of what failed before", async () => {
    const told: string[] = [];
    const held = [closes(told, "a", new Error("a fails")), closes(told, "b")];
    const act = (): never => {
      throw new Error("the cause");
    };
    await expect(closingOnFailure(held, act)).rejects.toThrow("the cause");
    expect(told).toEqual(["a", "b"]);
    expect(await closingOnFailure(held, () => 7)).toBe(7);
    expect(told).toHaveLength(2);
  });
});
