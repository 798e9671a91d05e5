import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { encodeChainLink, SignedCheckpoint } from "@tallystick/receipt";

import { LogError } from "./error.js";
import { checkLog, type LogProgress } from "./fsck.js";
import { bodyKey, bundleKey, checkpointKey, formatKey, HEAD_KEY, META_KEY } from "./layout.js";
import { MemoryStore } from "./memory.js";
import { decodeChainLink, decodeHead, encodeHead } from "./record.js";
import type { ProblemKind } from "./report.js";
import { appendAll, createLog, ISSUER, key, NOON, ORIGIN, range, signer } from "./testing/bench.js";
import { kindsOf, payloadOf, put, storeOf600 } from "./testing/sample.js";

const built = await storeOf600();

describe("a sound log", () => {
  test("is reported with all that was counted", async () => {
    const report = await checkLog({ store: built.reopen(), key });
    const { root = new Uint8Array(), ...rest } = report;
    expect(root).toHaveLength(32);
    expect(rest).toEqual({
      verdict: "sound",
      size: 600,
      checked: { entries: 600, tiles: 4, bodies: 600, checkpoints: 4 },
      problems: [],
      problemCount: 0,
    });
  });

  test("is sound without the key and without its bodies, and says less", async () => {
    const report = await checkLog({ store: built.reopen(), bodies: false });
    expect(report).toMatchObject({
      verdict: "sound",
      checked: { entries: 600, bodies: 0, checkpoints: 4 },
    });
  });

  test("is left as it was, and open", async () => {
    const store = built.reopen();
    await checkLog({ store, key });
    expect(store.rows()).toEqual(built.rows());
    expect(await store.get(META_KEY)).toBeDefined();
  });

  test("reports progress up to its size", async () => {
    const seen: LogProgress[] = [];
    await checkLog({ store: built.reopen(), key, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ entries }) => entries)).toEqual([256, 512, 600]);
    expect(new Set(seen.map(({ size }) => size))).toEqual(new Set([600]));
  });
});

describe("what cannot be checked", () => {
  test("an empty store", async () => {
    await expect(checkLog({ store: new MemoryStore() })).rejects.toMatchObject({
      code: "LOG_NOT_FOUND",
    });
  });

  test("a store that fails", async () => {
    class Failing extends MemoryStore {
      override getMany(): Promise<never> {
        return Promise.reject(new Error("EIO"));
      }
    }
    await expect(checkLog({ store: new Failing(built.rows()) })).rejects.toMatchObject({
      code: "LOG_UNAVAILABLE",
    });
  });
});

describe("signed, but wrong", () => {
  async function forge(changes: Partial<SignedCheckpoint["checkpoint"]>): Promise<Uint8Array> {
    const checkpoint = {
      issuer: ISSUER,
      origin: ORIGIN,
      size: 600,
      root: new Uint8Array(32),
      time: NOON,
    };
    return (await SignedCheckpoint.sign({ ...checkpoint, ...changes }, signer)).encode();
  }

  test.each<[string, Partial<SignedCheckpoint["checkpoint"]>, RegExp]>([
    ["another root", {}, /states root 00000000, recomputed/],
    ["another size", { size: 601 }, /states size 601/],
    ["an earlier time", { time: NOON - 1 }, /time 1799999999 after 1800000000/],
    ["another log", { origin: "other" }, /is of another log/],
  ])("a kept checkpoint with %s", async (_name, changes, detail) => {
    const store = built.reopen();
    const link = decodeChainLink(await payloadOf(store, checkpointKey(600)));
    put(store, checkpointKey(600), encodeChainLink({ ...link, checkpoint: await forge(changes) }));
    const report = await checkLog({ store, key });
    expect(report.verdict).toBe("corrupt");
    const details = report.problems.filter((problem) => problem.where === "checkpoint 600");
    expect(details.map((problem) => problem.detail)).toEqual(
      expect.arrayContaining([expect.stringMatching(detail)]),
    );
  });

  test("a head with another root", async () => {
    const store = built.reopen();
    const head = decodeHead(await payloadOf(store, HEAD_KEY));
    put(store, HEAD_KEY, encodeHead({ ...head, checkpoint: await forge({}) }));
    const report = await checkLog({ store, key });
    expect(kindsOf(report)).toEqual(["mismatch head", "mismatch head"]);
  });

  test("every checkpoint, under another key", async () => {
    const other = (await PrivateKey.generate("EdDSA")).publicKey;
    const report = await checkLog({ store: built.reopen(), key: other });
    expect(report.verdict).toBe("corrupt");
    expect(kindsOf(report)).toEqual([
      "mismatch meta",
      ...[1, 301, 302, 600].map((size) => `signature checkpoint ${size}`),
      "signature head",
    ]);
    expect(report.checked.checkpoints).toBe(0);
  });
});

describe("a check goes on", () => {
  test("past rows that the store itself cannot read", async () => {
    const bad = formatKey(bodyKey(77));
    class Torn extends MemoryStore {
      override getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
        if (!keys.some((rowKey) => formatKey(rowKey) === bad)) return super.getMany(keys);
        return Promise.reject(new LogError("LOG_CORRUPT", "the store reports damage"));
      }
    }
    const report = await checkLog({ store: new Torn(built.rows()), key });
    expect(kindsOf(report)).toEqual([`unreadable ${bad}`]);
    expect(report).toMatchObject({ verdict: "corrupt", checked: { bodies: 599 } });
  });

  test("as far as it can past a lost bundle", async () => {
    const store = built.reopen();
    store.damage(bundleKey(1), undefined);
    const report = await checkLog({ store, key });
    expect(report.verdict).not.toBe("sound");
    expect(report.checked).toMatchObject({ entries: 256, bodies: 256, checkpoints: 1 });
    expect(kindsOf(report)).toContain("missing bundle 1");
  });

  test("without a head, up to the newest kept checkpoint", async () => {
    const store = built.reopen();
    store.damage(HEAD_KEY, undefined);
    const report = await checkLog({ store, key });
    expect(report).toMatchObject({ size: 0, checked: { entries: 600, checkpoints: 4 } });
  });

  test("past a thousand problems, which it counts but does not keep", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 1500);
    for (const n of range(0, 1500)) store.damage(bodyKey(n), undefined);
    store.damage(HEAD_KEY, undefined);
    const report = await checkLog({ store, key });
    expect(report.problems).toHaveLength(1000);
    expect(report.problemCount).toBe(1501);
    expect(report.verdict).toBe("incomplete");
    store.damage(META_KEY, Uint8Array.of(1));
    expect((await checkLog({ store, key })).verdict).toBe("corrupt");
  });
});

test("the kinds of problem are those that are documented", () => {
  const kinds: Record<ProblemKind, true> = {
    missing: true,
    unreadable: true,
    checksum: true,
    malformed: true,
    mismatch: true,
    signature: true,
    unexpected: true,
  };
  expect(Object.keys(kinds)).toHaveLength(7);
});
