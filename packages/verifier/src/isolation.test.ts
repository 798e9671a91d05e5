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

function poison(name: string): () => never {
  return () => {
    opened.push(name);
    throw new Error(`${name} was called`);
  };
}

/** Dates can be made of a given time, and of nothing else. */
class GivenDate extends Date {
  constructor(...time: [] | [number | string | Date]) {
    if (time.length === 0) poison("new Date")();
    super(...(time as [number]));
  }

  static override now(): number {
    return poison("Date.now")();
  }
}

const POISONED: readonly (readonly [object, string, unknown?])[] = [
  ...["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "Request", "navigator"].map(
    (name) => [globalThis, name] as const,
  ),
  [globalThis, "Date", GivenDate],
  [globalThis, "setTimeout"],
  [globalThis, "setInterval"],
  [performance, "now"],
  [Math, "random"],
];

/** Runs with everything poisoned that reaches the network, the clock or chance. */
async function poisoned<T>(run: () => Promise<T>): Promise<T> {
  const restore = POISONED.map(([target, name, value = poison(name)]) => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, { configurable: true, value });
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
  const refused = await verifyTransparentStatement(STATEMENT.normalised, trust).then(
    () => "verified",
    (error: unknown) => String(error),
  );
  return JSON.stringify([verified.steps, refused]);
}

describe("with network, files and clocks poisoned", () => {
  test("everything comes to the same, and nothing was touched", async () => {
    opened.length = 0;
    const plain = await verifyAll();
    expect(plain).toContain("no receipt");
    expect(await poisoned(verifyAll)).toBe(plain);
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
    await expect(import("node:http")).rejects.toThrow("node:http was loaded");
    const calls = await poisoned(async () => {
      const attempts = [
        () => fetch("https://log.example"),
        () => Date.now(),
        () => new Date(),
        () => performance.now(),
      ];
      await Promise.resolve();
      return attempts.filter((attempt) => {
        try {
          void attempt();
          return true;
        } catch {
          return false;
        }
      });
    });
    expect(calls).toStrictEqual([]);
    expect(opened.slice(2)).toStrictEqual(["fetch", "Date.now", "new Date", "now"]);
    expect(Date.now()).toBeGreaterThan(0);
  });
});
