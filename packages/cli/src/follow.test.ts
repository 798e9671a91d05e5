import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { readFile } from "node:fs/promises";

import { PrivateKey } from "@tallystick/cose";
import { serve } from "@tallystick/server";
import { VerifierKey } from "@tallystick/tlog";

import { Branches, ORIGIN } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Cosigners, withAlteredLine } from "./testing/cosigned.js";
import { Web } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";

const PINNED = ["--trust", "trust.json"];
const DEMANDING = [...PINNED, "--witness-policy", "policy"];
const LATEST = "checkpoints/latest";

let workspace: Workspace;
let branches: Branches;
let cosigners: Cosigners;
const sizes = { early: 0, later: 0 };

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  branches = await Branches.make(workspace, "log");
  sizes.early = await branches.grow("log", [1, 3], { out: "early" });
  await branches.fork("early", "later");
  await branches.fork("log", "face");
  sizes.later = await branches.grow("log", [2], { out: "later", subject: "pkg/later" });
  await branches.grow("face", [4], { out: "other" });
  cosigners = await Cosigners.make();
  await workspace.write("policy", cosigners.policy());
  await branches.fork("later", "witnessed");
  await workspace.write("witnessed/checkpoint", await noteOf("later", 2));
  await branches.fork("witnessed", "altered");
  await workspace.write("altered/checkpoint", withAlteredLine(await noteOf("later", 2)));
  await branches.fork("witnessed", "half");
  await workspace.write("half/checkpoint", await noteOf("later", 1));
  await branches.fork("later", "behind");
  await workspace.write("behind/checkpoint", await workspace.read("early/checkpoint"));
  // The tiles of either are there, as far as a tile can be two.
  await branches.fork("other", "forked");
  await branches.fork("later", "forked");
  await workspace.write(`forked/${LATEST}`, await workspace.read(`other/${LATEST}`));
}, 60_000);

afterAll(() => workspace.remove());

async function noteOf(folder: string, cosignatures: number): Promise<Uint8Array> {
  return cosigners.cosigned(await workspace.read(`${folder}/checkpoint`), cosignatures);
}

function monitored(source: string, state: string, ...rest: readonly string[]): Promise<Outcome> {
  return workspace.tally("monitor", source, "--state", state, "--once", ...rest);
}

const eventsOf = (text: string): readonly Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("a log whose note is behind what clients are shown", () => {
  test("hides nothing from a monitor, which tells how far behind it is", async () => {
    const web = await Web.serve(workspace.at("behind"));
    const watch = ["--watch-subject", "pkg/later", "--metrics", "m.prom"];
    const { code, stdout } = await monitored(web.url, "behind.state", ...PINNED, ...watch);
    await web.close();
    expect([code, stdout.match(/pkg\/later/g)]).toEqual([0, ["pkg/later", "pkg/later"]]);
    const lines = stdout.split("\n");
    expect(lines).toContain(
      `published: ${sizes.early} entries, ${sizes.later - sizes.early} behind checkpoints/latest`,
    );
    const metrics = (await readFile("m.prom", "utf8")).split("\n");
    for (const [name, size] of [
      ["published_size", sizes.early],
      ["checkpoint_size", sizes.later],
      ["checked_entries", sizes.later],
    ]) {
      expect(metrics).toContain(`tallystick_monitor_${name} ${size}`);
    }
    const again = await monitored("behind", "behind.state", ...PINNED, "--json");
    expect(eventsOf(again.stdout)).toEqual([
      expect.objectContaining({ event: "sound", size: sizes.later, publishedSize: sizes.early }),
    ]);
    // What was seen beyond the note is not taken back.
    expect(await monitored("early", "behind.state", ...PINNED)).toMatchObject({ code: 1 });
  });

  test("is mirrored up to its note, and the mirror says what is not in it", async () => {
    const { stdout } = await workspace.must("mirror", "behind", "of-behind", ...PINNED, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ size: sizes.early, newestSize: sizes.later });
    expect(await workspace.names("of-behind/checkpoints")).not.toContain(String(sizes.later));
    await workspace.must("monitor", "of-behind", "--state", "of-behind.state", "--once", ...PINNED);
    await workspace.must("mirror", "later", "of-behind", ...PINNED);
  });
});

describe("a note that stands still while the log goes on", () => {
  const AHEAD_MS = 3_600_000;
  const stale = expect.objectContaining({ code: "MIRROR_STALE" }) as unknown;
  let start = 0;

  async function at<T>(time: number, act: () => Promise<T>): Promise<T> {
    const clock = jest.spyOn(Date, "now").mockReturnValue(time);
    try {
      return await act();
    } finally {
      clock.mockRestore();
    }
  }

  beforeAll(async () => {
    start = Date.now();
    await branches.fork("log", "still");
    for (const out of ["first", "second"]) {
      await at(start + AHEAD_MS, () => branches.grow("still", [2], { out }));
    }
    await branches.fork("first", "stood");
    await branches.fork("second", "stood");
    await workspace.write("stood/checkpoint", await noteOf("later", 2));
  }, 60_000);

  test.each<[string, readonly string[]]>([
    ["without witnesses", PINNED],
    ["of witnesses", DEMANDING],
  ])("is stale with --max-age, however new the rest is: %s", async (...[name, pins]) => {
    const watch = [...pins, "--max-age", "20", "--json"];
    const { code, stdout } = await at(start + AHEAD_MS, () =>
      monitored("stood", `${name}.state`, ...watch),
    );
    const [alert] = eventsOf(stdout);
    expect([code, alert]).toEqual([1, expect.objectContaining({ event: "alert", error: stale })]);
    expect(JSON.stringify(alert)).toContain(`the published note, of ${sizes.later} entries`);
  });

  test("alone says how old a log is that witnesses vouch for", async () => {
    const watch = ["--max-age", "3000", "--json"];
    const read = (state: string, pins: readonly string[]): Promise<Outcome> =>
      at(start, () => monitored("stood", state, ...pins, ...watch));
    // What is ahead is dated an hour ahead.
    expect(await read("vouched.state", DEMANDING)).toMatchObject({ code: 0 });
    expect(await read("unvouched.state", PINNED)).toMatchObject({ code: 1 });
  });

  test("is told once while it lasts, however far the log goes on", async () => {
    const before = await workspace.read(`first/${LATEST}`);
    let passes = 0;
    const web = await Web.serve(workspace.at("stood"), (path, response) => {
      if (path === "checkpoint" && ++passes === 3) process.emit("SIGTERM");
      if (path !== LATEST || passes > 1) return false;
      response.end(before);
      return true;
    });
    const { stdout } = await at(start + AHEAD_MS, () =>
      workspace.tally(
        ...["monitor", web.url, "--state", "once.state", "--every", "1", "--json"],
        ...[...PINNED, "--max-age", "20", "--watch-subject", "*"],
      ),
    );
    await web.close();
    const events = eventsOf(stdout).map(({ event }) => event);
    expect(events.filter((event) => event === "alert")).toHaveLength(1);
    // The second pass had more to tell, and was an alert as well.
    expect(events.slice(events.indexOf("alert") + 1)).toContain("statement");
    expect(events).not.toContain("sound");
  });

  test("may not go back", async () => {
    await monitored("stood", "back.state", ...PINNED);
    await branches.fork("stood", "back");
    await workspace.write("back/checkpoint", await workspace.read("early/checkpoint"));
    const { code, stdout } = await monitored("back", "back.state", ...PINNED, "--json");
    expect([code, eventsOf(stdout)]).toEqual([1, [expect.objectContaining({ error: stale })]]);
    expect(await monitored("stood", "back.state", ...PINNED)).toMatchObject({ code: 0 });
  });

  test("is what an audit says that witnesses have vouched for", async () => {
    const audited = async (...args: readonly string[]): Promise<string> =>
      (await workspace.must("audit", "stood", "--quiet", ...args)).stdout;
    expect((await audited(...DEMANDING)).split("\n")).toContain(
      `witnessed: ${sizes.later} entries`,
    );
    const told = JSON.parse(await audited(...DEMANDING, "--json")) as { readonly size: number };
    expect(told).toMatchObject({ verdict: "sound", publishedSize: sizes.later });
    expect(told.size).toBeGreaterThan(sizes.later);
    expect(await audited(...PINNED)).not.toContain("witnessed");
  });
});

test("a service's text makes no line of its own, in a message", async () => {
  const origin = "x\nmirrored: 99 entries\r\nlog: all is well";
  const web = await Web.serve(workspace.at("later"), (path, response) => {
    if (path !== "version") return false;
    response.end(
      JSON.stringify({ name: "a", version: "1", api: "1", issuer: "https://b", origin }),
    );
    return true;
  });
  const { code, stdout, stderr } = await workspace.tally("mirror", web.url, "lined", ...PINNED);
  await web.close();
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(
    /^tally: MIRROR_CHECKPOINT_INVALID: .*x\\nmirrored: 99 entries\\r\\nlog: .*\n$/,
  );
});

describe("a log that shows clients a fork under the same key", () => {
  test("is caught by who reads the note, with evidence", async () => {
    const web = await Web.serve(workspace.at("forked"));
    const outcomes = [
      await monitored(web.url, "forked.state", ...PINNED),
      await workspace.tally("mirror", web.url, "of-forked", ...PINNED),
    ];
    await web.close();
    for (const { code, stderr } of outcomes) {
      expect([code, stderr]).toEqual([1, expect.stringContaining("both be true (fork)")]);
    }
    for (const file of ["forked.state.evidence", "of-forked.evidence"]) {
      await workspace.must("evidence", file, ...PINNED);
    }
  });
});

describe("a note with cosignatures", () => {
  const reading: readonly [string, (source: string, ...rest: string[]) => Promise<Outcome>][] = [
    ["a monitor", (source, ...rest) => monitored(source, `${source}.${rest.length}.w`, ...rest)],
    [
      "a mirror",
      (source, ...rest) => workspace.tally("mirror", source, `${source}.${rest.length}.m`, ...rest),
    ],
  ];

  test.each(reading)(
    "%s without a policy says how many it has not checked",
    async (...[, read]) => {
      for (const source of ["witnessed", "altered"]) {
        const { code, stdout } = await read(source, ...PINNED);
        expect([code, stdout]).toEqual([0, expect.stringContaining("signatures not checked: 2")]);
      }
      const { stdout } = await read("later", ...PINNED);
      expect(stdout).not.toContain("not checked");
    },
  );

  test("is carried over by a mirror byte for byte, checked or not", async () => {
    for (const [source, out] of [
      ["altered", "carried"],
      ["witnessed", "carried-too"],
    ] as const) {
      await workspace.must("mirror", source, out, ...PINNED);
      const note = await workspace.read(`${out}/checkpoint`);
      expect(note).toEqual(await workspace.read(`${source}/checkpoint`));
    }
  });

  test.each(reading)("%s with a policy wants a quorum, and no wrong line", async (...[, read]) => {
    const sound = await read("witnessed", ...DEMANDING);
    expect([sound.code, sound.stdout]).toEqual([0, expect.not.stringContaining("not checked")]);
    for (const [source, says] of [
      ["altered", "signature of witness.example/2 does not hold"],
      ["half", "no quorum: 1 of 2 witnesses"],
      ["later", "no quorum: 0 of 2 witnesses"],
    ] as const) {
      const { code, stderr } = await read(source, ...DEMANDING);
      expect([source, code, stderr]).toEqual([source, 1, expect.stringContaining(says)]);
    }
  });

  test.each(reading)("%s heeds the logs that a policy is for", async (...[, read]) => {
    const { services } = (await workspace.json("trust.json")) as {
      services: readonly { readonly note: string }[];
    };
    const { publicKey } = await PrivateKey.generate("EdDSA");
    const other = VerifierKey.of(ORIGIN, "ed25519", publicKey).format();
    await workspace.write("own.policy", cosigners.policy(services[0]?.note ?? ""));
    await workspace.write("other.policy", cosigners.policy(other));
    const own = await read(
      "witnessed",
      ...PINNED,
      "--witness-policy",
      "own.policy",
      "--parallel",
      "2",
    );
    expect(own.code).toBe(0);
    const refused = await read("witnessed", ...PINNED, "--witness-policy", "other.policy");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("no known log")]);
  });

  test("that lacks its quorum is told once while it lasts with --every", async () => {
    let passes = 0;
    const whole = await workspace.read("witnessed/checkpoint");
    const web = await Web.serve(workspace.at("half"), (path, response) => {
      if (path !== "checkpoint" || ++passes < 3) return false;
      response.end(whole);
      process.emit("SIGTERM");
      return true;
    });
    const { stdout } = await workspace.tally(
      ...["monitor", web.url, "--state", "lacking.state", "--every", "1", "--json"],
      ...DEMANDING,
    );
    await web.close();
    expect(passes).toBe(3);
    const [first, ...rest] = eventsOf(stdout);
    expect(first).toMatchObject({
      event: "alert",
      error: { code: "MIRROR_NOT_WITNESSED" },
    });
    expect(rest.filter(({ event }) => event === "alert")).toEqual([]);
  });
});

describe("a policy of witnesses, for who takes a part of a log", () => {
  test("a receipt from tiles has its cosignatures verified before it is written", async () => {
    const [entryId = ""] = await workspace.names("later/statements");
    const made = (source: string, ...rest: readonly string[]): Promise<Outcome> =>
      workspace.tally("receipt", entryId, "--from-tiles", source, "--out", `${source}.r`, ...rest);
    expect((await made("witnessed", ...DEMANDING)).code).toBe(0);
    for (const [source, says] of [
      ["altered", "signature of witness.example/2 does not hold"],
      ["half", "no quorum"],
      ["later", "carries no cosignatures"],
    ] as const) {
      const { code, stderr } = await made(source, ...DEMANDING);
      expect([source, code, stderr]).toEqual([source, 1, expect.stringContaining(says)]);
      expect(await workspace.names()).not.toContain(`${source}.r`);
    }
    // Nobody has asked for more: it is as good as one without.
    expect((await made("altered", ...PINNED)).code).toBe(0);
  });

  test("an audit holds a copy, or a service, against it", async () => {
    const audited = (...args: readonly string[]): Promise<Outcome> =>
      workspace.tally("audit", "--quiet", ...args);
    expect((await audited("witnessed", ...DEMANDING)).code).toBe(0);
    for (const source of ["altered", "half", "later"]) {
      expect([source, (await audited(source, ...DEMANDING)).code]).toEqual([source, 1]);
    }
    const usage = await audited("log", ...DEMANDING);
    expect([usage.code, usage.stderr]).toEqual([3, expect.stringContaining("--witness-policy")]);
    await workspace.write("none.policy", "quorum none\n");
    await branches.with("log", async (service) => {
      const server = await serve(service, { host: "127.0.0.1", port: 0 });
      const at = ["--service", server.url];
      const lacking = await audited(...at, ...DEMANDING);
      expect([lacking.code, lacking.stderr]).toEqual([1, expect.stringContaining("no quorum")]);
      const sound = await audited(...at, ...PINNED, "--witness-policy", "none.policy");
      expect(sound.stdout).toContain(`witnessed: ${sizes.later} entries\n`);
      expect([sound.stderr, sound.code]).toEqual(["", 0]);
      await server.close();
    });
  }, 60_000);

  test("the newest checkpoint has to extend what they cosigned", async () => {
    const shown = async (source: string): Promise<Outcome> => {
      const web = await Web.serve(workspace.at(source), (path, response) => {
        if (path.startsWith("checkpoints/")) response.setHeader("content-type", "application/cbor");
        return false;
      });
      const seen = ["--seen", `${source}.seen`];
      const outcome = await workspace.tally(
        "checkpoint",
        "--service",
        web.url,
        ...DEMANDING,
        ...seen,
      );
      await web.close();
      return outcome;
    };
    const { code, stdout } = await shown("witnessed");
    expect([code, stdout]).toEqual([0, expect.stringContaining(`witnessed: ${sizes.later}\n`)]);
    for (const [source, says] of [
      ["altered", "signature of witness.example/2 does not hold"],
      ["half", "no quorum"],
      ["forked", "both be true (fork)"],
    ] as const) {
      if (source === "forked") {
        await workspace.write("forked/checkpoint", await noteOf("forked", 2));
      }
      const { code: refused, stderr } = await shown(source);
      expect([source, refused, stderr]).toEqual([source, 1, expect.stringContaining(says)]);
      expect(await workspace.names()).not.toContain(`${source}.seen`);
    }
    await workspace.must("evidence", "forked.seen.evidence", ...PINNED);
  });
});
