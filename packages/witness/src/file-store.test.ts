import { mkdtemp, readdir, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";

import { FileStore } from "./file-store.js";
import { formatFreshState } from "./state.js";
import { ReferenceLog } from "./testing/reference-log.js";
import { bytesOf, ORIGIN, rejection, Scene } from "./testing/scene.js";

const NAME = "ab".repeat(32);
let path = "";
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "witness-"));
});
afterEach(async () => {
  await rm(path, { recursive: true });
});

describe("FileStore", () => {
  test("keeps the newest version, in one file", async () => {
    const store = new FileStore(path);
    expect(await store.read(NAME)).toBeUndefined();
    for (const version of [1, 2, 3]) {
      await store.replace(NAME, version - 1, bytesOf(`v${version}`));
      expect(await new FileStore(path).read(NAME)).toEqual({
        version,
        bytes: bytesOf(`v${version}`),
      });
      expect(await readdir(join(path, NAME))).toEqual([String(version)]);
    }
  });

  test("replaces a version once, however many try", async () => {
    const stores = Array.from({ length: 8 }, () => new FileStore(path));
    await stores[0]?.replace(NAME, 0, bytesOf("first"));
    const outcomes = await Promise.allSettled(
      stores.map((store, at) => store.replace(NAME, 1, bytesOf(`from ${at}`))),
    );
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      expect(outcome.reason).toMatchObject({ code: "WITNESS_STORE_CONFLICT" });
    }
    expect(await stores[0]?.read(NAME)).toEqual({ version: 2, bytes: bytesOf(`from ${winner}`) });
    expect(await readdir(join(path, NAME))).toEqual(["2"]);
  });

  test("does not take a version that others are through with", async () => {
    const [slow, fast] = [new FileStore(path), new FileStore(path)];
    for (const version of [0, 1, 2]) await fast.replace(NAME, version, bytesOf(`v${version}`));
    expect(await rejection(slow.replace(NAME, 1, bytesOf("late")))).toBe("WITNESS_STORE_CONFLICT");
    expect((await slow.read(NAME))?.version).toBe(3);
  });

  test("passes over what a crash left behind", async () => {
    const store = new FileStore(path);
    await store.replace(NAME, 0, bytesOf("v1"));
    await store.replace(NAME, 1, bytesOf("v2"));
    await writeFile(join(path, NAME, "1"), "v1");
    await writeFile(join(path, NAME, "draft-0011"), "v");
    expect(await store.read(NAME)).toEqual({ version: 2, bytes: bytesOf("v2") });
    await store.replace(NAME, 2, bytesOf("v3"));
    expect(await readdir(join(path, NAME))).toEqual(["3", "draft-0011"]);
  });

  test("says when the disk fails", async () => {
    await writeFile(join(path, NAME), "not a directory");
    const store = new FileStore(path);
    expect(await rejection(store.read(NAME))).toBe("WITNESS_STORE_FAILED");
    expect(await rejection(store.replace(NAME, 0, bytesOf("v")))).toBe("WITNESS_STORE_FAILED");
  });
});

describe("a witness on files", () => {
  test("goes on after a restart, and refuses once its file is gone", async () => {
    const scene = await Scene.open();
    const store = new FileStore(path);
    await store.replace(scene.hash, 0, formatFreshState(ORIGIN));
    const add = (from: number, to: number): Promise<string> =>
      scene.witness(new FileStore(path)).addCheckpoint(bytesOf(scene.log.request(from, to)));
    await add(0, 5);
    await add(5, 9);
    expect(await rejection(add(5, 9))).toBe("WITNESS_SIZE_CONFLICT");
    await unlink(join(path, scene.hash, "3"));
    expect(await rejection(add(0, 9))).toBe("WITNESS_STATE_DAMAGED");
  });

  test("two processes grant one of two trees", async () => {
    const scene = await Scene.open();
    await new FileStore(path).replace(scene.hash, 0, formatFreshState(ORIGIN));
    const outcomes = await Promise.allSettled(
      ["a", "b", "c"].map((salt) =>
        scene
          .witness(new FileStore(path))
          .addCheckpoint(bytesOf(new ReferenceLog(scene.key, 9, salt).request(0, 9))),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});
