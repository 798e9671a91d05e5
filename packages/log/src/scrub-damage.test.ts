import { describe, expect, test } from "@jest/globals";

import { checkLog } from "./fsck.js";
import { bodyKey, checkpointKey, controlKey, digestKey, formatKey, KIND } from "./layout.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { encodeControl, encodePlacement } from "./record.js";
import type { RowSource } from "./pinned.js";
import type { LogProblem } from "./report.js";
import type { ScrubOptions } from "./scrub.js";
import { appendAll, createLog, entryOf, key, openLog, request } from "./testing/bench.js";
import { flipped } from "./testing/damage.js";
import { put } from "./testing/sample.js";
import {
  type Bench,
  bench,
  PAUSE,
  placed,
  problemsOf,
  recordsOf,
  watch,
} from "./testing/watched.js";

/** Yields a log of 602 entries with control entries at 0, 200, 400 and 600. */
async function governed(): Promise<Bench> {
  const store = new MemoryStore();
  const anchor = new MemoryAnchor();
  const log = await createLog(store, { anchor });
  for (const index of [200, 400, 600]) {
    await appendAll(log, log.head().checkpoint.size, index);
    await log.append(request(index, { control: true }));
  }
  await appendAll(log, 601, 602);
  return { store, anchor, log };
}

describe("a scrub of a damaged log", () => {
  const kinds = Object.entries(KIND).filter(([, kind]) => !["f", "v", "h"].includes(kind));

  test.each(kinds)("finds one bit turned in a row of kind %s", async (_, kind) => {
    const at = await bench();
    const rows = at.store.rows().filter((row) => row.key[0] === kind.charCodeAt(0));
    const row = rows[Math.floor(rows.length / 2)];
    if (row === undefined) throw new Error("no such row");
    const store = at.store.reopen();
    store.damage(row.key, flipped(row.value, 4 * row.value.length));
    const { scrub, problems, cycle } = watch({ ...at, store });
    await cycle();
    expect(problems[0]).toMatchObject({ kind: "checksum" });
    expect(scrub.ages().errors).toBeGreaterThan(0);
    // It has ended with the first problems: what to do about them is its owner's part.
    await scrub.stop();
  });

  describe("whose rows are wrong for one read alone", () => {
    /** Yields the store, of whose rows of a kind those reads go wrong that `isWrong` says, by their number. */
    function misread(
      store: MemoryStore,
      kind: string,
      isWrong: (read: number) => boolean,
    ): RowSource {
      let reads = 0;
      return {
        keys: (asked) => store.keys(asked),
        getMany: async (keys) => {
          const values = [...(await store.getMany(keys))];
          if (keys[0]?.[0] !== kind.charCodeAt(0)) return values;
          const [value] = values;
          if (value !== undefined && isWrong(reads++)) values[0] = flipped(value, 0);
          return values;
        },
      };
    }

    test.each(kinds)("tells nothing of kind %s, and goes on", async (_, kind) => {
      const at = await bench();
      let isDone = false;
      const store = misread(at.store, kind, () => !isDone && (isDone = true));
      const suspicions: LogProblem[] = [];
      const watched = watch(at, { store, onSuspicion: (found) => suspicions.push(...found) });
      await watched.cycle();
      expect([isDone, watched.problems, watched.failures]).toEqual([true, [], []]);
      expect(suspicions[0]).toMatchObject({ kind: "checksum" });
      expect(watched.scrub.progress).toMatchObject({
        suspicions: 1,
        errors: 0,
        tree: { completedSize: 701 },
        bodies: { completedSize: 701 },
      });
      await watched.scrub.stop();
    });

    test("tells what is found again", async () => {
      const at = await bench();
      const store = misread(at.store, KIND.body, (read) => read % 8 === 0);
      const { scrub, problems, cycle } = watch(at, { store });
      await cycle();
      expect([problems.length, scrub.progress.suspicions]).toEqual([1, 1]);
      expect(scrub.ages().suspicions).toBe(1);
      await scrub.stop();
    });

    test("tells when three looks each find something else", async () => {
      const at = await bench();
      let count = 0;
      const store: RowSource = {
        keys: (asked) => at.store.keys(asked),
        getMany: async (keys) => {
          const values = [...(await at.store.getMany(keys))];
          const place = count % 3;
          const value = values[place];
          if (keys.length < 3 || keys[0]?.[0] !== KIND.body.charCodeAt(0)) return values;
          count++;
          if (value !== undefined) values[place] = flipped(value, 0);
          return values;
        },
      };
      const { scrub, problems, cycle } = watch(at, { store });
      await cycle();
      const { errors, suspicions } = scrub.progress;
      expect({ told: problems.length, errors, suspicions }).toEqual({
        told: 8,
        errors: 8,
        suspicions: 2,
      });
      await scrub.stop();
    });
  });

  test("finds a body that is gone, and one exchanged for another", async () => {
    const at = await bench();
    const store = at.store.reopen();
    store.damage(bodyKey(650), undefined);
    const { problems, cycle } = watch({ ...at, store });
    await cycle();
    expect(problems).toMatchObject([{ kind: "missing" }]);
  });

  const control = (n: number, previousIndex: number): Uint8Array =>
    encodeControl({ entry: entryOf(n), previousIndex });
  const stray = digestKey(new Uint8Array(32).fill(0x5a));

  test.each<[string, (store: MemoryStore) => void]>([
    [
      "an index row that names an entry of another digest",
      (store) => {
        put(store, stray, encodePlacement(placed(17)));
      },
    ],
    [
      "an index row that names the newest entry",
      (store) => {
        put(store, stray, encodePlacement(placed(601)));
      },
    ],
    [
      "an index row that names an entry not there",
      (store) => {
        put(store, stray, encodePlacement(placed(602)));
      },
    ],
    [
      "an index row whose key is no digest",
      (store) => {
        put(store, stray.subarray(0, 20), encodePlacement(placed(3)));
      },
    ],
    [
      "a control row that names another entry",
      (store) => {
        put(store, controlKey(400), control(5, 200));
      },
    ],
    [
      "a control row that follows another",
      (store) => {
        put(store, controlKey(600), control(600, 200));
      },
    ],
    [
      "a control row that follows one not there",
      (store) => {
        put(store, controlKey(600), control(600, 399));
      },
    ],
    [
      "a control row too many",
      (store) => {
        put(store, controlKey(300), control(300, 200));
      },
    ],
    [
      "a control row whose key is no index",
      (store) => {
        put(store, Uint8Array.of(...controlKey(300), 0), control(300, 200));
      },
    ],
    ...[0, 200, 400, 600].map((index): [string, (store: MemoryStore) => void] => [
      `a lost control row, ${index}`,
      (store) => {
        store.damage(controlKey(index), undefined);
      },
    ]),
    [
      "a checkpoint whose key is no size",
      (store) => {
        put(store, Uint8Array.of(...checkpointKey(300), 0), Uint8Array.of(1));
      },
    ],
    [
      "a checkpoint too many",
      (store) => {
        put(store, checkpointKey(300), Uint8Array.of(1));
      },
    ],
  ])("finds %s, as fsck does", async (_, damage) => {
    const at = await governed();
    expect(await problemsOf(at)).toEqual([]);
    const store = at.store.reopen();
    damage(store);
    const report = await checkLog({ store: store.reopen(), key });
    expect(report.verdict).not.toBe("sound");
    expect((await problemsOf({ ...at, store })).length).toBeGreaterThan(0);
  });

  test("finds an orphan that names an entry logged meanwhile", async () => {
    const at = await bench();
    let isLater = false;
    const wait: ScrubOptions["wait"] = async (ms) => {
      if (ms === PAUSE || isLater) return;
      isLater = true;
      await appendAll(at.log, 700, 720);
      put(at.store, stray, encodePlacement(placed(710)));
    };
    const { scrub, problems } = watch(at, { wait, pauseSeconds: 0 });
    scrub.start();
    while (problems.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await scrub.stop();
    expect(problems).toMatchObject([{ kind: "unexpected", where: formatKey(stray) }]);
  });

  test("finds an anchor that holds another checkpoint than the store", async () => {
    const at = await bench();
    const [first, second, ...rest] = await recordsOf(at.anchor);
    if (first === undefined || second === undefined) throw new Error("no such records");
    const forged = { ...second, checkpoint: first.checkpoint };
    const anchor = new MemoryAnchor([first, forged, ...rest]);
    const { problems, cycle } = watch({ ...at, anchor });
    await cycle();
    expect(problems).toMatchObject([{ kind: "mismatch", where: `anchor ${second.size}` }]);
  });

  test("stops the log when its owner freezes it, for ever", async () => {
    const at = await bench();
    const sound = await at.store.get(bodyKey(1));
    at.store.damage(bodyKey(1), Uint8Array.of(1));
    const { scrub, cycle } = watch(at, {
      onProblem: async ([problem]) => {
        await at.log.freeze(`scrub: ${problem?.where ?? ""}`);
      },
    });
    void cycle();
    while (at.log.standing().kind === "writer") {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await scrub.stop();
    await at.log.close();
    const mended = at.store.reopen();
    mended.damage(bodyKey(1), sound);
    const again = await openLog(mended, { anchor: at.anchor.reopen() });
    expect(again.standing()).toMatchObject({ code: "LOG_FROZEN" });
  });
});
