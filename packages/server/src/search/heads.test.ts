import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { decodeHead } from "@tallystick/catalog";
import { PrivateKey } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";

import { Heads } from "./heads.js";
import type { HeadOptions } from "./heads.js";
import type { CommittedHead } from "./rows.js";

const LOG = { issuer: "https://log.example", origin: "log.example/log" };
const ROOT = new Uint8Array(32).fill(3);

/** A log and its index, which have as much as they are told, by a clock that is told, too. */
class Scene {
  size = 4;
  seconds = 1_790_000_000;
  woken = 0;
  head: CommittedHead | undefined;
  /** Sizes that were committed to. */
  readonly committed: number[] = [];
  readonly failures: unknown[] = [];
  /** What registering a head comes to. */
  refusal: Error | undefined;
  readonly heads: Heads;

  constructor(signer: Signer, options: Omit<HeadOptions, "signer" | "onFailure">) {
    const own = (): { readonly size: number; readonly head: CommittedHead | undefined } => this;
    const index = {
      get size(): number {
        return own().size;
      },
      get head(): CommittedHead | undefined {
        return own().head;
      },
      get extent(): { readonly size: number; readonly members: number } {
        return { size: own().size, members: 1 };
      },
    };
    this.heads = new Heads(
      { ...options, signer, onFailure: (error) => this.failures.push(error) },
      {
        ...{ index, log: LOG, prover: { root: () => Promise.resolve(ROOT) } },
        now: () => this.seconds,
        size: () => this.size,
        register: (statement) => this.#register(statement),
        wake: () => {
          this.woken++;
        },
      },
    );
  }

  /** Has so many entries come, and the index catch up with them. */
  async grow(by: number): Promise<void> {
    this.size += by;
    await this.heads.tick();
  }

  #register(statement: Uint8Array): Promise<void> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    const { payload, entry } = SignedStatement.decode(statement);
    const { size } = decodeHead(payload ?? new Uint8Array());
    this.committed.push(size);
    this.head = { entry, index: this.size, size, root: ROOT };
    this.size++;
    return Promise.resolve();
  }
}

let signer: Signer;

beforeEach(async () => {
  signer = await PrivateKey.generate("EdDSA");
  jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
});

afterEach(() => {
  jest.useRealTimers();
});

describe("--index-every", () => {
  test("commits with the entry that makes it due, and counts from there", async () => {
    const scene = new Scene(signer, { everyEntries: 10 });
    await scene.grow(5);
    expect(scene.committed).toEqual([]);
    await scene.grow(1);
    expect(scene.committed).toEqual([10]);
    // The head itself is none of the ten.
    await scene.grow(9);
    expect(scene.committed).toEqual([10]);
    await scene.grow(1);
    expect(scene.committed).toEqual([10, 21]);
  });

  test("commits nothing for time alone", async () => {
    const scene = new Scene(signer, { everyEntries: 10 });
    scene.seconds += 1_000_000;
    await scene.grow(1);
    jest.advanceTimersByTime(1_000_000_000);
    expect([scene.committed, scene.woken]).toEqual([[], 0]);
  });
});

describe("--index-seconds", () => {
  test("tries a head again that was refused, at the next interval, though no entry comes", async () => {
    const scene = new Scene(signer, { everySeconds: 60 });
    scene.refusal = new Error("held");
    scene.seconds += 60;
    await scene.grow(1);
    expect([scene.committed, scene.failures]).toEqual([[], [scene.refusal]]);
    scene.refusal = undefined;
    scene.seconds += 59;
    await scene.heads.tick();
    expect(scene.committed).toEqual([]);
    scene.seconds += 1;
    await scene.heads.tick();
    expect(scene.committed).toEqual([5]);
  });

  test("wakes the index as often, and commits once the time is over", async () => {
    const scene = new Scene(signer, { everySeconds: 60 });
    await scene.grow(1);
    scene.seconds += 59;
    await scene.heads.tick();
    jest.advanceTimersByTime(59_999);
    expect([scene.committed, scene.woken]).toEqual([[], 0]);
    jest.advanceTimersByTime(1);
    expect(scene.woken).toBe(1);
    scene.seconds += 1;
    await scene.heads.tick();
    expect(scene.committed).toEqual([5]);
    // Behind the head nothing has come, however long it takes.
    scene.seconds += 600;
    jest.advanceTimersByTime(600_000);
    await scene.heads.tick();
    expect([scene.committed, scene.woken]).toEqual([[5], 11]);
    await scene.grow(1);
    expect(scene.committed).toEqual([5, 7]);
  });

  test("goes with --index-every: whichever comes first", async () => {
    const scene = new Scene(signer, { everySeconds: 60, everyEntries: 3 });
    await scene.grow(3);
    expect(scene.committed).toEqual([7]);
    scene.seconds += 60;
    await scene.grow(1);
    expect(scene.committed).toEqual([7, 9]);
  });

  test("tries again after as long where a head was refused, and not before", async () => {
    const scene = new Scene(signer, { everySeconds: 60 });
    scene.refusal = new Error("the policy does not admit it");
    scene.seconds += 60;
    await scene.grow(1);
    expect(scene.failures).toEqual([scene.refusal]);
    scene.refusal = undefined;
    await scene.grow(1);
    expect(scene.committed).toEqual([]);
    scene.seconds += 60;
    await scene.heads.tick();
    expect(scene.committed).toEqual([6]);
  });

  test("ends with the service", async () => {
    const scene = new Scene(signer, { everySeconds: 60 });
    await scene.heads.stop();
    scene.seconds += 60;
    await scene.grow(1);
    jest.advanceTimersByTime(60_000);
    expect([scene.committed, scene.woken]).toEqual([[], 0]);
  });
});
