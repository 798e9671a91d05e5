import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { PrivateKey } from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";

import { type Backup, backupLog, readBackup, readManifest, restoreLog } from "./backup.js";
import { checkLog } from "./fsck.js";
import { bodyKey, FROZEN_KEY, SCRUB_KEY } from "./layout.js";
import { LevelStore } from "./level.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import {
  appendAll,
  createLog,
  ISSUER,
  key,
  LOG_ID,
  NOON,
  openLog,
  ORIGIN,
  request,
} from "./testing/bench.js";
import { allDamages, flipped } from "./testing/damage.js";
import { storeOf600 } from "./testing/sample.js";

let place: string;
let count = 0;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "tally-backup-"));
});

afterAll(() => rm(place, { recursive: true }));

function fresh(): string {
  return join(place, `backup-${count++}.tlyb`);
}

const built = await storeOf600();

/** A log with more than a mebibyte of bodies. */
async function bigStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const log = await createLog(store);
  for (const n of [0, 1, 2]) {
    const body = new Uint8Array(700_000).fill(n);
    const { collateral } = request(n);
    await log.append({ entry: sha256(body), body, collateral });
  }
  return store;
}

async function restored(path: string): Promise<MemoryStore> {
  const store = new MemoryStore();
  await restoreLog({ path, store, key });
  return store;
}

describe("a backup", () => {
  test.each([
    ["from the start", 0, 0],
    ["while it is written", 1, 1],
  ])(
    "stops where the log would run out of room %s, and leaves nothing",
    async (_, looks, least) => {
      const store = await bigStore();
      const path = fresh();
      let left = looks;
      let drafts = 0;
      const freeBytes = async (): Promise<number> => {
        const names = await readdir(place);
        drafts += names.filter((name) => name.endsWith(".part")).length;
        return left-- > 0 ? 1000 : 999;
      };
      const space = { freeBytes, floorBytes: 1000 };
      await expect(backupLog({ store, key, path, space })).rejects.toMatchObject({
        code: "LOG_SPACE_LOW",
        message: "999 bytes are free, want 1000",
      });
      expect(drafts).toBeGreaterThan(least);
      const names = await readdir(place);
      expect(names.filter((name) => name.includes(basename(path)))).toEqual([]);
      await backupLog({ store, key, path, space: { ...space, floorBytes: 999 } });
    },
  );

  test("holds every row of the log, and brings each back as it was", async () => {
    const path = fresh();
    const files = new Map([["config.json", Uint8Array.of(1, 2, 3)]]);
    const backup = await backupLog({ store: built, key, path, files });
    expect(backup.rows).toBe(built.rows().length);
    expect(backup.manifest).toMatchObject({
      issuer: ISSUER,
      origin: ORIGIN,
      size: 600,
      time: NOON,
    });
    expect(backup.manifest.logId).toEqual(LOG_ID);
    expect(backup.manifest.files).toEqual(files);
    expect(await readBackup(path)).toEqual(backup);
    expect(await readManifest(path)).toEqual(backup.manifest);
    expect((await restored(path)).rows()).toEqual(built.rows());
    expect(backup.bytes).toBe((await readFile(path)).length);
  });

  test("is the same bytes for the same state", async () => {
    const [first, second] = [fresh(), fresh()];
    await backupLog({ store: built, key, path: first });
    await backupLog({ store: built, path: second });
    expect(await readFile(first)).toEqual(await readFile(second));
  });

  test("is of one state while the log grows under it", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 700);
    const size = log.head().checkpoint.size;
    const then = store.rows();
    const path = fresh();
    let n = 700;
    const growing: Promise<void>[] = [];
    const onProgress = (): void => {
      growing.push(appendAll(log, n, (n += 50)));
    };
    const backup = await backupLog({ store, size, key, path, onProgress });
    await Promise.all(growing);
    expect(log.head().checkpoint.size).toBeGreaterThan(size);
    expect(backup.manifest.size).toBe(size);
    expect((await restored(path)).rows()).toEqual(then);
  });

  test("leaves out what is no part of the log, and keeps that it is frozen", async () => {
    const store = built.reopen();
    const log = await openLog(store);
    await log.note(SCRUB_KEY, Uint8Array.of(1));
    await log.freeze("the end");
    const path = fresh();
    await backupLog({ store, key, path });
    const copy = await restored(path);
    expect(await copy.get(SCRUB_KEY)).toBeUndefined();
    expect(await copy.get(FROZEN_KEY)).toEqual(await store.get(FROZEN_KEY));
    expect((await openLog(copy)).standing()).toMatchObject({ code: "LOG_FROZEN" });
  });

  test("can be made of a log in LevelDB, and restored to one that grows on", async () => {
    const directory = join(place, "level");
    const store = await LevelStore.open(directory, { create: true });
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    await appendAll(log, 0, 300);
    const path = fresh();
    await backupLog({ store, key, path });
    await log.close();
    const copy = await LevelStore.open(join(place, "copy"), { create: true });
    await restoreLog({ path, store: copy, key });
    const again = await openLog(copy, { anchor: anchor.reopen() });
    expect(again.standing()).toEqual({ kind: "writer" });
    await appendAll(again, 300, 310);
    expect(again.head().checkpoint.size).toBe(311);
    expect(await checkLog({ store: copy, key })).toMatchObject({ verdict: "sound", size: 311 });
    await again.close();
  });

  test("that is older than the log is a rollback, which the anchor catches", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    await appendAll(log, 0, 10);
    const path = fresh();
    await backupLog({ store, key, path });
    await appendAll(log, 10, 20);
    await log.close();
    const rolledBack = await openLog(await restored(path), { anchor: anchor.reopen() });
    expect(rolledBack.standing()).toMatchObject({ kind: "reader", code: "LOG_BEHIND_ANCHOR" });
    await expect(rolledBack.append(request("new"))).rejects.toMatchObject({
      code: "LOG_BEHIND_ANCHOR",
    });
  });

  test("has its name only when it is whole", async () => {
    const path = fresh();
    const abort = new AbortController();
    const onProgress = (): void => {
      abort.abort();
    };
    const interrupted = backupLog({ store: built, path, signal: abort.signal, onProgress });
    await expect(interrupted).rejects.toMatchObject({ code: "LOG_CLOSING" });
    expect(await readdir(place)).not.toContain(path.slice(place.length + 1));
    expect((await readdir(place)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});

describe("a backup is not made", () => {
  test("over another file", async () => {
    const path = fresh();
    await writeFile(path, "mine");
    await expect(backupLog({ store: built, path })).rejects.toMatchObject({ code: "LOG_EXISTS" });
    expect(await readFile(path, "utf8")).toBe("mine");
  });

  test("where it cannot be written", async () => {
    const path = join(place, "absent", "backup");
    await expect(backupLog({ store: built, path })).rejects.toMatchObject({
      code: "LOG_UNAVAILABLE",
    });
  });

  test("of a store without a log", async () => {
    const path = fresh();
    await expect(backupLog({ store: new MemoryStore(), path })).rejects.toMatchObject({
      code: "LOG_NOT_FOUND",
    });
  });

  test("of a size that has no checkpoint", async () => {
    const path = fresh();
    await expect(backupLog({ store: built, size: 5, path })).rejects.toMatchObject({
      code: "LOG_SIZE_UNKNOWN",
    });
  });

  test("under another key", async () => {
    const other = (await PrivateKey.generate("EdDSA")).publicKey;
    const made = backupLog({ store: built, key: other, path: fresh() });
    await expect(made).rejects.toMatchObject({ code: "LOG_CORRUPT" });
  });

  const kinds = ["m", "h", "b", "t", "d", "s", "c", "p"];

  test.each(kinds.flatMap((kind) => allDamages().map((damage) => [kind, damage.name] as const)))(
    "of a log with a row %s %s",
    async (kind, name) => {
      const store = built.reopen();
      const rows = store.rows().filter((row) => row.key[0] === kind.charCodeAt(0));
      const [row, other] = [rows.at(-1), rows.at(-2)];
      const damage = allDamages().find((some) => some.name === name);
      if (row === undefined || damage === undefined) throw new Error("no such row");
      damage.apply(store, row, other);
      const report = await checkLog({ store, key });
      const path = fresh();
      const made = await backupLog({ store, key, path }).then(
        () => "made",
        () => "refused",
      );
      if (report.verdict !== "sound" && made === "made") {
        // What a copy does not look at, it must not carry over either.
        const copy = restoreLog({ path, store: new MemoryStore(), key });
        await expect(copy).rejects.toMatchObject({ code: "LOG_CORRUPT" });
      } else {
        expect(made).toBe(report.verdict === "sound" ? "made" : "refused");
      }
      expect((await readdir(place)).filter((some) => some.endsWith(".part"))).toEqual([]);
    },
  );
});

describe("a damaged backup", () => {
  let bytes: Uint8Array;
  let backup: Backup;

  beforeAll(async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 20);
    const path = fresh();
    backup = await backupLog({ store, key, path });
    bytes = new Uint8Array(await readFile(path));
  });

  async function verdictOn(damaged: Uint8Array): Promise<string> {
    const path = fresh();
    await writeFile(path, damaged);
    const store = new MemoryStore();
    const outcome = await restoreLog({ path, store, key }).then(
      () => "restored",
      (error: unknown) => (error as { code: string }).code,
    );
    if (outcome !== "restored") expect(store.rows()).toEqual([]);
    await rm(path);
    return outcome;
  }

  test("is told from a whole one", async () => {
    expect(await verdictOn(bytes)).toBe("restored");
    expect(backup.bytes).toBe(bytes.length);
  });

  test("is refused whichever byte is wrong, and nothing of it is restored", async () => {
    const verdicts = new Set<string>();
    for (let at = 0; at < bytes.length; at += 11) {
      verdicts.add(await verdictOn(flipped(bytes, 8 * at + (at % 8))));
    }
    verdicts.delete("LOG_SCHEMA_UNSUPPORTED");
    expect([...verdicts]).toEqual(["LOG_CORRUPT"]);
  });

  test("is refused wherever it ends too early, or goes on", async () => {
    const verdicts = new Set<string>();
    for (let end = 0; end < bytes.length; end += 37) {
      verdicts.add(await verdictOn(bytes.subarray(0, end)));
    }
    verdicts.add(await verdictOn(bytes.subarray(0, -1)));
    verdicts.add(await verdictOn(Uint8Array.of(...bytes, 0)));
    verdicts.add(await verdictOn(Uint8Array.of(...bytes, ...bytes)));
    expect([...verdicts]).toEqual(["LOG_CORRUPT"]);
  });

  test.each([
    ["of another version", 7, "LOG_SCHEMA_UNSUPPORTED"],
    ["that is something else", 0, "LOG_CORRUPT"],
  ])("%s is named as such", async (_, at, code) => {
    const changed = bytes.slice();
    changed[at] = 2;
    expect(await verdictOn(changed)).toBe(code);
  });

  test("that is not there is named as such", async () => {
    await expect(readBackup(fresh())).rejects.toMatchObject({ code: "LOG_NOT_FOUND" });
    await expect(readManifest(place)).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  });
});

describe("a restore", () => {
  test("goes only into an empty store", async () => {
    const path = fresh();
    await backupLog({ store: built, key, path });
    const store = built.reopen();
    await expect(restoreLog({ path, store, key })).rejects.toMatchObject({ code: "LOG_EXISTS" });
    expect(store.rows()).toEqual(built.rows());
  });

  test("checks what it has written", async () => {
    class Forgetful extends MemoryStore {
      override write(rows: Parameters<MemoryStore["write"]>[0]): Promise<void> {
        return super.write(rows.filter(({ key: rowKey }) => rowKey[0] !== 0x73));
      }
    }
    const path = fresh();
    await backupLog({ store: built, key, path });
    const restoring = restoreLog({ path, store: new Forgetful(), key });
    await expect(restoring).rejects.toMatchObject({
      code: "LOG_CORRUPT",
      message: expect.stringMatching(/^the restored log is incomplete: missing: body /) as unknown,
    });
  });

  test("does not trust an archive whose rows do not fit together", async () => {
    // Made without the check that a backup runs: a body is missing, every checksum holds.
    const store = built.reopen();
    const sound = fresh();
    await backupLog({ store, key, path: sound });
    store.damage(bodyKey(7), undefined);
    await expect(backupLog({ store, key, path: fresh() })).rejects.toMatchObject({
      code: "LOG_CORRUPT",
    });
    const other = (await PrivateKey.generate("EdDSA")).publicKey;
    const restoring = restoreLog({ path: sound, store: new MemoryStore(), key: other });
    await expect(restoring).rejects.toMatchObject({ code: "LOG_CORRUPT" });
  });
});
