import { copyFile, mkdtemp, open, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { sha256 } from "@tallystick/merkle";

import { AnchorFile, type AnchorRecord } from "./anchor.js";

const unavailable: unknown = expect.objectContaining({ code: "LOG_UNAVAILABLE" });

let root = "";
let count = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tallystick-anchor-place-"));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

function recordOf(size: number): AnchorRecord {
  return { size, root: sha256(Uint8Array.of(size)), checkpoint: new Uint8Array(300).fill(size) };
}

async function fileOf(records: number): Promise<string> {
  const path = join(root, `anchor-${count++}`);
  const anchor = await AnchorFile.open(path, { create: true });
  for (let size = 1; size <= records; size++) await anchor.append(recordOf(size));
  await anchor.close();
  return path;
}

describe("an open anchor gives up, for good,", () => {
  test.each<[string, (path: string) => Promise<void>]>([
    ["removed", (path) => rm(path)],
    ["moved away", (path) => rename(path, `${path}.away`)],
    [
      "moved away, and another is there",
      async (path) => {
        await rename(path, `${path}.away`);
        await writeFile(path, "");
      },
    ],
    [
      "replaced by a copy",
      async (path) => {
        await copyFile(path, `${path}.copy`);
        await rename(`${path}.copy`, path);
      },
    ],
  ])("when its file is %s", async (_, change) => {
    const path = await fileOf(2);
    const anchor = await AnchorFile.open(path);
    await anchor.append(recordOf(3));
    await change(path);
    for (const size of [4, 5]) {
      await expect(anchor.append(recordOf(size))).rejects.toEqual(unavailable);
    }
    await anchor.close();
  });

  test("when another writer's record stands where it has written its own", async () => {
    const path = await fileOf(2);
    const anchor = await AnchorFile.open(path);
    const other = await open(path, "r+");
    const syncs = jest.spyOn(Object.getPrototypeOf(other) as typeof other, "datasync");
    syncs.mockImplementationOnce(async () => {
      await other.write(new Uint8Array(512).fill(7), 0, 512, 2 * 512);
    });
    try {
      await expect(anchor.append(recordOf(3))).rejects.toEqual(unavailable);
      expect(syncs).toHaveBeenCalledTimes(1);
    } finally {
      syncs.mockRestore();
      await other.close();
    }
    await expect(anchor.append(recordOf(4))).rejects.toEqual(unavailable);
    await anchor.close();
  });
});
