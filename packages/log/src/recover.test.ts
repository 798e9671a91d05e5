import { describe, expect, test } from "@jest/globals";
import { encodeCbor } from "@tallystick/cose";
import { encodeChainLink, SignedCheckpoint } from "@tallystick/receipt";

import { Edge } from "./edge.js";
import {
  bodyKey,
  bundleKey,
  checkpointKey,
  controlKey,
  digestKey,
  HEAD_KEY,
  META_KEY,
  tileKey,
} from "./layout.js";
import { MemoryStore } from "./memory.js";
import {
  decodeChainLink,
  decodeHead,
  encodeControl,
  encodeHead,
  encodeMeta,
  encodePlacement,
} from "./record.js";
import { type Expectation, isEmpty, recover as recoverKept, type Recovered } from "./recover.js";
import type { Store } from "./store.js";
import {
  anchorFor,
  entryOf,
  ISSUER,
  key,
  LOG_ID,
  logOf,
  NOON,
  ORIGIN,
  request,
  signer,
} from "./testing/bench.js";
import { payloadOf, put, storeOf600 } from "./testing/sample.js";

const expected: Expectation = { issuer: ISSUER, origin: ORIGIN, key, now: NOON };
const corrupt = (why: RegExp): unknown =>
  expect.objectContaining({
    code: "LOG_CORRUPT",
    message: expect.stringMatching(why) as unknown,
  });

const built = await storeOf600();

async function recover(store: Store, expectation: Expectation): Promise<Recovered> {
  return recoverKept({ store, anchor: await anchorFor(store) }, expectation);
}

describe("a sound log", () => {
  test("yields head, edge, control entry and chain", async () => {
    const { meta, epoch, state } = await recover(built.reopen(), expected);
    expect(meta).toEqual({ issuer: ISSUER, origin: ORIGIN, logId: LOG_ID, kid: key.thumbprint() });
    expect(epoch).toBe(1);
    expect(state.view.size).toBe(600);
    expect(state.view.control).toEqual({ index: 301, entry: entryOf(301) });
    expect(state.view.edge.root()).toEqual(state.view.signed.checkpoint.root);
    expect(state.chain.size).toBe(600);
  });

  test.each([1, 2, 255, 256, 257, 512, 513])(
    "of size %d yields the edge that grew it",
    async (size) => {
      const store = new MemoryStore();
      await logOf(size - 1, store);
      const { state } = await recover(store, expected);
      const { edge } = state.view;
      expect(edge.size).toBe(size);
      expect(edge.bundle).toHaveLength(size % 256);
      expect(Edge.from(edge).root()).toEqual(state.view.signed.checkpoint.root);
    },
  );

  test("changes nothing", async () => {
    const store = built.reopen();
    await recover(store, expected);
    expect(store.rows()).toEqual(built.rows());
  });
});

describe("who the log is", () => {
  test.each<[string, Partial<Expectation>]>([
    ["another issuer", { issuer: "https://other.example" }],
    ["another origin", { origin: "other" }],
  ])("%s is refused", async (_name, changes) => {
    await expect(recover(built.reopen(), { ...expected, ...changes })).rejects.toMatchObject({
      code: "LOG_KEY_MISMATCH",
    });
  });

  test("an unknown schema is refused before anything else is looked at", async () => {
    const store = built.reopen();
    put(store, META_KEY, encodeCbor(new Map([["schema", 4]])));
    store.damage(HEAD_KEY, undefined);
    await expect(recover(store, { ...expected, origin: "other" })).rejects.toMatchObject({
      code: "LOG_SCHEMA_UNSUPPORTED",
    });
  });

  test("a meta row of another log over these rows is refused", async () => {
    const store = built.reopen();
    const meta = {
      issuer: "https://other.example",
      origin: ORIGIN,
      logId: LOG_ID,
      kid: key.thumbprint(),
    };
    put(store, META_KEY, encodeMeta(meta));
    const opening = recover(store, { ...expected, issuer: meta.issuer });
    await expect(opening).rejects.toEqual(corrupt(/head is of another log/));
  });

  test("rows without meta are corruption, not an empty store", async () => {
    const store = built.reopen();
    store.damage(META_KEY, undefined);
    await expect(recover(store, expected)).rejects.toEqual(corrupt(/meta is missing/));
    await expect(recover(new MemoryStore(), expected)).rejects.toMatchObject({
      code: "LOG_NOT_FOUND",
    });
  });
});

describe("the clock", () => {
  test("may read the head's own second, not one before", async () => {
    await recover(built.reopen(), { ...expected, now: NOON });
    const { standing } = await recover(built.reopen(), { ...expected, now: NOON - 1 });
    expect(standing).toMatchObject({ kind: "reader", code: "LOG_CLOCK_BACKWARD" });
  });
});

type Change = (store: MemoryStore) => Promise<void> | void;

async function headWith(
  store: MemoryStore,
  changes: Partial<ReturnType<typeof decodeHead>>,
): Promise<void> {
  const head = decodeHead(await payloadOf(store, HEAD_KEY));
  put(store, HEAD_KEY, encodeHead({ ...head, ...changes }));
}

const lost =
  (rowKey: Uint8Array): Change =>
  (store) => {
    store.damage(rowKey, undefined);
  };

describe("damage under fitting checksums", () => {
  test.each<[string, Change, RegExp]>([
    ["no head", lost(HEAD_KEY), /head is missing/],
    ["no last bundle", lost(bundleKey(2)), /bundle 2 is missing/],
    ["no edge tile", lost(tileKey({ level: 0, index: 2 })), /tile 0\/2 is missing/],
    ["no upper edge tile", lost(tileKey({ level: 1, index: 0 })), /tile 1\/0 is missing/],
    ["no index row in the last bundle", lost(digestKey(entryOf(599))), /digest \w+ is missing/],
    ["no body in the last bundle", lost(bodyKey(512)), /body \d+ is missing/],
    ["no newest checkpoint", lost(checkpointKey(600)), /checkpoint 600 is missing/],
    ["no checkpoint before it", lost(checkpointKey(302)), /checkpoint 302 is missing/],
    ["no control row", lost(controlKey(301)), /control 301 is missing/],
    ["no index row of the control entry", lost(digestKey(entryOf(301))), /digest \w+ is missing/],
    ["no bundle of the control entry", lost(bundleKey(1)), /bundle 1 is missing/],
    [
      "the head of an earlier round",
      async (store) => {
        const { checkpoint } = decodeChainLink(await payloadOf(store, checkpointKey(302)));
        await headWith(store, { checkpoint });
      },
      /width|beyond/,
    ],
    [
      "a head that names an earlier control entry",
      (store) => headWith(store, { control: 0 }),
      /control 301 lies beyond the head/,
    ],
    [
      "a head that names an entry that is no control entry",
      (store) => headWith(store, { control: 300 }),
      /control 300 is missing/,
    ],
    [
      "a head that names no entry",
      (store) => headWith(store, { control: 600 }),
      /in a log of size 600/,
    ],
    [
      "a head with a checkpoint that is none",
      (store) => headWith(store, { checkpoint: Uint8Array.of(1, 2, 3) }),
      /head: /,
    ],
    [
      "a control row that names another entry",
      (store) => {
        put(store, controlKey(301), encodeControl({ entry: entryOf(5), previousIndex: 0 }));
      },
      /control entry 301 is at 5/,
    ],
    [
      "an index row that points elsewhere",
      (store) => {
        const collateral = new Uint8Array();
        put(store, digestKey(entryOf(599)), encodePlacement({ index: 5, collateral }));
      },
      /entry 599 is indexed as 5/,
    ],
    [
      "another valid body",
      (store) => {
        put(store, bodyKey(599), request(1).body);
      },
      /does not hash to its entry/,
    ],
    [
      "a bundle of the wrong width",
      async (store) => {
        put(store, bundleKey(2), (await payloadOf(store, bundleKey(2))).slice(0, -34));
      },
      /last bundle of width 87, want 88/,
    ],
    [
      "a bundle that is none",
      (store) => {
        put(store, bundleKey(2), new Uint8Array(35));
      },
      /last bundle: /,
    ],
    [
      "a bundle with two entries exchanged",
      async (store) => {
        const payload = (await payloadOf(store, bundleKey(2))).slice();
        const [one, two] = [payload.slice(0, 34), payload.slice(34, 68)];
        payload.set(two, 0);
        payload.set(one, 34);
        put(store, bundleKey(2), payload);
      },
      /does not hash to its tile/,
    ],
    [
      "an upper tile that grew",
      async (store) => {
        const payload = await payloadOf(store, tileKey({ level: 1, index: 0 }));
        put(
          store,
          tileKey({ level: 1, index: 0 }),
          new Uint8Array([...payload, ...payload.slice(0, 32)]),
        );
      },
      /edge tile of width 3, want 2/,
    ],
    [
      "an upper tile with another hash",
      (store) => {
        put(store, tileKey({ level: 1, index: 0 }), new Uint8Array(64));
      },
      /does not hash to the signed root/,
    ],
    [
      "a newest checkpoint that is not the head's",
      async (store) => {
        const link = decodeChainLink(await payloadOf(store, checkpointKey(600)));
        const { checkpoint } = decodeChainLink(await payloadOf(store, checkpointKey(302)));
        put(store, checkpointKey(600), encodeChainLink({ ...link, checkpoint }));
      },
      /not that of the head/,
    ],
    [
      "a checkpoint that the newest does not follow",
      async (store) => {
        const link = decodeChainLink(await payloadOf(store, checkpointKey(302)));
        put(store, checkpointKey(302), encodeChainLink({ ...link, previousSize: 7 }));
      },
      /checkpoint 302 is not the one that 600 follows/,
    ],
    [
      "a bundle beyond the head",
      async (store) => {
        put(store, bundleKey(3), await payloadOf(store, bundleKey(2)));
      },
      /bundle 3 lies beyond the head/,
    ],
    [
      "a checkpoint beyond the head",
      async (store) => {
        put(store, checkpointKey(601), await payloadOf(store, checkpointKey(600)));
      },
      /checkpoint 601 lies beyond the head/,
    ],
    [
      "a control row beyond the newest",
      (store) => {
        put(store, controlKey(400), encodeControl({ entry: entryOf(400), previousIndex: 301 }));
      },
      /control 400 lies beyond the head/,
    ],
  ])("%s", async (_name, change, why) => {
    const store = built.reopen();
    await change(store);
    await expect(recover(store, expected)).rejects.toEqual(corrupt(why));
  });

  test("a head over another root, signed with the right key", async () => {
    const store = built.reopen();
    const forged = await SignedCheckpoint.sign(
      { issuer: ISSUER, origin: ORIGIN, size: 600, root: new Uint8Array(32), time: NOON },
      signer,
    );
    await headWith(store, { checkpoint: forged.encode() });
    await expect(recover(store, expected)).rejects.toEqual(
      corrupt(/does not hash to the signed root/),
    );
  });
});

describe("isEmpty", () => {
  test("tells whether there is any row", async () => {
    expect(await isEmpty(new MemoryStore())).toBe(true);
    expect(await isEmpty(built.reopen())).toBe(false);
    expect(
      await isEmpty(new MemoryStore([{ key: Uint8Array.of(0), value: new Uint8Array() }])),
    ).toBe(false);
  });
});
