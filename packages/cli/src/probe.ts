import { mkdtemp, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** How long it takes until a small write is on disk, in milliseconds. */
export interface SyncLatency {
  readonly writes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /**
   * How much longer the median sync took than a call on the same file that asks nothing of the disk. Either goes
   * through a thread of its own, which takes longer than a sync that does nothing.
   */
  readonly overIdleMs: number;
}

/** The file system that a place is on. */
export interface FileSystem {
  readonly device: number;
  /** Name, or the number that the system gives. */
  readonly type: string;
  readonly kind: "disk" | "memory" | "network" | "unknown";
  readonly freeBytes: number;
}

const BLOCK = new Uint8Array(4096).fill(0x74);
const RENAMES = 64;
const APPENDS = 64;

// From linux/magic.h and the manual page of statfs(2).
const TYPES: ReadonlyMap<number, readonly [name: string, kind: FileSystem["kind"]]> = new Map([
  [0xef53, ["ext4", "disk"]],
  [0x5846_5342, ["xfs", "disk"]],
  [0x9123_683e, ["btrfs", "disk"]],
  [0x2fc1_2fc1, ["zfs", "disk"]],
  [0xf2f5_2010, ["f2fs", "disk"]],
  [0x794c_7630, ["overlayfs", "disk"]],
  [0x0102_1994, ["tmpfs", "memory"]],
  [0x8584_58f6, ["ramfs", "memory"]],
  [0x6969, ["nfs", "network"]],
  [0xff53_4d42, ["cifs", "network"]],
  [0xfe53_4d42, ["smb2", "network"]],
  [0x0102_1997, ["9p", "network"]],
  [0x6573_5546, ["fuse", "network"]],
]);

/** Yields what the system says of the file system at a place. */
export async function readFileSystem(place: string): Promise<FileSystem> {
  const [{ dev }, { type, bavail, bsize }] = await Promise.all([stat(place), statfs(place)]);
  const unsigned = type < 0 ? type + 2 ** 32 : type;
  const [name, kind] = TYPES.get(unsigned) ?? [`0x${unsigned.toString(16)}`, "unknown"];
  return { device: dev, type: name, kind, freeBytes: bavail * bsize };
}

/** Appends blocks to a file at a place, each with an fdatasync of its own, and yields the times. */
export function measureSync(place: string, writes: number): Promise<SyncLatency> {
  return inScratch(place, (scratch) => timeSyncs(join(scratch, "sync"), writes));
}

/**
 * Writes blocks to a file, which is made or emptied, each with an fdatasync of its own. Behind each stands a call that does
 * nothing, for the comparison: taken in turn, a busy machine slows both.
 */
export async function timeSyncs(path: string, writes: number): Promise<SyncLatency> {
  const file = await open(path, "w");
  const times: number[] = [];
  const overIdle: number[] = [];
  try {
    for (let i = 0; i < writes; i++) {
      const before = performance.now();
      await file.write(BLOCK);
      const written = performance.now();
      await file.datasync();
      const synced = performance.now();
      await file.stat();
      times.push(synced - before);
      overIdle.push(synced - written - (performance.now() - synced));
    }
  } finally {
    await file.close();
  }
  const at = (share: number): number => quantile(times, share);
  const overIdleMs = quantile(overIdle, 0.5);
  return { writes, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), overIdleMs };
}

function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
}

/**
 * Replaces a file by renaming others over it while it is read, and yields what is wrong with that:
 * every read must see one of them whole. `undefined` if nothing is.
 */
export function probeRename(place: string): Promise<string | undefined> {
  return inScratch(place, async (scratch) => {
    const path = join(scratch, "name");
    await writeFile(path, BLOCK);
    let isOver = false;
    const read = async (): Promise<string | undefined> => {
      while (!isOver) {
        const bytes = await readFile(path).catch(() => undefined);
        if (bytes === undefined) return "a file vanishes while another is renamed over it";
        const first = bytes[0];
        if (bytes.length !== BLOCK.length || bytes.some((byte) => byte !== first)) {
          return "a file is seen in part while another is renamed over it";
        }
      }
      return undefined;
    };
    const replace = async (): Promise<void> => {
      for (let i = 0; i < RENAMES; i++) {
        await writeFile(`${path}.new`, new Uint8Array(BLOCK.length).fill(i));
        await rename(`${path}.new`, path);
      }
      isOver = true;
    };
    const [wrong] = await Promise.all([read(), replace()]);
    const bytes = await readFile(path);
    return wrong ?? (bytes[0] === RENAMES - 1 ? undefined : "the last rename did not take effect");
  });
}

/** Syncs a directory, and yields why that does not work, `undefined` if it does. */
export function probeDirectorySync(place: string): Promise<string | undefined> {
  return inScratch(place, async (scratch) => {
    try {
      const directory = await open(scratch, "r");
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
      return undefined;
    } catch (error) {
      return `directories cannot be synced: ${error instanceof Error ? error.message : "no reason"}`;
    }
  });
}

/** Appends to one file through two handles in turn, and yields what is lost, `undefined` if nothing. */
export function probeAppend(place: string): Promise<string | undefined> {
  return inScratch(place, async (scratch) => {
    const path = join(scratch, "append");
    const files = [await open(path, "a"), await open(path, "a")];
    try {
      for (let i = 0; i < APPENDS; i++) await files[i % 2]?.write(lineOf(i));
    } finally {
      for (const file of files) await file.close();
    }
    const want = Array.from({ length: APPENDS }, (_, i) => lineOf(i)).join("");
    const got = await readFile(path, "utf8");
    return got === want ? undefined : "appending through two handles overwrites";
  });
}

function lineOf(i: number): string {
  return `${String(i).padStart(63, "0")}\n`;
}

async function inScratch<T>(place: string, act: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(place, ".doctor-"));
  try {
    return await act(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
