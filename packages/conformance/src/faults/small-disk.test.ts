import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { mkdtemp, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SmallDisk, canMount } from "./small-disk.js";
import type { Way } from "./small-disk.js";
import { tellSkip } from "./suite.js";

describe.each<Way>(["mount", "own namespace"])("a small disk by %s", (way) => {
  const can = canMount(way);
  if (!can) tellSkip(`a small disk by ${way}`, "the right to that");
  const testIf = can ? test : test.skip;
  let folder: string;
  let disk: SmallDisk | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tally-small-"));
  });

  afterEach(async () => {
    await disk?.unmount();
    disk = undefined;
    await rm(folder, { recursive: true });
  });

  testIf("is full, and takes more once there is room", async () => {
    disk = await SmallDisk.mount(join(folder, "disk"), 2, { way });
    const path = join(disk.path, "file");
    await disk.loadTo(1);
    await writeFile(path, new Uint8Array(512 * 1024));
    const more = new Uint8Array(1024 * 1024).fill(7);
    await expect(writeFile(`${path}.more`, more)).rejects.toMatchObject({ code: "ENOSPC" });
    await disk.lighten();
    await writeFile(`${path}.more`, more);
    expect((await readFile(`${path}.more`)).equals(more)).toBe(true);
    const { blocks, bsize } = await statfs(disk.path);
    expect(blocks * bsize).toBe(2 * 1024 * 1024);
  });

  testIf("has no inode left, and then some", async () => {
    disk = await SmallDisk.mount(join(folder, "disk"), 2, { way, inodes: 20 });
    await disk.takeInodes();
    const path = join(disk.path, "file");
    await expect(writeFile(path, "")).rejects.toMatchObject({ code: "ENOSPC" });
    await disk.lighten();
    await writeFile(path, "");
  });
});
