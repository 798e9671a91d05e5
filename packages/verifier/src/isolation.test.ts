import { setTimeout as wait } from "node:timers";
import { describe, expect, jest, test } from "@jest/globals";

// I10: the verifier opens no socket and reads no clock. Whatever could is poisoned before the
// verifier and everything below it is loaded.

const SOURCES = [
  ...["net", "tls", "http", "https", "http2", "dgram", "dns", "dns/promises"],
  ...["fs", "fs/promises", "child_process", "worker_threads", "cluster", "inspector"],
];
const opened: string[] = [];

for (const source of SOURCES) {
  for (const name of [source, `node:${source}`]) {
    jest.unstable_mockModule(name, () => {
      opened.push(name);
      throw new Error(`${name} was loaded`);
    });
  }
}

/** Replaces properties of objects by functions that record and throw, while `run` runs. */
async function poisoned<T>(
  targets: readonly (readonly [object, string])[],
  run: () => Promise<T>,
): Promise<T> {
  const restore = targets.map(([target, name]) => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, {
      configurable: true,
      value: () => {
        opened.push(name);
        throw new Error(`${name} was called`);
      },
    });
    return () => {
      if (before === undefined) Reflect.deleteProperty(target, name);
      else Object.defineProperty(target, name, before);
    };
  });
  try {
    return await run();
  } finally {
    for (const undo of restore) undo();
  }
}

const NETWORK = ["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "Request", "navigator"].map(
  (name) => [globalThis, name] as const,
);
const CLOCKS: readonly (readonly [object, string])[] = [
  [Date, "now"],
  [globalThis, "Date"],
  [performance, "now"],
  [Math, "random"],
  [globalThis, "setTimeout"],
  [globalThis, "setInterval"],
];

const { TrustStore, verifyConsistency, verifyTransparentStatement } = await import("./index.js");
const { ARTIFACT, ISSUERS, STATEMENT, transparent } = await import("./testing/sample.js");
const { TestTree, consistencyFor, makeService, pinned } = await import("./testing/service.js");

const service = await makeService("alpha");
const tree = new TestTree(9, { entry: STATEMENT.entry, index: 3 });
const text = JSON.stringify({ services: [pinned(service)], issuers: ISSUERS });
const bytes = await transparent([service]);
const extension = await consistencyFor(service, tree, 4);

async function verifyAll(): Promise<string> {
  const trust = TrustStore.parse(text);
  const verified = await verifyTransparentStatement(bytes, trust, { artifact: ARTIFACT });
  await verifyConsistency(extension, trust, { size: 4, root: tree.root(4) });
  const refused = await verifyTransparentStatement(STATEMENT.normalised, trust).catch(
    (error: unknown) => error,
  );
  expect(refused).toMatchObject({ code: "VERIFIER_RECEIPTS_MISSING" });
  return JSON.stringify(verified.steps);
}

describe("with network, files and clocks poisoned", () => {
  test("everything verifies, and nothing was touched", async () => {
    opened.length = 0;
    const plain = await verifyAll();
    expect(await poisoned([...NETWORK, ...CLOCKS], verifyAll)).toBe(plain);
    expect(opened).toStrictEqual([]);
  });

  test("the verdict is the same in another year", async () => {
    const plain = await verifyAll();
    jest.useFakeTimers({ now: new Date("2099-01-01"), doNotFake: ["nextTick", "setImmediate"] });
    try {
      expect(await verifyAll()).toBe(plain);
    } finally {
      jest.useRealTimers();
    }
  });

  test("the poison works", async () => {
    opened.length = 0;
    await expect(import("node:net")).rejects.toThrow("node:net was loaded");
    await expect(import("http")).rejects.toThrow("http was loaded");
    await poisoned([...NETWORK, ...CLOCKS], async () => {
      expect(() => fetch("https://log.example")).toThrow("fetch was called");
      expect(() => Date.now()).toThrow();
      expect(() => new Date()).toThrow();
      await Promise.resolve();
    });
    expect(opened).toHaveLength(4);
    expect(Date.now()).toBeGreaterThan(0);
    expect(wait).toBeDefined();
  });
});
