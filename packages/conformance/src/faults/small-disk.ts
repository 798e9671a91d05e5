import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Obstacle } from "./suite.js";

const MEBIBYTE = 1024 * 1024;

/** A file system of a few mebibytes, with a ballast that can be thrown overboard. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts one at a path that is not there yet; without `inodes`, it has enough of them. */
  static mount(path: string, mebibytes: number, inodes?: number): SmallDisk {
    mkdirSync(path);
    const limits = [`size=${mebibytes}m`, ...(inodes === undefined ? [] : [`nr_inodes=${inodes}`])];
    const args = ["-t", "tmpfs", "-o", limits.join(), "tmpfs", path];
    const { status, stderr } = spawnSync("mount", args, {
      encoding: "utf8",
      timeout: 30_000,
    });
    if (status !== 0) {
      rmSync(path, { recursive: true });
      throw new Error(`mount: ${stderr}`);
    }
    return new SmallDisk(path);
  }

  /** Takes up all space but so much until {@link SmallDisk.lighten}. */
  async loadTo(freeMebibytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    await this.load(Math.max(0, Math.floor((bavail * bsize) / MEBIBYTE) - freeMebibytes));
  }

  /** Takes up space until {@link SmallDisk.lighten}. */
  load(mebibytes: number): Promise<void> {
    return writeFile(join(this.path, "ballast"), new Uint8Array(mebibytes * MEBIBYTE));
  }

  /** Makes empty files in the folder `ballast` until there is an inode for nothing more. */
  async takeInodes(): Promise<void> {
    const folder = join(this.path, "ballast");
    mkdirSync(folder);
    const { ffree } = await statfs(this.path);
    for (let number = 0; number < ffree; number++) {
      await writeFile(join(folder, String(number)), "");
    }
  }

  lighten(): Promise<void> {
    return rm(join(this.path, "ballast"), { recursive: true });
  }

  unmount(): void {
    spawnSync("umount", [this.path], { timeout: 30_000 });
  }
}

/** Names what is missing for mounting one. */
export function mountObstacle(): Obstacle {
  const folder = mkdtempSync(join(tmpdir(), "tally-mount-"));
  try {
    SmallDisk.mount(join(folder, "disk"), 1).unmount();
    return undefined;
  } catch {
    return "the right to mount a small file system";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
