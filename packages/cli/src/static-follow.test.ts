import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeBundle } from "@tallystick/merkle";
import { encodeHex } from "@tallystick/cose";
import { cp } from "node:fs/promises";

import { Branches } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Web } from "./testing/web.js";
import type { Twist } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";

const TRUST = ["--trust", "trust.json"];

let workspace: Workspace;
let early = 0;
let late = 0;

// An export at two sizes, and one of another face that parted from it before the first.
beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const branches = await Branches.make(workspace, "log");
  await branches.fork("log", "face");
  early = await branches.grow("log", [3, 4], { out: "early" });
  await branches.fork("early", "late");
  late = await branches.grow("log", [5, 1], { out: "late" });
  await branches.grow("face", [20], { out: "forked" });
  for (const from of ["early", "forked"]) {
    await workspace.must("checkpoint", "--from-tiles", from, ...watched(`${from}.seen`));
  }
}, 120_000);

afterAll(() => workspace.remove());

function watched(seen: string): readonly string[] {
  return [...TRUST, "--seen", seen];
}

async function served<T>(
  folder: string,
  act: (url: string) => Promise<T>,
  twist?: Twist,
): Promise<T> {
  const web = await Web.serve(workspace.at(folder), twist);
  try {
    return await act(web.url);
  } finally {
    await web.close();
  }
}

/** Asks a place for its newest checkpoint, by a file of what was seen that is a copy of another. */
async function ask(args: readonly string[], before: string, seen: string): Promise<Outcome> {
  await cp(workspace.at(before), workspace.at(seen));
  return workspace.tally("checkpoint", ...args, ...watched(seen), "--json");
}

async function entryAt(index: number): Promise<string> {
  const entries = decodeBundle(await workspace.read(`early/tile/entries/000.p/${early}`));
  const entry = entries[index];
  if (entry === undefined) throw new Error(`no entry ${index}`);
  return encodeHex(entry);
}

describe("an export that has grown", () => {
  test("extends what was seen: as a folder, by its address, and as a service", async () => {
    const grown = await served("late", async (url) => [
      await ask(["--from-tiles", "late"], "early.seen", "folder.seen"),
      await ask(["--from-tiles", url], "early.seen", "tiles.seen"),
      await ask(["--service", url], "early.seen", "service.seen"),
    ]);
    for (const { code, stdout, stderr } of grown) {
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({ size: late });
    }
    // What was seen is kept up to date, so the older copy is behind it now.
    const { code, stdout } = await ask(["--from-tiles", "early"], "folder.seen", "again.seen");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CLIENT_NOT_EXTENDED" } });
  });

  test.each([
    ["receipt", []],
    ["receipt", ["--size", "EARLY"]],
    ["consistency", []],
  ])("%s %j from its tiles is held against what was seen", async (command, rest) => {
    const asked = command === "receipt" ? [await entryAt(3)] : await keptSizes();
    const more = rest.map((one) => (one === "EARLY" ? String(early) : one));
    await cp(workspace.at("early.seen"), workspace.at("made.seen"));
    const args = [command, ...asked, ...more, "--out", "made", ...watched("made.seen")];
    expect(await workspace.tally(...args, "--from-tiles", "late")).toMatchObject({ code: 0 });
    const behind = await workspace.tally(...args, "--from-tiles", "early");
    expect([behind.code, behind.stderr]).toEqual([
      1,
      expect.stringContaining(`shows a log of ${early} entries, ${late} were seen`),
    ]);
  });
});

/** The two newest sizes that the earlier export has a checkpoint of. */
async function keptSizes(): Promise<readonly string[]> {
  const names = await workspace.names("early/checkpoints");
  return names
    .filter((name) => /^[0-9]+$/.test(name))
    .sort((one, other) => Number(one) - Number(other))
    .slice(-2);
}

describe("an export of another face", () => {
  test("is caught with evidence that convinces others", async () => {
    const outcomes = await served("forked", async (url) => [
      await ask(["--from-tiles", "forked"], "early.seen", "a.seen"),
      await ask(["--from-tiles", url], "early.seen", "b.seen"),
      await ask(["--service", url], "early.seen", "c.seen"),
    ]);
    for (const [at, { code, stdout }] of outcomes.entries()) {
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CLIENT_CONTRADICTION" } });
      const evidence = `${"abc".charAt(at)}.seen.evidence`;
      const checked = await workspace.must("evidence", evidence, ...TRUST, "--json");
      expect(JSON.parse(checked.stdout)).toMatchObject({ kind: "fork" });
    }
  });

  test("hands out no receipt", async () => {
    await cp(workspace.at("forked.seen"), workspace.at("victim.seen"));
    const made = ["receipt", await entryAt(3), "--out", "refused.receipt"];
    const { code } = await workspace.tally(
      ...[...made, "--from-tiles", "late", ...watched("victim.seen")],
    );
    expect(code).toBe(1);
    expect(await workspace.names()).not.toContain("refused.receipt");
  });
});

describe("an audit of a web server with an export", () => {
  const audit = (url: string, ...more: readonly string[]): Promise<Outcome> =>
    workspace.tally("audit", "--service", url, ...TRUST, "--json", ...more);

  test("replays it as that of the folder does, and goes on from where it stopped", async () => {
    const folder = await workspace.must("audit", "late", ...TRUST, "--json");
    const state = ["--state", "web.audit"];
    expect(await served("early", (url) => audit(url, ...state))).toMatchObject({ code: 0 });
    const outcomes = await served("late", async (url) => [
      await audit(url),
      await audit(url, ...state),
    ]);
    for (const { code, stdout, stderr } of outcomes) {
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({ size: late });
    }
    const report = JSON.parse(folder.stdout) as object;
    const rate: unknown = expect.any(Number);
    expect(JSON.parse(outcomes[0]?.stdout ?? "")).toEqual({ ...report, rate });
  });

  test("that gives all files as one type replays it, too", async () => {
    const untyped: Twist = (path, response) => {
      response.setHeader("content-type", "application/octet-stream");
      if (path !== "version") return false;
      response.end("{}");
      return true;
    };
    expect(await served("late", (url) => audit(url), untyped)).toMatchObject({ code: 0 });
  });

  test.each<[string, Twist, number, string]>([
    [
      "a statement of other bytes",
      (path, response) => {
        const isHit = path.startsWith("statements/");
        if (isHit) response.end("other");
        return isHit;
      },
      1,
      "MIRROR_BODY_INVALID",
    ],
    [
      "a chain that does not go back",
      (path, response) => {
        const isHit = path === `checkpoints/${early}`;
        if (isHit) response.end(Buffer.of(0x41, 0x01));
        return isHit;
      },
      1,
      "MIRROR_CHECKPOINT_INVALID",
    ],
    [
      "a server that breaks",
      (path, response) => {
        const isHit = path.startsWith("statements/");
        if (isHit) response.writeHead(500).end();
        return isHit;
      },
      2,
      "CLIENT_UNAVAILABLE",
    ],
  ])("%s: no sound log", async (...[, twist, exit, error]) => {
    const { code, stdout } = await served("late", (url) => audit(url), twist);
    expect([code, stdout]).toEqual([exit, expect.stringContaining(error)]);
  });
});

describe("a place that fails", () => {
  const answering = (status: number): Twist => {
    return (path, response) => {
      const isHit = path.startsWith("tile/");
      if (isHit) response.writeHead(status).end();
      return isHit;
    };
  };

  test.each([
    [404, "CLIENT_EXTENSION_UNKNOWN"],
    [500, "CLIENT_UNAVAILABLE"],
  ])("to give its tiles with %d is no verdict", async (status, code) => {
    const outcomes = await served(
      "late",
      async (url) => [
        await ask(["--from-tiles", url], "early.seen", "d.seen"),
        await ask(["--service", url], "early.seen", "e.seen"),
      ],
      answering(status),
    );
    for (const outcome of outcomes) {
      expect(outcome.code).toBe(2);
      expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code } });
    }
    expect(await workspace.read("d.seen")).toEqual(await workspace.read("early.seen"));
    const names = await workspace.names();
    expect(
      names.filter((name) => name.startsWith("d.seen.") || name.startsWith("e.seen.")),
    ).toEqual([]);
  });

  test("as a folder without files is no verdict", async () => {
    const { code, stdout } = await ask(["--from-tiles", "nowhere"], "early.seen", "f.seen");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CLIENT_UNREACHABLE" } });
  });

  test("by tiles that are not its own is refused without evidence", async () => {
    const wrong: Twist = (path, response) => {
      const isHit = path.startsWith(`tile/0/000.p/${late}`);
      if (isHit) response.end(Buffer.alloc(32 * late, 1));
      return isHit;
    };
    const { code, stdout } = await served(
      "late",
      (url) => ask(["--from-tiles", url], "early.seen", "g.seen"),
      wrong,
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CLIENT_NOT_EXTENDED" } });
    expect(await workspace.names()).not.toContain("g.seen.evidence");
  });
});

test.each([
  ["checkpoint without a place", ["checkpoint", ...TRUST], "want either --service or --from-tiles"],
  [
    "checkpoint of two places",
    ["checkpoint", "--service", "http://127.0.0.1:9", "--from-tiles", "late", ...TRUST],
    "want either --service or --from-tiles",
  ],
  [
    "checkpoint of a folder with a token",
    ["checkpoint", "--from-tiles", "late", "--ca", "ca.pem", ...TRUST],
    "go with --service",
  ],
  [
    "consistency of a service with what was seen",
    ["consistency", "1", "2", "--service", "http://127.0.0.1:9", "--seen", "x", "--out", "y"],
    "--seen wants --trust",
  ],
])("%s is wrong usage", async (_name, args, says) => {
  const { code, stderr } = await workspace.tally(...args);
  expect([code, stderr]).toEqual([3, expect.stringContaining(says)]);
});
