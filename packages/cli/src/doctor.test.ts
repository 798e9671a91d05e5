import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tellClock, tellFileSystem, tellSpace, tellSync } from "./checkup.js";
import { exitOf } from "./commands/doctor.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

interface Found {
  readonly name: string;
  readonly verdict: string;
  readonly detail: string;
  readonly measured?: Readonly<Record<string, number>>;
}

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
});

afterAll(() => workspace.remove());

async function examine(
  dir: string,
  ...options: readonly string[]
): Promise<{ code: number | null; findings: Readonly<Record<string, Found>> }> {
  const { code, stdout } = await workspace.tally(
    "doctor",
    dir,
    "--json",
    ...(options.includes("--writes") ? [] : ["--writes", "20"]),
    ...options,
  );
  const { findings } = JSON.parse(stdout) as { findings: readonly Found[] };
  return { code, findings: Object.fromEntries(findings.map((found) => [found.name, found])) };
}

/** A copy of the service, to make ill. */
async function copied(name: string): Promise<string> {
  await cp(workspace.at("service"), workspace.at(name), { recursive: true });
  return name;
}

/** Puts a record with a wrong checksum into the write-ahead log, and another one after it. */
async function spoilLog(path: string): Promise<void> {
  const name = (await readdir(path)).find((found) => found.endsWith(".log")) ?? "";
  // A record whose checksum is wrong, and a whole one after it: no crash leaves that.
  const whole = [186, 31, 86, 11, 1, 0, 1, 9];
  const wrong = [1, 2, 3, 4, 1, 0, 1, 9];
  await writeFile(join(path, name), Uint8Array.from([...wrong, ...whole]));
}

describe("doctor", () => {
  test("finds a stopped service well, in the order in which it looked", async () => {
    const { stdout, stderr } = await workspace.tally("doctor", "service", "--writes", "20");
    expect(stderr).toBe("");
    const names = [...stdout.matchAll(/^(?:good|warning|bad|unknown): ([a-z ]+): .+$/gm)];
    expect(names.map(([, name]) => name)).toEqual([
      "file system",
      "sync",
      "rename",
      "directory sync",
      "append",
      "log sync",
      "log rename",
      "log directory sync",
      "log append",
      "space",
      "rights",
      "anchor device",
      "log",
      "key",
      "clock",
      "standing",
    ]);
    const { findings } = await examine("service");
    const probed = ["rename", "directory sync", "append"];
    const inLog = probed.map((name) => `log ${name}`);
    for (const name of [...probed, ...inLog, "rights", "log", "key", "clock"]) {
      expect(findings[name]).toMatchObject({ verdict: "good" });
    }
    expect(findings["log"]?.detail).toBe("1 entries, not served now");
    expect(findings["standing"]).toMatchObject({ verdict: "good", detail: "takes entries" });
    expect(findings["anchor device"]).toMatchObject({ verdict: "warning" });
    expect(findings["sync"]?.measured).toMatchObject({ writes: 20 });
    expect(findings["log sync"]?.measured).toMatchObject({ writes: 20 });
    expect(await workspace.names("service/log")).not.toContain(expect.stringMatching(/doctor/));
    expect(await workspace.names("service")).toEqual(["anchor", "config.json", "keys", "log"]);
  });

  test("asks the server of one that is served", async () => {
    const server = await ServeProcess.start(workspace, "service");
    const { findings } = await examine("service");
    expect(findings["log"]?.detail).toBe("1 entries, served by a running server");
    expect(findings["key"]).toMatchObject({ verdict: "good" });
    expect(findings["standing"]).toMatchObject({ verdict: "good", detail: "takes entries" });
    await server.stop();
  });

  const withMemory = existsSync("/dev/shm") ? test : test.skip;

  withMemory("is not taken in by a sync that does nothing, as of memory", async () => {
    const place = await mkdtemp("/dev/shm/tally-test-");
    try {
      await workspace.must("init", `${place}/service`);
      const { findings } = await examine(`${place}/service`, "--writes", "1000");
      for (const name of ["sync", "log sync"]) {
        expect(findings[name]).toMatchObject({
          verdict: "warning",
          detail: expect.stringContaining("is sync ignored?") as unknown,
        });
      }
    } finally {
      await rm(place, { recursive: true });
    }
  });

  const memory = ["tmpfs", "ramfs"];

  test("exits with 0 when nothing is wrong but the place of the anchor", async () => {
    const { code, findings } = await examine("service");
    const isMemory = memory.includes(findings["file system"]?.detail.split(" ")[0] ?? "");
    expect(code).toBe(isMemory ? 1 : 0);
  });

  test("sees that the anchor knows of more than the log", async () => {
    const dir = await copied("rolled-back");
    await workspace.must("keygen", "--alg", "ES256", "--out", "k.jwk");
    const add = ["trust", "add", "k.pub.jwk", "--iss", "https://issuer.example", "--dir"];
    await workspace.must(...add, dir);
    await rm(workspace.at(`${dir}/log`), { recursive: true });
    await cp(workspace.at("service/log"), workspace.at(`${dir}/log`), { recursive: true });
    const { code, findings } = await examine(dir);
    expect(code).toBe(1);
    expect(findings["standing"]).toMatchObject({
      verdict: "bad",
      detail: expect.stringMatching(
        /^read-only: LOG_BEHIND_ANCHOR: .+ size 1 .+ size 2 .+ 1 entries are missing/,
      ) as unknown,
    });
  });

  test.each<[why: string, spoil: (dir: string) => Promise<void>, says: [string, RegExp]]>([
    [
      "the anchor is gone",
      (dir) => rm(workspace.at(`${dir}/anchor`)),
      ["standing", /^bad: would not start: LOG_ANCHOR_MISSING: .+ no anchor/],
    ],
    [
      "others may read a key",
      (dir) => chmod(workspace.at(`${dir}/keys/receipt.jwk`), 0o644),
      ["rights", /^bad: others may read or write .+receipt\.jwk: chmod 600$/],
    ],
    [
      "the key is another",
      (dir) =>
        copyFile(workspace.at(`${dir}/keys/operator.jwk`), workspace.at(`${dir}/keys/receipt.jwk`)),
      ["key", /^bad: receipt\.jwk is [\w-]{43}, the log is signed with [\w-]{43}$/],
    ],
    [
      "the public key is another",
      (dir) =>
        copyFile(
          workspace.at(`${dir}/keys/operator.pub.jwk`),
          workspace.at(`${dir}/keys/receipt.pub.jwk`),
        ),
      ["key", /^bad: receipt\.pub\.jwk is not the public key of receipt\.jwk$/],
    ],
    [
      "the anchor is another log's",
      async (dir) => {
        await workspace.must("init", "stranger");
        await copyFile(workspace.at("stranger/anchor"), workspace.at(`${dir}/anchor`));
      },
      ["standing", /^bad: would not start: LOG_/],
    ],
    [
      "the newest writes are damaged before their end",
      (dir) => spoilLog(workspace.at(`${dir}/log`)),
      ["log", /^bad: would not start: LOG_CORRUPT: \d+\.log is damaged at byte 0/],
    ],
    [
      "the log is frozen",
      (dir) => workspace.must("freeze", dir, "--why", "enough").then(() => undefined),
      ["standing", /^bad: read-only: LOG_FROZEN: .+: enough$/],
    ],
  ])("exits with 1 when %s", async (why, spoil, [name, says]) => {
    const dir = await copied(why.replaceAll(" ", "-"));
    await spoil(dir);
    const { code, findings } = await examine(dir);
    expect(`${findings[name]?.verdict ?? ""}: ${findings[name]?.detail ?? ""}`).toMatch(says);
    expect(code).toBe(1);
  });

  test("exits with 1 when there is less room than is wanted", async () => {
    const { code, findings } = await examine("service", "--min-free-mib", "999999999");
    expect(findings["space"]).toMatchObject({ verdict: "bad" });
    expect(code).toBe(1);
  });

  test("exits with 2 when it cannot look", async () => {
    const dir = await copied("blind");
    await rm(workspace.at(`${dir}/keys/receipt.jwk`));
    const { code, findings } = await examine(dir);
    expect(findings["key"]).toMatchObject({ verdict: "unknown" });
    const isMemory = memory.includes(findings["file system"]?.detail.split(" ")[0] ?? "");
    expect(code).toBe(isMemory ? 1 : 2);
    await rm(workspace.at(`${dir}/log`), { recursive: true });
    expect((await examine(dir)).findings["log"]).toMatchObject({ verdict: "unknown" });
  });
});

describe("what is said of", () => {
  test.each([
    [{ type: "ext4", kind: "disk" }, "good", "ext4"],
    [{ type: "tmpfs", kind: "memory" }, "bad", "tmpfs is memory: nothing survives a restart"],
    [
      { type: "nfs", kind: "network" },
      "warning",
      "nfs: locks and syncs may not mean what they say",
    ],
    [{ type: "0x1", kind: "unknown" }, "warning", "0x1 is not known to this program"],
  ] as const)("a file system %j", (system, verdict, detail) => {
    expect(tellFileSystem(system)).toEqual({ verdict, detail });
  });

  test.each([
    // A sync that does nothing is as likely to be the shorter one.
    [-0.003, 0.2, "warning"],
    [0.004, 0.2, "warning"],
    [0.005, 0.2, "good"],
    [0.2, 10, "good"],
    [0.2, 250, "good"],
    [0.2, 251, "warning"],
  ])("syncs that take %d ms over idle, and at most %d", (overIdleMs, p99Ms, verdict) => {
    expect(tellSync({ overIdleMs, p99Ms })).toMatchObject({ verdict });
  });

  test.each([
    [255, "bad"],
    [256, "warning"],
    [1023, "warning"],
    [1024, "good"],
  ])("%d MiB", (free, verdict) => {
    expect(tellSpace(free, 256)).toMatchObject({ verdict });
  });

  test.each([
    [100, "good", "0 s after the newest checkpoint"],
    [99, "bad", "1 s before the newest checkpoint: the log would open read-only"],
  ])("a clock at %d after a checkpoint at 100", (now, verdict, detail) => {
    expect(tellClock(now, 100)).toMatchObject({ verdict, detail });
  });

  test.each([
    [["good", "warning"], 0],
    [["good", "unknown"], 2],
    [["unknown", "bad"], 1],
  ] as const)("all of %j in an exit code", (verdicts, code) => {
    expect(exitOf(verdicts.map((verdict) => ({ verdict })))).toBe(code);
  });
});
