import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { LevelStore } from "./level.js";
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

  test("with a record in a block after zeros is damaged", () => {
    const apart = new Uint8Array(4 * BLOCK_BYTES);
    apart.set(bytes);
    apart.set(bytes.subarray(0, ends[0]), 3 * BLOCK_BYTES);
    expect(findDamage(apart)).toBe(bytes.length);
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
