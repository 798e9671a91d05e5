import { describe, expect, test } from "@jest/globals";

import { encodeChainLink } from "@tallystick/receipt";

import { checkLog } from "./fsck.js";
import {
  bodyKey,
  bundleKey,
  checkpointKey,
  controlKey,
  digestKey,
  formatKey,
  HEAD_KEY,
  META_KEY,
  tileKey,
} from "./layout.js";
import type { MemoryStore } from "./memory.js";
import {
  decodeChainLink,
  decodeHead,
  encodeControl,
  encodeHead,
  encodePlacement,
} from "./record.js";
import { entryOf, key, range, request } from "./testing/bench.js";
import { kindsOf, payloadOf, put, storeOf600 } from "./testing/sample.js";

const built = await storeOf600();

type Change = (store: MemoryStore) => Promise<void> | void;

const lost =
  (rowKey: Uint8Array): Change =>
  (store) => {
    store.damage(rowKey, undefined);
  };

interface Row {
  readonly change: Change;
  readonly verdict: "incomplete" | "corrupt";
  /** All problems, or the only kind there may be. */
  readonly problems: readonly string[];
}

const where = (rowKey: Uint8Array): string => formatKey(rowKey);

describe("each problem is named", () => {
  test.each<[string, Row]>([
    ["meta lost", { change: lost(META_KEY), verdict: "incomplete", problems: ["missing meta"] }],
    ["head lost", { change: lost(HEAD_KEY), verdict: "incomplete", problems: ["missing head"] }],
    [
      "a body lost",
      {
        change: lost(bodyKey(77)),
        verdict: "incomplete",
        problems: [`missing ${where(bodyKey(77))}`],
      },
    ],
    [
      "an index row lost",
      {
        change: lost(digestKey(entryOf(77))),
        verdict: "incomplete",
        problems: [`missing ${where(digestKey(entryOf(77)))}`],
      },
    ],
    [
      "a tile lost",
      {
        change: lost(tileKey({ level: 0, index: 0 })),
        verdict: "incomplete",
        problems: ["missing tile 0/0"],
      },
    ],
    [
      "an edge tile lost",
      {
        change: lost(tileKey({ level: 1, index: 0 })),
        verdict: "incomplete",
        problems: ["missing tile 1/0"],
      },
    ],
    [
      "an old checkpoint lost",
      {
        change: lost(checkpointKey(301)),
        verdict: "incomplete",
        problems: ["missing checkpoint 301"],
      },
    ],
    [
      "the first checkpoint lost",
      { change: lost(checkpointKey(1)), verdict: "incomplete", problems: ["missing checkpoint 1"] },
    ],
    [
      "the newest checkpoint lost",
      {
        change: lost(checkpointKey(600)),
        verdict: "incomplete",
        problems: ["missing checkpoint 600"],
      },
    ],
    [
      "the first control row lost",
      { change: lost(controlKey(0)), verdict: "incomplete", problems: ["missing control 0"] },
    ],
    [
      "the newest control row lost",
      { change: lost(controlKey(301)), verdict: "incomplete", problems: ["missing control 301"] },
    ],
    [
      "another valid body",
      {
        change: (store) => {
          put(store, bodyKey(77), request(1).body);
        },
        verdict: "corrupt",
        problems: [`mismatch ${where(bodyKey(77))}`],
      },
    ],
    [
      "an index row that points elsewhere",
      {
        change: (store) => {
          put(
            store,
            digestKey(entryOf(77)),
            encodePlacement({ index: 3, collateral: new Uint8Array() }),
          );
        },
        verdict: "corrupt",
        problems: [`mismatch ${where(digestKey(entryOf(77)))}`],
      },
    ],
    [
      "an index row that is none",
      {
        change: (store) => {
          put(store, digestKey(entryOf(77)), new Uint8Array(3));
        },
        verdict: "corrupt",
        problems: [`malformed ${where(digestKey(entryOf(77)))}`],
      },
    ],
    [
      "an index row that no entry accounts for",
      {
        change: (store) => {
          const placement = encodePlacement({ index: 3, collateral: new Uint8Array() });
          put(store, digestKey(entryOf("orphan")), placement);
        },
        verdict: "corrupt",
        problems: [`unexpected ${where(digestKey(entryOf("orphan")))}`],
      },
    ],
    [
      "an index row beyond the head",
      {
        change: (store) => {
          const placement = encodePlacement({ index: 600, collateral: new Uint8Array() });
          put(store, digestKey(entryOf("orphan")), placement);
        },
        verdict: "corrupt",
        problems: [`unexpected ${where(digestKey(entryOf("orphan")))}`],
      },
    ],
    [
      "a body beyond the head",
      {
        change: (store) => {
          put(store, bodyKey(602), request("orphan").body);
        },
        verdict: "corrupt",
        problems: [`unexpected ${where(bodyKey(602))}`],
      },
    ],
    [
      "rows beyond the head",
      {
        change: async (store) => {
          put(store, bundleKey(3), await payloadOf(store, bundleKey(2)));
          put(store, tileKey({ level: 0, index: 3 }), new Uint8Array(32));
          put(store, tileKey({ level: 2, index: 0 }), new Uint8Array(32));
          put(store, checkpointKey(601), await payloadOf(store, checkpointKey(600)));
        },
        verdict: "corrupt",
        problems: [
          "unexpected bundle 3",
          "unexpected tile 0/3",
          "unexpected tile 2/0",
          "unexpected checkpoint 601",
        ],
      },
    ],
    [
      "rows of no known kind, between, before and behind the others",
      {
        change: (store) => {
          for (const bytes of [
            [0x00],
            [0x61],
            [0x65, 1],
            [0x68, 0],
            [0x6d, 5],
            [0x76, 1],
            [0xfe, 9],
          ]) {
            put(store, Uint8Array.from(bytes), new Uint8Array(8));
          }
        },
        verdict: "corrupt",
        problems: range(0, 7).map(() => "unexpected *"),
      },
    ],
    [
      "a tile with another hash",
      {
        change: (store) => {
          put(store, tileKey({ level: 0, index: 1 }), new Uint8Array(8192));
        },
        verdict: "corrupt",
        problems: ["mismatch tile 0/1"],
      },
    ],
    [
      "a bundle of the wrong width",
      {
        change: async (store) => {
          put(store, bundleKey(2), (await payloadOf(store, bundleKey(2))).slice(0, -34));
        },
        verdict: "corrupt",
        problems: ["mismatch bundle 2"],
      },
    ],
    [
      "a bundle that is none",
      {
        change: (store) => {
          put(store, bundleKey(2), new Uint8Array(35));
        },
        verdict: "corrupt",
        problems: ["malformed bundle 2"],
      },
    ],
    [
      "a control row for an entry that is not the one there",
      {
        change: (store) => {
          put(store, controlKey(301), encodeControl({ entry: entryOf(5), previousIndex: 0 }));
        },
        verdict: "corrupt",
        problems: ["mismatch control 301"],
      },
    ],
    [
      "a control row more",
      {
        change: (store) => {
          put(store, controlKey(400), encodeControl({ entry: entryOf(400), previousIndex: 301 }));
        },
        verdict: "corrupt",
        problems: ["unexpected control 301"],
      },
    ],
    [
      "a control row that follows none",
      {
        change: (store) => {
          put(store, controlKey(301), encodeControl({ entry: entryOf(301), previousIndex: 301 }));
        },
        verdict: "corrupt",
        problems: ["mismatch control 301"],
      },
    ],
    [
      "a checkpoint out of the chain",
      {
        change: async (store) => {
          const link = decodeChainLink(await payloadOf(store, checkpointKey(302)));
          put(store, checkpointKey(302), encodeChainLink({ ...link, previousSize: 1 }));
        },
        verdict: "corrupt",
        problems: ["mismatch checkpoint 302", "mismatch checkpoint 600"],
      },
    ],
    [
      "a head with a checkpoint that is none",
      {
        change: async (store) => {
          const head = decodeHead(await payloadOf(store, HEAD_KEY));
          put(store, HEAD_KEY, encodeHead({ ...head, checkpoint: Uint8Array.of(0xf6) }));
        },
        verdict: "corrupt",
        problems: ["malformed head"],
      },
    ],
  ])("%s", async (_name, { change, verdict, problems }) => {
    const store = built.reopen();
    await change(store);
    const report = await checkLog({ store, key });
    const got = kindsOf(report);
    const anonymous = problems.every((problem) => problem.endsWith("*"));
    expect(anonymous ? got.map((problem) => problem.replace(/ .*/, " *")) : got).toEqual(problems);
    expect(report.verdict).toBe(verdict);
  });
});
