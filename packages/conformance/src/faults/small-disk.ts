import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, rm, statfs, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Obstacle } from "./suite.js";

const MEBIBYTE = 1024 * 1024;

/** How a file system comes to be mounted: by who may, or by anybody where the kernel allows that. */
export type Way = "mount" | "own namespace";

/** Mounts, says so, and lasts until its standard input ends; so does what it has mounted. */
const HOLD = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && read -r _';

/**
 * A file system of a few mebibytes, with a ballast that can be thrown overboard. In a namespace of
 * its own it is held by a process there, and reached through that.
 */
export class SmallDisk {
  readonly path: string;
  readonly #holder: ChildProcess | undefined;

  private constructor(path: string, holder?: ChildProcess) {
    this.path = path;
    this.#holder = holder;
  }

  /** Mounts one at a path that is not there yet; without `inodes`, it has enough of them. */
  static async mount(
    path: string,
    mebibytes: number,
    { inodes, way = wayToMount() }: { readonly inodes?: number; readonly way?: Way } = {},
  ): Promise<SmallDisk> {
    const limits = `size=${mebibytes}m${inodes === undefined ? "" : `,nr_inodes=${inodes}`}`;
    if (way === "own namespace") return SmallDisk.#hold(path, limits);
    await mkdir(path);
    const { status, stderr } = mountHere(path, limits);
    if (status === 0) return new SmallDisk(path);
    await rm(path, { recursive: true });
    throw new Error(`mount: ${stderr}`);
  }

  static async #hold(path: string, limits: string): Promise<SmallDisk> {
    const place = `${path}.mounted`;
    await mkdir(place);
    const [command, args] = holding(place, limits);
    const holder = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    const said: unknown[] = await Promise.race([once(holder.stdout, "data"), once(holder, "exit")]);
    if (!(said[0] instanceof Uint8Array)) throw new Error(`${command}: exit ${String(said[0])}`);
    await symlink(`/proc/${String(holder.pid)}/root${place}`, path);
    return new SmallDisk(path, holder);
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
    await mkdir(folder);
    const { ffree } = await statfs(this.path);
    for (let number = 0; number < ffree; number++) {
      await writeFile(join(folder, String(number)), "");
    }
  }

  lighten(): Promise<void> {
    return rm(join(this.path, "ballast"), { recursive: true });
  }

  async unmount(): Promise<void> {
    if (this.#holder === undefined) {
      spawnSync("umount", [this.path], { timeout: 30_000 });
      return;
    }
    const ended = once(this.#holder, "exit");
    this.#holder.stdin?.end();
    await ended;
    await rm(this.path);
  }
}

function mountHere(place: string, limits: string): { status: number | null; stderr: string } {
  const args = ["-t", "tmpfs", "-o", limits, "tmpfs", place];
  return spawnSync("mount", args, { encoding: "utf8", timeout: 30_000 });
}

function holding(place: string, limits: string): [command: string, args: readonly string[]] {
  const own = ["--user", "--map-root-user", "--mount"];
  return ["unshare", [...own, "sh", "-c", HOLD, "sh", limits, place]];
}

/** Whether a file system can be mounted here in this way. */
export function canMount(way: Way): boolean {
  const place = mkdtempSync(join(tmpdir(), "tally-mount-"));
  try {
    if (way === "mount") {
      if (mountHere(place, "size=1m").status !== 0) return false;
      spawnSync("umount", [place], { timeout: 30_000 });
      return true;
    }
    const [command, args] = holding(place, "size=1m");
    const { stdout } = spawnSync(command, args, { encoding: "utf8", timeout: 30_000 });
    return stdout === "mounted\n";
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Yields how a file system can be mounted here, `undefined` if it cannot. */
export function wayToMount(): Way | undefined {
  return (["mount", "own namespace"] as const).find(canMount);
}

/** Names what is missing for mounting one. */
export function mountObstacle(): Obstacle {
  return wayToMount() === undefined ? "the right to mount, also in a user namespace" : undefined;
}
