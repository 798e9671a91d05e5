import {
  appendFile,
  mkdtemp,
  open as openFile,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { sha256 } from "@tallystick/merkle";

import { type Anchor, AnchorFile, type AnchorRecord, missingAnchor } from "./anchor.js";
import { MemoryAnchor } from "./memory.js";
import { recordsIn } from "./testing/anchored.js";
import { range } from "./testing/bench.js";
import { flipped } from "./testing/damage.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });
const BLOCK = 512;

let root = "";
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tallystick-anchor-"));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

function place(): string {
  return join(root, `anchor-${count++}`);
}

function recordOf(size: number, bytes = 300): AnchorRecord {
  const checkpoint = Uint8Array.from({ length: bytes }, (_, i) => (i * size) % 251);
  return { size, root: sha256(Uint8Array.of(size % 256)), checkpoint };
}

/** Makes a file of records of the sizes 1, 2 and so on. */
async function fileOf(records: number, bytes?: number): Promise<string> {
  const path = place();
  const anchor = await AnchorFile.open(path, { create: true });
  for (const n of range(1, records + 1)) await anchor.append(recordOf(n, bytes));
  await anchor.close();
  return path;
}

describe.each<[string, () => Promise<Anchor>]>([
  ["AnchorFile", () => AnchorFile.open(place(), { create: true })],
  ["MemoryAnchor", () => Promise.resolve(new MemoryAnchor())],
])("%s", (_name, open) => {
  test("is whole and empty when new", async () => {
    const anchor = await open();
    expect([anchor.newest, anchor.state]).toEqual([undefined, "whole"]);
    expect(await recordsIn(anchor)).toEqual([]);
    await anchor.close();
  });

  test("yields what was appended, in order, and knows the newest", async () => {
    const anchor = await open();
    for (const size of [1, 2, 700]) {
      await anchor.append(recordOf(size));
      expect(anchor.newest).toEqual(recordOf(size));
    }
    expect(await recordsIn(anchor)).toEqual([1, 2, 700].map((size) => recordOf(size)));
    await anchor.close();
  });

  test("tells a freeze, once, whatever follows", async () => {
    const anchor = await open();
    await anchor.append(recordOf(1));
    const frozen = { why: "moved", time: 7 };
    await anchor.appendFreeze(frozen);
    expect([anchor.frozen, anchor.newest]).toEqual([frozen, recordOf(1)]);
    await expect(anchor.appendFreeze(frozen)).rejects.toThrow(TypeError);
    await anchor.append(recordOf(2));
    expect([anchor.frozen, anchor.newest]).toEqual([frozen, recordOf(2)]);
    expect(await recordsIn(anchor)).toEqual([recordOf(1), recordOf(2)]);
    await anchor.close();
  });

  test.each([5, 4])("refuses size %d after 5", async (size) => {
    const anchor = await open();
    await anchor.append(recordOf(5));
    await expect(anchor.append(recordOf(size))).rejects.toEqual(code("LOG_CORRUPT"));
    expect(await recordsIn(anchor)).toHaveLength(1);
    await anchor.close();
  });

  test("is of no use once closed, which it can be twice", async () => {
    const anchor = await open();
    await anchor.append(recordOf(5));
    await anchor.close();
    await anchor.close();
    await expect(anchor.append(recordOf(6))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    await expect(recordsIn(anchor)).rejects.toEqual(code("LOG_UNAVAILABLE"));
  });
});

describe("a file", () => {
  test("that is not there is missing, and is not made", async () => {
    const path = place();
    await expect(AnchorFile.open(path)).rejects.toEqual(code("LOG_ANCHOR_MISSING"));
    await expect(AnchorFile.open(join(path, "deeper"))).rejects.toEqual(code("LOG_ANCHOR_MISSING"));
    await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("cannot be made where there is no directory, or be a directory", async () => {
    const opening = AnchorFile.open(join(place(), "deeper"), { create: true });
    await expect(opening).rejects.toEqual(code("LOG_UNAVAILABLE"));
    await expect(AnchorFile.open(root)).rejects.toEqual(code("LOG_UNAVAILABLE"));
  });

  test("grows by whole sectors, and is opened where it ends", async () => {
    const path = await fileOf(3);
    expect((await stat(path)).size).toBe(3 * BLOCK);
    const anchor = await AnchorFile.open(path, { create: true });
    expect(anchor.newest).toEqual(recordOf(3));
    await anchor.append(recordOf(4, 1000));
    expect((await stat(path)).size).toBe(6 * BLOCK);
    await anchor.close();
    const again = await AnchorFile.open(path);
    expect(await recordsIn(again)).toEqual([
      ...[1, 2, 3].map((n) => recordOf(n)),
      recordOf(4, 1000),
    ]);
    await again.close();
  });

  test("tells a freeze wherever among the newest records it stands", async () => {
    const path = await fileOf(2);
    const anchor = await AnchorFile.open(path);
    await anchor.appendFreeze({ why: "moved", time: 7 });
    await anchor.close();
    for (const n of [3, 4]) {
      const again = await AnchorFile.open(path);
      expect([again.frozen, again.newest]).toEqual([{ why: "moved", time: 7 }, recordOf(n - 1)]);
      await again.append(recordOf(n));
      await again.close();
    }
    const size = 5 * BLOCK;
    expect((await stat(path)).size).toBe(size);
  });

  test("is renewed in place, with the bytes that were read", async () => {
    const path = await fileOf(3);
    const whole = await readFile(path);
    const anchor = await AnchorFile.open(path);
    // What the page cache held, and the disk did not.
    const handle = await openFile(path, "r+");
    await handle.write(new Uint8Array(BLOCK), 0, BLOCK, 2 * BLOCK);
    await handle.close();
    await anchor.renew();
    expect(await readFile(path)).toEqual(whole);
    await anchor.append(recordOf(4));
    await anchor.renew();
    await anchor.close();
    const again = await AnchorFile.open(path);
    expect(await recordsIn(again)).toHaveLength(4);
    await again.close();
  });

  test("is not changed by a renewal when empty, or beyond a torn record", async () => {
    const empty = await AnchorFile.open(place(), { create: true });
    await empty.renew();
    expect([empty.newest, empty.state]).toEqual([undefined, "whole"]);
    await empty.close();
    const path = await fileOf(2);
    await appendFile(path, new Uint8Array(100));
    const torn = await AnchorFile.open(path);
    await torn.renew();
    expect(torn.state).toBe("torn");
    expect((await stat(path)).size).toBe(2 * BLOCK + 100);
    await torn.close();
  });

  test("has the documented layout", async () => {
    const bytes = await readFile(await fileOf(2));
    expect(bytes.subarray(0, 4).toString("latin1")).toBe("TLYA");
    const length = bytes.readUInt32BE(4);
    expect(bytes.subarray(12, 44)).toEqual(Buffer.alloc(32));
    expect([...bytes.subarray(44, 47)]).toEqual([0x83, 0x01, 0x58]);
    expect(bytes.subarray(44 + length, BLOCK)).toEqual(Buffer.alloc(BLOCK - 44 - length));
    expect(bytes.subarray(BLOCK + 12, BLOCK + 44)).toEqual(
      Buffer.from(sha256(bytes.subarray(0, BLOCK))),
    );
  });

  test("is of any length, with records of many sizes", async () => {
    const path = place();
    const anchor = await AnchorFile.open(path, { create: true });
    const sizes = range(1, 200);
    for (const n of sizes) await anchor.append(recordOf(n, (n * 997) % 9000));
    const wanted = sizes.map((n) => recordOf(n, (n * 997) % 9000));
    expect(await recordsIn(anchor)).toEqual(wanted);
    await anchor.close();
    const again = await AnchorFile.open(path);
    expect(again.newest).toEqual(wanted.at(-1));
    expect(await recordsIn(again)).toEqual(wanted);
    await again.close();
  });

  test("takes no record that could not be told from a torn one", async () => {
    const anchor = await AnchorFile.open(place(), { create: true });
    await expect(anchor.append(recordOf(1, 65_536))).rejects.toThrow(TypeError);
    await anchor.append(recordOf(1, 65_000));
    await anchor.close();
  });

  test("that somebody else writes to is given up, for good", async () => {
    const path = await fileOf(2);
    const anchor = await AnchorFile.open(path);
    await appendFile(path, new Uint8Array(BLOCK));
    await expect(anchor.append(recordOf(3))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    await truncate(path, 2 * BLOCK);
    await expect(anchor.append(recordOf(3))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    await anchor.close();
  });
});

describe("a torn last record", () => {
  // The last one has three sectors, of which the file has what a crash left.
  async function tornTo(bytes: number, zeroed?: readonly [number, number]): Promise<string> {
    const path = await fileOf(5);
    const whole = await AnchorFile.open(path);
    await whole.append(recordOf(6, 1000));
    await whole.close();
    const left = (await readFile(path)).subarray(0, 5 * BLOCK + bytes);
    if (zeroed !== undefined) left.fill(0, 5 * BLOCK + zeroed[0], 5 * BLOCK + zeroed[1]);
    await writeFile(path, left);
    return path;
  }

  const cases: readonly [string, number, (readonly [number, number])?][] = [
    ["one byte", 1],
    ["half its magic", 2],
    ["its head and no more", 44],
    ["a sector", BLOCK],
    ["a sector and a bit", BLOCK + 1],
    ["all but its last byte", 3 * BLOCK - 1],
    ["all of it, the first sector not written", 3 * BLOCK, [0, BLOCK]],
    ["all of it, the last sector not written", 3 * BLOCK, [2 * BLOCK, 3 * BLOCK]],
    ["all of it, nothing written", 3 * BLOCK, [0, 3 * BLOCK]],
    ["all of it, half of the first sector written", 3 * BLOCK, [256, 3 * BLOCK]],
  ];
  test.each(cases)(
    "%s: is seen, kept at opening, and cut off by the next append",
    async (...args) => {
      const [, bytes, zeroed] = args;
      const path = await tornTo(bytes, zeroed);
      // The last sector has nothing but padding when its zeros are all that is lost.
      for (let opening = 0; opening < 2; opening++) {
        const anchor = await AnchorFile.open(path);
        expect([anchor.state, anchor.newest]).toEqual(["torn", recordOf(5)]);
        expect(await recordsIn(anchor)).toHaveLength(5);
        await anchor.close();
        expect((await stat(path)).size).toBe(5 * BLOCK + bytes);
      }
      const anchor = await AnchorFile.open(path);
      await anchor.append(recordOf(7));
      expect(anchor.state).toBe("whole");
      await anchor.append(recordOf(8));
      await anchor.close();
      expect((await stat(path)).size).toBe(7 * BLOCK);
      const again = await AnchorFile.open(path);
      expect((await recordsIn(again)).map(({ size }) => size)).toEqual([1, 2, 3, 4, 5, 7, 8]);
      await again.close();
    },
  );

  test("may be the first", async () => {
    const path = await fileOf(1, 1000);
    await truncate(path, 700);
    const anchor = await AnchorFile.open(path);
    expect([anchor.state, anchor.newest]).toEqual(["torn", undefined]);
    await anchor.append(recordOf(1));
    await anchor.close();
    expect((await stat(path)).size).toBe(BLOCK);
  });
});

describe("a damaged file", () => {
  test("says so of any bit of its last record", async () => {
    const path = await fileOf(3);
    const sound = await readFile(path);
    for (const bit of range(0, BLOCK / 8).map((n) => 8 * (2 * BLOCK) + n * 61)) {
      await writeFile(path, flipped(sound, bit));
      try {
        const anchor = await AnchorFile.open(path);
        expect([bit, anchor.state, anchor.newest]).toEqual([bit, "torn", recordOf(2)]);
        await anchor.close();
      } catch (error) {
        expect(error).toEqual(code("LOG_CORRUPT"));
      }
    }
  });

  test.each([0, 5, 8, 12, 43, 44, 60, 200, 400, BLOCK - 1])(
    "is refused with byte %d of a record before it changed",
    async (at) => {
      const path = await fileOf(6);
      await writeFile(path, flipped(await readFile(path), 8 * (2 * BLOCK + at)));
      await expect(AnchorFile.open(path)).rejects.toEqual(code("LOG_CORRUPT"));
    },
  );

  test("is read from its end without what lies before", async () => {
    const path = await fileOf(1000);
    await writeFile(path, flipped(await readFile(path), 8 * (100 * BLOCK + 70)));
    const anchor = await AnchorFile.open(path);
    const handle = await openFile(path);
    const reads = jest.spyOn(Object.getPrototypeOf(handle) as typeof handle, "read");
    await handle.close();
    const sizes: number[] = [];
    const reading = async (least: number): Promise<void> => {
      for await (const { size } of anchor.newestFirst()) {
        sizes.unshift(size);
        if (size <= least) break;
      }
    };
    try {
      await reading(990);
      expect(reads).toHaveBeenCalledTimes(1);
    } finally {
      reads.mockRestore();
    }
    expect(sizes).toEqual(range(990, 1001));
    sizes.length = 0;
    await expect(reading(1)).rejects.toEqual(code("LOG_CORRUPT"));
    expect(sizes).toEqual(range(102, 1001));
    await anchor.close();
  });

  test("is read up to the damage where opening does not look", async () => {
    const path = await fileOf(300);
    await writeFile(path, flipped(await readFile(path), 8 * (100 * BLOCK + 70)));
    const anchor = await AnchorFile.open(path);
    expect(anchor.newest).toEqual(recordOf(300));
    const read: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { size } of anchor.records()) read.push(size);
    };
    await expect(reading()).rejects.toEqual(code("LOG_CORRUPT"));
    expect(read).toEqual(range(1, 101));
    await anchor.close();
  });

  test.each([
    ["exchanged", [0, 2, 1, 3]],
    ["left out", [0, 2, 3]],
    ["repeated", [0, 1, 1, 2]],
    ["missing at the start", [1, 2, 3]],
  ])("is refused with records %s", async (_name, order) => {
    const path = await fileOf(4);
    const sound = await readFile(path);
    const blocks = order.map((n) => sound.subarray(n * BLOCK, (n + 1) * BLOCK));
    await writeFile(path, Buffer.concat(blocks));
    await expect(AnchorFile.open(path)).rejects.toEqual(code("LOG_CORRUPT"));
  });

  test.each([
    ["text", Buffer.from("this is no anchor\n".repeat(10))],
    ["much of it", Buffer.alloc(300_000, 7)],
    ["more zeros than a record has", Buffer.alloc(70_000)],
  ])("is refused when it holds %s, and left alone", async (_name, bytes) => {
    const path = place();
    await writeFile(path, bytes);
    await expect(AnchorFile.open(path)).rejects.toEqual(code("LOG_CORRUPT"));
    expect(await readFile(path)).toEqual(bytes);
  });

  test("is refused when more than one record behind the last intact one is broken", async () => {
    const path = await fileOf(6);
    const bytes = flipped(
      flipped(await readFile(path), 8 * (4 * BLOCK + 70)),
      8 * (5 * BLOCK + 70),
    );
    await writeFile(path, bytes);
    await expect(AnchorFile.open(path)).rejects.toEqual(code("LOG_CORRUPT"));
  });
});

describe("the missing anchor", () => {
  test("has nothing and takes nothing", async () => {
    const anchor = missingAnchor();
    expect([anchor.newest, anchor.state]).toEqual([undefined, "missing"]);
    expect(await recordsIn(anchor)).toEqual([]);
    await expect(anchor.append(recordOf(1))).rejects.toEqual(code("LOG_ANCHOR_MISSING"));
    await anchor.close();
  });
});
