import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import type { Obstacle } from "./suite.js";

const MEBIBYTE = 1024 * 1024;
const LEAST_MIB = 16;

/** An ext4 in a file, which turns read-only at an error as a disk of that kind does. */
export class LoopDisk {
  readonly path: string;
  readonly #image: string;

  private constructor(path: string, image: string) {
    this.path = path;
    this.#image = image;
  }

  /** Mounts one at a path that is not there yet. */
  static async mount(path: string, mebibytes: number): Promise<LoopDisk> {
    const disk = new LoopDisk(path, `${path}.image`);
    await mkdir(path);
    const file = await open(disk.#image, "w");
    await file.truncate(mebibytes * MEBIBYTE);
    await file.close();
    run("mkfs.ext4", "-q", "-F", disk.#image);
    disk.#mount();
    return disk;
  }

  #mount(): void {
    run("mount", "-t", "ext4", "-o", "loop,errors=remount-ro", this.#image, this.path);
  }

  /** Has the kernel meet an error in it: it aborts the journal, and writes nothing from then on. */
  async breakDown(): Promise<void> {
    await writeFile(triggerOf(this.path), "1");
  }

  /** Checks it and mounts it anew, as an operator would. */
  repair(): void {
    run("umount", this.path);
    // Exit 1 says that something was corrected.
    const { status, stderr } = spawnSync("e2fsck", ["-f", "-y", this.#image], { encoding: "utf8" });
    if (status !== 0 && status !== 1) throw new Error(`e2fsck: ${String(status)}: ${stderr}`);
    this.#mount();
  }

  async unmount(): Promise<void> {
    run("umount", this.path);
    await rm(this.#image);
  }
}

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(`${command}: exit ${String(status)}: ${stderr}`);
  return stdout;
}

function triggerOf(path: string): string {
  const device = basename(run("findmnt", "--noheadings", "--output", "SOURCE", path).trim());
  return `/sys/fs/ext4/${device}/trigger_fs_error`;
}

/** Names what is missing for breaking one. */
export async function loopObstacle(): Promise<Obstacle> {
  const folder = mkdtempSync(join(tmpdir(), "tally-loop-"));
  try {
    const disk = await LoopDisk.mount(join(folder, "disk"), LEAST_MIB);
    try {
      return existsSync(triggerOf(disk.path)) ? undefined : "an ext4 that can be told to fail";
    } finally {
      await disk.unmount();
    }
  } catch {
    return "the right to mount an ext4 from a file";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
