import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { AnchorFile } from "./anchor.js";
import { crc32c } from "./checksum.js";
import { LevelStore } from "./level.js";
import { appendAll, createLog, openLog } from "./testing/bench.js";
import { findDamage } from "./wal.js";

const BLOCK_BYTES = 32_768;

let root = "";
let count = 0;
/** A closed store whose write-ahead log holds all of it, and that log. */
let directory = "";
let log = "";
let bytes = new Uint8Array();
let manifest = new Uint8Array();
/** Where its records end. */
const ends: number[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tallystick-wal-"));
  directory = join(root, "whole");
  const store = await LevelStore.open(directory, { create: true });
  // The fourth goes over three blocks; the last ones are short, in one block.
  for (const [n, length] of [40, 300, 5, 70_000, 90, 17, 60].entries()) {
    const value = Uint8Array.from({ length }, (_, i) => (i * i + n) % 251);
    await store.write([{ key: Uint8Array.of(n), value }]);
    const names = await readdir(directory);
    log = names.find((name) => name.endsWith(".log")) ?? "";
    ends.push((await readFile(join(directory, log))).length);
  }
  await store.close();
  bytes = new Uint8Array(await readFile(join(directory, log)));
  const name = (await readdir(directory)).find((found) => found.startsWith("MANIFEST")) ?? "";
  manifest = new Uint8Array(await readFile(join(directory, name)));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

async function copied(): Promise<string> {
  const copy = join(root, `copy-${count++}`);
  await cp(directory, copy, { recursive: true });
  return copy;
}

function flipped(of: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = of.slice();
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}

function beginOfLast(): number {
  return ends.at(-2) ?? 0;
}

describe("a write-ahead log", () => {
  test("whole is sound, as is a manifest and an empty file", () => {
    expect(bytes.length).toBeGreaterThan(2 * BLOCK_BYTES);
    expect(ends.at(-1)).toBe(bytes.length);
    expect([bytes, manifest, new Uint8Array()].map(findDamage)).toEqual(Array(3).fill(undefined));
  });

  test("torn at any byte of the last record is what a crash leaves", () => {
    for (let end = beginOfLast(); end < bytes.length; end++) {
      expect([end, findDamage(bytes.subarray(0, end))]).toEqual([end, undefined]);
    }
  });

  test("torn in a record that goes over blocks is what a crash leaves", () => {
    const [begin, end] = [ends[2] ?? 0, ends[3] ?? 0];
    for (let at = begin; at < end; at += at % BLOCK_BYTES < 20 ? 1 : 997) {
      expect([at, findDamage(bytes.subarray(0, at))]).toEqual([at, undefined]);
    }
  });

  test("that ends with zeros, in place of a record or of its end, is what a crash leaves", () => {
    for (let at = beginOfLast(); at < bytes.length; at++) {
      const zeroed = new Uint8Array(bytes.length + 100);
      zeroed.set(bytes.subarray(0, at));
      expect([at, findDamage(zeroed)]).toEqual([at, undefined]);
    }
  });

  test("with one bit flipped anywhere before the last record is damaged", () => {
    const wrong: string[] = [];
    for (let at = 0; at < beginOfLast(); at++) {
      // Every bit of headers and short records, one in some bytes of the long one.
      const isInside = at > (ends[2] ?? 0) + 20 && at < (ends[3] ?? 0) - 20;
      if (isInside && at % BLOCK_BYTES > 10 && at % 1009 !== 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if (findDamage(flipped(bytes, at, bit)) === undefined) wrong.push(`${at}:${bit}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("without the beginning of a record, or with a block twice, is damaged", () => {
    expect(findDamage(bytes.subarray(BLOCK_BYTES))).toBe(0);
    const twice = bytes.slice();
    twice.copyWithin(BLOCK_BYTES, 0, BLOCK_BYTES);
    expect(findDamage(twice)).toBe(BLOCK_BYTES);
  });

  test("with any page of the last record lost is what a crash leaves", () => {
    // Cut so that the long record is the last one.
    const [begin, end] = [ends[2] ?? 0, ends[3] ?? 0];
    for (let page = begin - (begin % 4096); page < end; page += 512) {
      const holed = bytes.slice(0, end);
      holed.fill(0, Math.max(page, begin), Math.min(page + 4096, end));
      expect([page, findDamage(holed)]).toEqual([page, undefined]);
    }
  });

  test("with a page lost before the last record is damaged, where its block can still be read on", () => {
    // In the last block the page must leave the header there; else only the anchor can tell.
    for (let page = ends[2] ?? 0; page + 4096 <= 2 * BLOCK_BYTES; page += 1024) {
      const holed = bytes.slice();
      holed.fill(0, page, page + 4096);
      expect([page, typeof findDamage(holed)]).toEqual([page, "number"]);
    }
  });

  test("with a lost sector is damaged, unless it is of the last record or of the ones it hides", () => {
    const short: Uint8Array[] = [];
    // One piece each, some of them of a sector and more, in the last block.
    for (const [n, length] of [300, 90, 700, 600, 20, 800, 1500, 400].entries()) {
      short.push(framed(Uint8Array.from({ length }, (_, i) => (i * i + n) % 251)));
    }
    const all = joined(short);
    const beginOfLast = all.length - (short.at(-1) ?? all).length;
    for (const fill of [0, 1, 0xff, 0x5a]) {
      for (let sector = 0; sector < all.length; sector += 512) {
        const holed = all.slice();
        holed.fill(fill, sector, sector + 512);
        const isHidden = sector + 512 > beginOfLast;
        expect([sector, findDamage(holed) !== undefined]).toEqual([sector, !isHidden]);
      }
    }
  });

  test("with a record in a block after zeros is damaged", () => {
    const apart = new Uint8Array(4 * BLOCK_BYTES);
    apart.set(bytes);
    apart.set(bytes.subarray(0, ends[0]), 3 * BLOCK_BYTES);
    expect(findDamage(apart)).toBe(bytes.length);
  });
});

/** Yields the one piece that a short record is written in, at a place where it fits into its block. */
function framed(record: Uint8Array): Uint8Array {
  const piece = new Uint8Array(7 + record.length);
  piece.set(record, 7);
  const view = new DataView(piece.buffer);
  view.setUint16(4, record.length, true);
  view.setUint8(6, 1);
  const crc = crc32c(piece.subarray(6));
  view.setUint32(0, (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, true);
  return piece;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

interface Begun {
  /** Bytes that the older log lacks. */
  readonly torn: number;
  readonly next: () => Uint8Array;
  readonly code?: string;
}

describe("a store whose write-ahead log was begun anew", () => {
  const older = (): Uint8Array => bytes.subarray(0, ends[2]);
  const newer = (): Uint8Array => framed(bytes.subarray((ends[3] ?? 0) + 7, ends[4]));

  test.each([
    ["both whole opens, with both", { torn: 0, next: newer }],
    ["the older one torn is refused", { torn: 1, next: newer, code: "LOG_CORRUPT" }],
    [
      "the older one torn and the newer empty opens, for so a crash leaves it",
      { torn: 1, next: empty },
    ],
  ])("with %s", async (_, { torn, next, code }: Begun) => {
    const copy = await copied();
    await writeFile(join(copy, log), older().subarray(0, older().length - torn));
    await writeFile(join(copy, "000900.log"), next());
    const opening = LevelStore.open(copy);
    if (code !== undefined) {
      await expect(opening).rejects.toMatchObject({ code });
      expect((await readdir(copy)).filter((name) => name.endsWith(".log"))).toHaveLength(2);
      return;
    }
    const store = await opening;
    const [first, last, later] = await store.getMany([0, 2, 4].map((n) => Uint8Array.of(n)));
    expect([first?.length, last?.length]).toEqual([40, torn === 0 ? 5 : undefined]);
    expect(later?.length).toBe(next().length === 0 ? undefined : 90);
    await store.close();
  });

  test("and which no longer replays the older one does not look at it", async () => {
    const copy = await copied();
    await (await LevelStore.open(copy)).close();
    // As if the removal of its name had been lost.
    await writeFile(join(copy, log), flipped(bytes, 20, 0));
    const [newest = ""] = (await readdir(copy)).filter((n) => n.endsWith(".log") && n !== log);
    await writeFile(join(copy, newest), newer());
    const store = await LevelStore.open(copy);
    expect(await store.get(Uint8Array.of(6))).toHaveLength(60);
    await store.close();
  });
});

function empty(): Uint8Array {
  return new Uint8Array();
}

describe("what opening replays is kept", () => {
  const kept = async (of: string): Promise<readonly string[]> =>
    readdir(`${of}.kept`).catch(() => []);

  test("until the log that the store holds is found whole, also across openings", async () => {
    const copy = join(root, "kept-log");
    const path = join(root, "kept-anchor");
    const anchor = await AnchorFile.open(path, { create: true });
    const made = await createLog(await LevelStore.open(copy, { create: true }), { anchor });
    expect(await kept(copy)).toEqual([]);
    await appendAll(made, 0, 10);
    await made.close();
    const [name = ""] = (await readdir(copy)).filter((found) => found.endsWith(".log"));
    const before = new Uint8Array(await readFile(join(copy, name)));
    for (let opening = 0; opening < 2; opening++) {
      const store = await LevelStore.open(copy);
      await store.write([{ key: Uint8Array.of(0xff), value: Uint8Array.of(opening) }]);
      await store.close();
      expect(await readdir(copy)).not.toContain(name);
      expect(await kept(copy)).toEqual([name]);
      expect(new Uint8Array(await readFile(join(`${copy}.kept`, name)))).toEqual(before);
    }
    const store = await LevelStore.open(copy);
    const log = await openLog(store, { anchor: await AnchorFile.open(path) });
    expect([log.standing().kind, store.kept, await kept(copy)]).toEqual(["writer", undefined, []]);
    await log.close();
  });

  test("and named, where the anchor shows that something is gone", async () => {
    const copy = join(root, "behind-log");
    const path = join(root, "behind-anchor");
    const anchor = await AnchorFile.open(path, { create: true });
    const made = await createLog(await LevelStore.open(copy, { create: true }), { anchor });
    await appendAll(made, 0, 10);
    await made.close();
    const [name = ""] = (await readdir(copy)).filter((found) => found.endsWith(".log"));
    const { size } = await stat(join(copy, name));
    const torn = (await readFile(join(copy, name))).subarray(0, size - 10);
    await writeFile(join(copy, name), torn);
    const log = await openLog(await LevelStore.open(copy), { anchor: await AnchorFile.open(path) });
    expect(log.standing()).toMatchObject({
      code: "LOG_BEHIND_ANCHOR",
      reason: expect.stringContaining("is kept beside it in behind-log.kept") as unknown,
    });
    await log.close();
    expect(await readFile(join(`${copy}.kept`, name))).toEqual(torn);
  });

  test("but not by an opening that another process's lock ends", async () => {
    const copy = await copied();
    const store = await LevelStore.open(copy);
    await store.discardKept();
    await store.write([{ key: Uint8Array.of(9), value: Uint8Array.of(9) }]);
    await expect(LevelStore.open(copy)).rejects.toMatchObject({ code: "LOG_LOCKED" });
    expect(await kept(copy)).toEqual([]);
    await store.close();
  });
});

describe("a store", () => {
  test("with a whole or torn log opens, without what was torn", async () => {
    const copy = await copied();
    await writeFile(join(copy, log), bytes.subarray(0, bytes.length - 1));
    const store = await LevelStore.open(copy);
    expect(await store.get(Uint8Array.of(6))).toBeUndefined();
    expect(await store.get(Uint8Array.of(5))).toHaveLength(17);
    await store.close();
  });

  test("with a damaged log or manifest is refused, and nothing of it changes", async () => {
    const name = (await readdir(directory)).find((found) => found.startsWith("MANIFEST")) ?? "";
    const spoilt = [
      [log, flipped(bytes, 20, 0)],
      [name, flipped(manifest, 9, 3)],
    ] as const;
    for (const [file, content] of spoilt) {
      const copy = await copied();
      await writeFile(join(copy, file), content);
      const before = await readdir(copy);
      for (const options of [{}, { create: true }]) {
        await expect(LevelStore.open(copy, options)).rejects.toMatchObject({
          code: "LOG_CORRUPT",
          message: expect.stringContaining(`${file} is damaged at byte 0`) as unknown,
        });
      }
      expect(new Uint8Array(await readFile(join(copy, file)))).toEqual(content);
      expect(await readdir(copy)).toEqual(before);
    }
  });

  test.each(["CURRENT", "MANIFEST", ".log"])(
    "whose %s cannot be read is refused, and nothing is lost",
    async (part) => {
      const copy = await copied();
      const before = await readdir(copy);
      const read = async (path: string): Promise<Uint8Array> => {
        if (path.slice(copy.length).includes(part)) {
          throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
        }
        return readFile(path);
      };
      await expect(LevelStore.open(copy, { read })).rejects.toMatchObject({
        code: "LOG_UNAVAILABLE",
        message: "the store cannot be read: EIO: i/o error, read",
      });
      expect(await readdir(copy)).toEqual(before);
      const store = await LevelStore.open(copy);
      expect(await store.get(Uint8Array.of(6))).toHaveLength(60);
      await store.close();
    },
  );

  test("whose log goes while it is looked at, as another process moves on, is looked at again", async () => {
    const copy = await copied();
    let failures = 0;
    const read = async (path: string): Promise<Uint8Array> => {
      if (path.endsWith(".log") && failures++ === 0) {
        throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
      }
      return readFile(path);
    };
    await (await LevelStore.open(copy, { read })).close();
    expect(failures).toBe(2);
  });
});
