import { describe, expect, test } from "@jest/globals";

import { checkLog } from "./fsck.js";
import { checkpointKey } from "./layout.js";
import type { Log } from "./log.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { COMMIT_STEPS, type CommitStep, type StepName } from "./step.js";
import { appendAll, createLog, key, openLog, request, signer } from "./testing/bench.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

describe("the steps of a commit", () => {
  test("are told in their order, with their number and the size they lead to", async () => {
    const steps: CommitStep[] = [];
    const log = await createLog(new MemoryStore(), { onStep: (step) => void steps.push(step) });
    // Nobody is served yet when a log is created.
    expect(steps.map(({ name }) => name)).toEqual(COMMIT_STEPS.slice(0, 7));
    steps.length = 0;
    await appendAll(log, 0, 5);
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps).toEqual(COMMIT_STEPS.map((name, i) => ({ name, number: i + 1, size: 6 })));
  });

  test("come right after what they name", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const facts: [StepName, ...boolean[]][] = [];
    let signatures = 0;
    let answers = 0;
    const served: { log?: Log } = {};
    const log = await createLog(store, {
      anchor,
      signer: {
        algorithm: signer.algorithm,
        publicKey: signer.publicKey,
        sign: (message) => {
          signatures++;
          return signer.sign(message);
        },
      },
      onStep: async ({ name }) => {
        if (served.log === undefined) return;
        const isStored = (await store.get(checkpointKey(2))) !== undefined;
        const isAnchored = anchor.newest?.size === 2;
        const isPublished = served.log.head().checkpoint.size === 2;
        // The answer takes a turn to arrive.
        await new Promise((resolve) => setImmediate(resolve));
        facts.push([name, signatures === 2, isStored, isAnchored, isPublished, answers === 1]);
      },
    });
    served.log = log;
    await log.append(request(1)).then(() => answers++);
    await new Promise((resolve) => setImmediate(resolve));
    const [no, yes] = [false, true];
    expect(facts).toEqual([
      ["built", no, no, no, no, no],
      ["recounted", no, no, no, no, no],
      ["guarded", no, no, no, no, no],
      ["signed", yes, no, no, no, no],
      ["committed", yes, yes, no, no, no],
      ["readBack", yes, yes, no, no, no],
      ["anchored", yes, yes, yes, no, no],
      ["published", yes, yes, yes, yes, no],
      ["released", yes, yes, yes, yes, yes],
    ]);
  });

  test("of the record that opening appends are told as well", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    await appendAll(await createLog(store, { anchor }), 0, 3);
    const steps: CommitStep[] = [];
    const onStep = (step: CommitStep): void => void steps.push(step);
    await openLog(store.reopen(), { anchor: anchor.reopen(), onStep });
    expect(steps).toEqual([]);
    await openLog(store.reopen(), { anchor: anchor.reopen(1), onStep });
    expect(steps).toEqual([{ name: "anchored", number: 7, size: 4 }]);
  });
});

describe("a failure right after a step", () => {
  // From the commit on the entry is in the log; only an answer given before is one.
  test.each(COMMIT_STEPS.map((name, at) => [name, at] as const))("%s", async (failing, at) => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const fatal: Error[] = [];
    let isArmed = false;
    const log = await createLog(store, {
      anchor,
      onFatal: (error) => fatal.push(error),
      onStep: ({ name }) => {
        if (isArmed && name === failing) throw new Error("failpoint");
      },
    });
    isArmed = true;
    const [outcome] = await Promise.allSettled([log.append(request(1))]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(outcome.status).toBe(failing === "released" ? "fulfilled" : "rejected");
    expect(fatal.map(({ message }) => message)).toEqual(["round failed: failpoint"]);
    await expect(log.append(request(2))).rejects.toEqual(code("LOG_UNAVAILABLE"));

    const left = { store: store.reopen(), anchor: anchor.reopen() };
    const reopened = await openLog(left.store, left);
    expect(reopened.standing()).toEqual({ kind: "writer" });
    expect(reopened.head().checkpoint.size).toBe(at >= 4 ? 2 : 1);
    const again = await reopened.append(request(1));
    expect(again).toMatchObject({ index: 1, isDuplicate: at >= 4 });
    expect(await checkLog({ ...left, key })).toMatchObject({ verdict: "sound", size: 2 });
  });

  test("while a log is created leaves one to open from the commit on, and none before", async () => {
    for (const [at, failing] of COMMIT_STEPS.slice(0, 7).entries()) {
      const left = { store: new MemoryStore(), anchor: new MemoryAnchor() };
      const creating = createLog(left.store, {
        ...left,
        onStep: ({ name }) => {
          if (name === failing) throw new Error("failpoint");
        },
      });
      await expect(creating).rejects.toEqual(code("LOG_UNAVAILABLE"));
      const opening = openLog(left.store.reopen(), { anchor: left.anchor.reopen() });
      if (at < 4) await expect(opening).rejects.toEqual(code("LOG_NOT_FOUND"));
      else expect((await opening).standing()).toEqual({ kind: "writer" });
    }
  });
});
