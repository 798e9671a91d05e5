import { createHash } from "node:crypto";

import { expect, test } from "@jest/globals";
import fc from "fast-check";

import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import { appendAll, createLog, entryOf, range } from "./testing/bench.js";

const REFUSED = { code: "LOG_RANGE_INVALID" };

// What a log hands out is held against tiles made here from the entries alone, after C2SP tlog-tiles.

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The hash over a full tile: eight times in pairs. */
function over(tile: readonly Uint8Array[]): Uint8Array {
  let row = tile;
  while (row.length > 1) {
    row = Array.from({ length: row.length / 2 }, (_, i) =>
      sha256(Uint8Array.of(1), row[2 * i] ?? new Uint8Array(), row[2 * i + 1] ?? new Uint8Array()),
    );
  }
  return row[0] ?? new Uint8Array();
}

/** All hashes of every tile level, from the leaves up. */
function levelsOf(entries: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const levels = [entries.map((entry) => sha256(Uint8Array.of(0), entry))];
  for (let below = levels[0] ?? []; below.length >= 256; below = levels.at(-1) ?? []) {
    const tiles = Array.from({ length: Math.floor(below.length / 256) }, (_, i) =>
      below.slice(256 * i, 256 * (i + 1)),
    );
    levels.push(tiles.map(over));
  }
  return levels;
}

function bundleOf(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(entries.flatMap((entry) => [Uint8Array.of(0, 32), entry]));
}

async function expectTiles(log: Log, size: number, narrow: number): Promise<void> {
  const entries = range(0, size).map((n) => entryOf(n === 0 ? "genesis" : n));
  const levels = levelsOf(entries);
  for (const [level, hashes] of levels.entries()) {
    for (let index = 0; index * 256 < hashes.length; index++) {
      const there = hashes.slice(index * 256, (index + 1) * 256);
      for (const width of new Set([there.length, Math.min(narrow, there.length)])) {
        const tile = await log.tile({ level, index, width });
        expect(Buffer.from(tile)).toEqual(Buffer.concat(there.slice(0, width)));
      }
      const wider = { level, index, width: there.length + 1 };
      await expect(log.tile(wider)).rejects.toMatchObject(REFUSED);
    }
    const beyond = { level, index: Math.ceil(hashes.length / 256), width: 1 };
    await expect(log.tile(beyond)).rejects.toMatchObject(REFUSED);
  }
  for (let index = 0; index * 256 < size; index++) {
    const there = entries.slice(index * 256, (index + 1) * 256);
    const width = Math.min(narrow, there.length);
    expect(Buffer.from(await log.bundle(index, width))).toEqual(bundleOf(there.slice(0, width)));
    await expect(log.bundle(index, there.length + 1)).rejects.toMatchObject(REFUSED);
  }
}

test("W14, W16, W17: at every size a log hands out the tiles of its published tree, and no more", async () => {
  const step = fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.constantFrom(254, 255, 256, 257, 511, 512),
  );
  const steps = fc.array(fc.tuple(step, fc.integer({ min: 1, max: 256 })), {
    minLength: 1,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (grown) => {
      const log = await createLog(new MemoryStore());
      let size = 1;
      for (const [count, narrow] of grown) {
        await appendAll(log, size, size + count);
        size += count;
        await expectTiles(log, size, narrow);
      }
      await log.close();
    }),
    { numRuns: 8 },
  );
}, 60_000);
