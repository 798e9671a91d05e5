import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFile, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";

import { withLock } from "./lock.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

/** Far above what any system numbers its processes up to. */
const GONE = `2147483646 0123456789abcdef ${hostname()}\n`;

describe("a lock", () => {
  test("is held by one at a time, and gone behind the last", async () => {
    let inside = 0;
    let most = 0;
    const runs = Array.from({ length: 8 }, () =>
      withLock(workspace.at("many.lock"), { waitMs: 30_000 }, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      }),
    );
    await Promise.all(runs);
    expect(most).toBe(1);
    expect(await workspace.names()).not.toContain("many.lock");
  });

  test("is held by one at a time also where those who wait read it just as it is given back", async () => {
    const held: number[] = [];
    let inside = 0;
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        await withLock(workspace.at("busy.lock"), { waitMs: 60_000 }, async () => {
          held.push(++inside);
          await readFile(workspace.at("busy.lock"));
          inside--;
        });
      }
    };
    await Promise.all(Array.from({ length: 12 }, loop));
    expect(held).toEqual(Array.from({ length: 144 }, () => 1));
    expect((await workspace.names()).filter((name) => name.startsWith("busy"))).toEqual([]);
  });

  test("is given back by one that fails", async () => {
    const failure = new Error("failed");
    const run = withLock(workspace.at("f.lock"), { waitMs: 0 }, () => Promise.reject(failure));
    await expect(run).rejects.toBe(failure);
    expect(await workspace.names()).not.toContain("f.lock");
  });

  test("of a process that is gone is taken over, by one of those who find it", async () => {
    await workspace.write("gone.lock", GONE);
    let inside = 0;
    let most = 0;
    const runs = Array.from({ length: 4 }, () =>
      withLock(workspace.at("gone.lock"), { waitMs: 30_000 }, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      }),
    );
    await Promise.all(runs);
    expect(most).toBe(1);
  });

  test.each([
    [
      "an earlier run with the number of this one",
      `${process.pid} 0123456789abcdef ${hostname()}\n`,
    ],
    ["one that crashed before it wrote", ""],
  ])("of %s is taken over, and leaves nothing", async (name, holder) => {
    await workspace.write("left.lock", holder);
    await utimes(workspace.at("left.lock"), 1, 1);
    const run = withLock(workspace.at("left.lock"), { waitMs: 0 }, () => Promise.resolve(name));
    expect(await run).toBe(name);
    expect((await workspace.names()).filter((each) => each.startsWith("left"))).toEqual([]);
  });

  test("has nothing beside it while it is held", async () => {
    const path = workspace.at("whole.lock");
    const own = await withLock(path, { waitMs: 0 }, async () => {
      expect((await stat(path)).nlink).toBe(1);
      expect((await workspace.names()).filter((each) => each.startsWith("whole"))).toEqual([
        "whole.lock",
      ]);
      const second = withLock(path, { waitMs: 0 }, () => Promise.resolve());
      await expect(second).rejects.toMatchObject({ code: "CLI_FILE_IN_USE" });
      return readFile(path, "utf8");
    });
    expect(own).toContain(`${process.pid} `);
  });

  test.each([
    ["a process that runs", `${process.ppid} 0123456789abcdef ${hostname()}\n`],
    ["one that is about to write into it", ""],
    ["another machine", "1 0123456789abcdef elsewhere.example\n"],
    ["whoever writes something else", "x"],
  ])("of %s is not taken", async (...[name, holder]) => {
    await workspace.write("held.lock", holder);
    const run = withLock(workspace.at("held.lock"), { waitMs: 0 }, () => Promise.resolve(name));
    await expect(run).rejects.toMatchObject({ code: "CLI_FILE_IN_USE" });
    expect(new TextDecoder().decode(await workspace.read("held.lock"))).toBe(holder);
  });
});
