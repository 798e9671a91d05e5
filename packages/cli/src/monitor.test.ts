import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";

import { PrivateKey, encodeCbor } from "@tallystick/cose";

import { Branches, VENDOR } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Web } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";

const PINNED = ["--trust", "trust.json", "--once"];

let workspace: Workspace;
let branches: Branches;
/** Entries of the exports; the first two of each are policies. */
const sizes = { early: 0, later: 0 };

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  branches = await Branches.make(workspace, "log");
  sizes.early = await branches.grow("log", [1, 3], { out: "early" });
  await branches.fork("early", "later");
  await branches.fork("log", "face");
  sizes.later = await branches.grow("log", [2], { out: "later", subject: "pkg/later" });
  await branches.grow("face", [3], { out: "other", subject: "pkg/other" });
}, 60_000);

afterAll(() => workspace.remove());

const stale = expect.objectContaining({ code: "MIRROR_STALE" }) as unknown;

function monitored(source: string, state: string, ...rest: readonly string[]): Promise<Outcome> {
  return workspace.tally("monitor", source, "--state", state, ...PINNED, ...rest);
}

const linesOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Takes what is posted, and answers with the statuses in turn, then with 204. */
async function webhook(statuses: number[]): Promise<{
  readonly url: string;
  readonly posted: string[];
  readonly close: () => Promise<void>;
}> {
  const posted: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      posted.push(body);
      response.writeHead(statuses.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return {
    ...{ url, posted },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("a pass", () => {
  test("checks the whole log, then what is new, and tells of what is watched", async () => {
    const watch = ["--watch-subject", "pkg/*", "--watch-subject", "a/b", "--to", "told.jsonl"];
    const first = await monitored("early", "first.state", ...watch);
    expect(first.stdout.split("\n").slice(0, -2)).toHaveLength(sizes.early - 2);
    expect(first.stdout).toContain(`sound: ${sizes.early} entries checked`);
    const second = await monitored("later", "first.state", ...watch, "--json");
    expect(linesOf(second.stdout)).toEqual([
      ...[sizes.early, sizes.early + 1].map((index) => ({
        ...{ event: "statement", index, issuer: VENDOR, subject: "pkg/later" },
        ...{ entryId: expect.any(String), contentType: "text/plain" },
      })),
      expect.objectContaining({ event: "sound", size: sizes.later, checked: sizes.later }),
    ]);
    const third = await monitored("later", "first.state", ...watch, "--json");
    expect(linesOf(third.stdout)).toHaveLength(1);
    const told = linesOf(await readFile("told.jsonl", "utf8"));
    expect(told).toHaveLength(sizes.later - 2);
    expect(told.map(({ index }) => index)).toEqual(
      Array.from({ length: sizes.later - 2 }, (_, i) => i + 2),
    );
  });

  test.each([
    ["an issuer", ["--watch-issuer", VENDOR], 6],
    ["the beginning of an issuer", ["--watch-issuer", "https://*"], 8],
    ["a subject, whole", ["--watch-subject", "pkg/lat"], 0],
    ["either", ["--watch-issuer", VENDOR, "--watch-subject", "registration-policy"], 8],
    ["nobody", [], 0],
  ])("tells of %s", async (...[name, watch, count]) => {
    const { code, stdout } = await monitored("later", `${name}.state`, ...watch, "--json");
    expect([code, linesOf(stdout)]).toEqual([0, expect.any(Array)]);
    expect(linesOf(stdout).filter(({ event }) => event === "statement")).toHaveLength(count);
  });

  test("writes metrics that Prometheus reads", async () => {
    await monitored("later", "measured.state", "--metrics", "m.prom", "--watch-subject", "pkg/*");
    const text = await readFile("m.prom", "utf8");
    for (const line of [
      'tallystick_monitor_passes_total{outcome="sound"} 1',
      "tallystick_monitor_alert 0",
      `tallystick_monitor_checked_entries ${sizes.later}`,
      "tallystick_monitor_statements_told_total 2",
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    for (const line of text.split("\n").filter((each) => each !== "")) {
      expect(line).toMatch(/^(# (HELP|TYPE) )?tallystick_monitor_[a-z_]+({outcome="[a-z]+"})? /);
    }
  });

  // The first two entries are policies, of another issuer.
  test.each([
    ["now", "now", (): number => 0],
    ["an index", "4", (): number => sizes.early - 4],
    ["an index that the log does not have yet", "9999", (): number => 0],
    ["the first", "0", (): number => sizes.early - 2],
  ])("of a first run begins where --from says: %s", async (name, from, told) => {
    const watch = ["--watch-issuer", VENDOR, "--json", "--from"];
    const state = `from ${name}.state`;
    const early = await monitored("early", state, ...watch, from);
    const news = (text: string): readonly unknown[] =>
      linesOf(text).filter(({ event }) => event === "statement");
    expect([early.code, news(early.stdout).length]).toEqual([0, told()]);
    // A later run goes on from the state, whatever is said.
    const later = await monitored("later", state, ...watch, "0");
    expect(news(later.stdout)).toHaveLength(sizes.later - sizes.early);
    expect(await workspace.json(state)).toMatchObject({ position: sizes.later });
  });

  test("serves its metrics while it runs: --metrics-address", async () => {
    const url = `127.0.0.1:${await freePort()}`;
    let passes = 0;
    let told = Promise.resolve("");
    const web = await Web.serve(workspace.at("later"), (path) => {
      if (path !== "checkpoint" || ++passes !== 2) return false;
      told = fetch(`http://${url}/metrics`).then((response) => response.text());
      void told.finally(() => process.emit("SIGTERM"));
      return false;
    });
    const args = ["--state", "served.state", "--trust", "trust.json", "--metrics-address", url];
    const { stderr } = await workspace.tally("monitor", web.url, "--every", "1", ...args);
    await web.close();
    expect(stderr).toContain(`metrics: http://${url}/metrics\n`);
    expect(await told).toContain('tallystick_monitor_passes_total{outcome="sound"} 1\n');
    await expect(fetch(`http://${url}/metrics`)).rejects.toThrow();
  });

  test("that nobody takes the news of is made again, and tells again", async () => {
    const hook = await webhook([404, 500, 503, 404]);
    const watch = ["--watch-subject", "pkg/*", "--webhook", hook.url, "--json"];
    expect(await monitored("later", "hooked.state", ...watch)).toMatchObject({ code: 2 });
    expect(hook.posted).toHaveLength(4);
    expect(await monitored("later", "hooked.state", ...watch)).toMatchObject({ code: 0 });
    await hook.close();
    expect(hook.posted.slice(4).map((text) => linesOf(text)[0])).toEqual([
      expect.objectContaining({ event: "statement", index: sizes.early }),
      expect.objectContaining({ event: "statement", index: sizes.early + 1 }),
    ]);
    expect(hook.posted[0]).toBe(hook.posted[4]);
  });

  test("that stops at a statement goes on with that one", async () => {
    const hook = await webhook([204, 404, 404, 404, 404]);
    const watch = ["--watch-subject", "pkg/*", "--webhook", hook.url, "--to", "piecewise.jsonl"];
    const args = [...watch, "--parallel", "1"];
    expect(await monitored("later", "piecewise.state", ...args)).toMatchObject({ code: 2 });
    const { position } = await workspace.json("piecewise.state");
    expect(position).toBe(sizes.early + 1);
    expect(await monitored("later", "piecewise.state", ...args)).toMatchObject({ code: 0 });
    await hook.close();
    const posted = hook.posted.map((text) => linesOf(text)[0]?.["index"]);
    expect([posted[0], ...posted.slice(5)]).toEqual([sizes.early, sizes.early + 1]);
  });

  test("that is stopped says so, and the next one goes on", async () => {
    const web = await Web.serve(workspace.at("later"), (path) => {
      if (path === "checkpoint") process.emit("SIGTERM");
      return false;
    });
    const { code, stderr } = await monitored(web.url, "stopped.state");
    await web.close();
    expect([code, stderr]).toEqual([2, expect.stringContaining("not finished")]);
    expect(await monitored("later", "stopped.state")).toMatchObject({ code: 0 });
  });

  test("ends a line that a crash has cut short", async () => {
    await workspace.write("torn.jsonl", '{"event":"state');
    await monitored("later", "torn.state", "--to", "torn.jsonl", "--watch-subject", "pkg/*");
    const [torn, ...whole] = (await readFile("torn.jsonl", "utf8")).trimEnd().split("\n");
    expect(torn).toBe('{"event":"state');
    expect(whole.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      ...["statement", "statement"],
    ]);
  });
});

describe("misbehaviour", () => {
  test("of a log that shows another branch: evidence, and an alert to all who listen", async () => {
    await monitored("later", "forked.state");
    const hook = await webhook([]);
    const { code, stdout } = await monitored(
      ...(["other", "forked.state", "--webhook", hook.url, "--json"] as const),
    );
    await hook.close();
    expect(code).toBe(1);
    const [alert] = linesOf(stdout);
    expect(alert).toMatchObject({
      ...{ event: "alert", size: sizes.later },
      error: expect.objectContaining({ code: "MIRROR_CONTRADICTION" }) as unknown,
      evidence: "forked.state.evidence",
    });
    expect(hook.posted.map((text) => linesOf(text)[0])).toEqual([alert]);
    await workspace.must("evidence", "forked.state.evidence", "--trust", "trust.json");
    // What was seen stays: the other branch is refused again.
    expect(await monitored("other", "forked.state")).toMatchObject({ code: 1 });
    expect(await workspace.names()).not.toContain("forked.state.evidence.2");
    expect(await monitored("later", "forked.state")).toMatchObject({ code: 0 });
  });

  test("of a cache that serves an old checkpoint is stale, and mends", async () => {
    await monitored("later", "cached.state");
    const { code, stdout } = await monitored("early", "cached.state", "--json");
    expect([code, linesOf(stdout)[0]]).toEqual([
      ...[1, expect.objectContaining({ event: "alert", error: stale })],
    ]);
    expect(await monitored("later", "cached.state")).toMatchObject({ code: 0 });
  });

  test("of a log that signs nothing any more is stale with --max-age", async () => {
    const watch = ["--max-age", "3600", "--json"];
    expect(await monitored("later", "aged.state", ...watch)).toMatchObject({ code: 0 });
    const later = Date.now() + 3_700_000;
    const clock = jest.spyOn(Date, "now").mockReturnValue(later);
    const { code, stdout } = await monitored("later", "aged.state", ...watch);
    clock.mockRestore();
    expect([code, linesOf(stdout)[0]]).toEqual([
      ...[1, expect.objectContaining({ event: "alert", error: stale })],
    ]);
  });

  test("is told once while it lasts with --every, and the command goes on", async () => {
    await monitored("later", "going.state");
    let passes = 0;
    const web = await Web.serve(workspace.at("early"), (path) => {
      if (path === "checkpoint" && ++passes === 2) process.emit("SIGTERM");
      return false;
    });
    const { code, stdout } = await workspace.tally(
      ...["monitor", web.url, "--state", "going.state", "--trust", "trust.json"],
      ...["--every", "1", "--json"],
    );
    await web.close();
    expect([code, passes]).toEqual([1, 2]);
    expect(linesOf(stdout).map(({ event }) => event)).toEqual(["alert"]);
  });

  test("of age is told once while it lasts with --every, however old it gets", async () => {
    let passes = 0;
    const start = Date.now() + 3_700_000;
    const clock = jest.spyOn(Date, "now").mockImplementation(() => start + passes * 5000);
    const web = await Web.serve(workspace.at("early"), (path) => {
      if (path === "checkpoint" && ++passes === 2) process.emit("SIGTERM");
      return false;
    });
    const { code, stdout } = await workspace.tally(
      ...["monitor", web.url, "--state", "older.state", "--trust", "trust.json"],
      ...["--every", "1", "--max-age", "60", "--json"],
    );
    clock.mockRestore();
    await web.close();
    expect([code, passes]).toEqual([1, 2]);
    expect(linesOf(stdout).map(({ event }) => event)).toEqual(["alert"]);
  });

  test("that lasts ends the command also with --every", async () => {
    await monitored("later", "ended.state");
    const { code } = await workspace.tally(
      ...["monitor", "other", "--state", "ended.state", "--trust", "trust.json", "--every", "60"],
    );
    expect(code).toBe(1);
  });
});

describe("keys by --vkey", () => {
  test("that no checkpoint held under are not kept", async () => {
    const { services } = (await workspace.json("trust.json")) as {
      services: readonly { readonly note: string }[];
    };
    const vkey = services[0]?.note ?? "";
    const { publicKey } = await PrivateKey.generate("ES256");
    const keys = encodeCbor([publicKey.toCoseKey()]);
    const liar = await Web.serve(workspace.at("later"), (path, response) => {
      if (path !== ".well-known/scitt-keys") return false;
      response.end(keys);
      return true;
    });
    const args = ["--state", "by-key.state", "--vkey", vkey, "--once"];
    const refused = await workspace.tally("monitor", liar.url, ...args);
    const copied = await workspace.tally("mirror", liar.url, "by-key", "--vkey", vkey);
    await liar.close();
    expect([refused.code, copied.code]).toEqual([1, 1]);
    await workspace.must("monitor", "later", ...args);
    await workspace.must("mirror", "later", "by-key", "--vkey", vkey);
    // From now on they are those of the first sound run.
    expect(await workspace.names()).toContain("by-key.state.trust");
    expect(await workspace.names("by-key/.tallystick")).toContain("trust.json");
  });
});

describe("what cannot be followed", () => {
  test.each([
    ["neither --once nor --every", ["later", "--state", "s"], 3, "either --once or --every"],
    ["both", ["later", "--state", "s", ...PINNED, "--every", "5"], 3, "either --once or --every"],
    ["no state", ["later", ...PINNED], 3, "--state"],
    ["no keys", ["later", "--state", "s", "--once"], 3, "--trust or --vkey"],
    [
      "an empty name",
      ["later", "--state", "s", ...PINNED, "--watch-issuer", ""],
      3,
      "--watch-issuer is empty",
    ],
    [
      "a webhook that is none",
      ["later", "--state", "s", ...PINNED, "--webhook", "x"],
      3,
      "--webhook",
    ],
    [
      "a beginning that is none",
      ["later", "--state", "s", ...PINNED, "--from", "-1"],
      3,
      "an index",
    ],
    [
      "metrics of one pass",
      ["later", "--state", "s", ...PINNED, "--metrics-address", "127.0.0.1:0"],
      3,
      "--metrics-address goes with --every",
    ],
    [
      "an address that is none",
      ["later", "--state", "s", "--every", "1", "--metrics-address", "x:y"],
      3,
      "HOST:PORT",
    ],
    [
      "an address of another machine",
      [
        ...["later", "--state", "s", "--trust", "trust.json", "--every", "1"],
        ...["--metrics-address", "192.0.2.1:0"],
      ],
      2,
      "cannot listen on 192.0.2.1",
    ],
    ["a state of another kind", ["later", "--state", "trust.json", ...PINNED], 2, "state: "],
    [
      "an address that nobody answers at",
      ["http://127.0.0.1:9", "--state", "s", ...PINNED],
      2,
      "reached",
    ],
  ])("%s: says so", async (...[, args, code, says]) => {
    const outcome = await workspace.tally("monitor", ...args);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(says)]);
  });

  test("a state that says more than its checkpoint covers is not believed", async () => {
    await monitored("early", "ahead.state");
    const state = await workspace.json("ahead.state");
    for (const change of [{ position: 9999 }, { seen: null }, { seen: "AA" }, { more: 1 }]) {
      await workspace.write("changed.state", JSON.stringify({ ...state, ...change }));
      const { code, stdout } = await monitored("later", "changed.state", "--json");
      expect([change, code, stdout]).toEqual([
        ...[change, 2, expect.stringContaining("MIRROR_STATE_INVALID")],
      ]);
    }
  });
});
