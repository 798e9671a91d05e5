import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServerResponse } from "node:http";
import { readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";

import { Branches, ORIGIN } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Web } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";

const PINNED = ["--trust", "trust.json"];

let workspace: Workspace;
let branches: Branches;
/** Sizes of the exports. */
const sizes = { early: 0, later: 0, other: 0 };

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  branches = await Branches.make(workspace, "log");
  sizes.early = await branches.grow("log", [1, 8], { out: "early" });
  await branches.fork("early", "later");
  await branches.fork("log", "face");
  await branches.fork("early", "other");
  sizes.later = await branches.grow("log", [2, 5], { out: "later", subject: "later" });
  sizes.other = await branches.grow("face", [9, 1], { out: "other", subject: "other" });
}, 60_000);

afterAll(() => workspace.remove());

async function pathsIn(out: string): Promise<readonly string[]> {
  const top = workspace.at(out);
  const found = await readdir(top, { recursive: true, withFileTypes: true });
  const files = found.filter((each) => each.isFile());
  const paths = files.map(({ parentPath, name }) => relative(top, join(parentPath, name)));
  return paths.filter((path) => !path.startsWith(".tallystick/")).sort();
}

function mirrored(source: string, out: string, ...rest: readonly string[]): Promise<Outcome> {
  return workspace.tally("mirror", source, out, ...PINNED, ...rest);
}

describe("a mirror", () => {
  test("has the files of the export that it copies, and serves in its place", async () => {
    const { code, stdout } = await mirrored("early", "copy");
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`mirrored: ${sizes.early} entries`),
    ]);
    const paths = await pathsIn("copy");
    expect(paths).toEqual(await pathsIn("early"));
    for (const path of paths) {
      expect([path, await workspace.read(`copy/${path}`)]).toEqual([
        ...[path, await workspace.read(`early/${path}`)],
      ]);
    }
    await workspace.must("mirror", "copy", "second-hand", ...PINNED);
    expect(await pathsIn("second-hand")).toEqual(paths);
  }, 60_000);

  test("goes on from what it has, and asks for nothing of it again", async () => {
    await branches.fork("copy", "goes-on");
    const served = await Web.serve("later");
    const { stdout } = await workspace.must("mirror", served.url, "goes-on", ...PINNED, "--json");
    await served.close();
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ origin: ORIGIN, size: sizes.later, oldSize: sizes.early, isComplete: true },
    });
    const bodies = served.asked.filter((path) => path.startsWith("statements/"));
    expect(bodies).toHaveLength(sizes.later - sizes.early);
    expect(await pathsIn("goes-on")).toEqual(await pathsIn("later"));
  });

  test("that was cut short publishes nothing, and goes on where it stopped", async () => {
    let left = 12;
    const breaks = (path: string, response: ServerResponse): boolean => {
      if (!path.startsWith("statements/") || left-- > 0) return false;
      response.destroy();
      return true;
    };
    const broken = await Web.serve("later", breaks);
    expect(await mirrored(broken.url, "cut")).toMatchObject({ code: 2 });
    await broken.close();
    expect(await pathsIn("cut")).not.toContain("checkpoint");
    const served = await Web.serve("later");
    expect(await mirrored(served.url, "cut")).toMatchObject({ code: 0 });
    await served.close();
    const bodies = served.asked.filter((path) => path.startsWith("statements/"));
    expect(bodies.length).toBeLessThanOrEqual(sizes.later - 12);
    expect(await pathsIn("later")).toEqual(expect.arrayContaining([...(await pathsIn("cut"))]));
    const { stdout } = await workspace.must("mirror", "cut", "of-cut", ...PINNED);
    expect(stdout).toContain(`mirrored: ${sizes.later} entries`);
  });

  test("that is up to date stays as it is", async () => {
    const { code, stdout } = await mirrored("early", "copy");
    expect([code, stdout]).toEqual([0, expect.stringContaining("new entries: 0")]);
  });

  test("pins the receipt keys of a log by its note key on first use", async () => {
    const { services } = (await workspace.json("trust.json")) as {
      services: readonly { readonly note: string }[];
    };
    const { note: vkey = "" } = services[0] ?? {};
    await workspace.must("mirror", "early", "by-key", "--vkey", vkey);
    await workspace.must("mirror", "later", "by-key", "--vkey", vkey);
    const other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    for (const out of ["by-key", "by-other-key"]) {
      const refused = await workspace.tally("mirror", "later", out, "--vkey", other);
      expect([out, refused.code]).toEqual([out, 1]);
    }
  });
});

describe("a log that does not extend its mirror", () => {
  test.each([
    ["a larger log that begins otherwise", "later", "other", "fork"],
    ["a smaller log that the mirror does not begin with", "other", "later", "fork"],
  ])("%s: is a contradiction, and the mirror stays as it was", async (...[, first, then, kind]) => {
    const out = `mirror-of-${first}`;
    await workspace.must("mirror", first, out, ...PINNED);
    const before = await workspace.read(`${out}/checkpoint`);
    const { code, stderr } = await mirrored(then, out);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`cannot both be true (${kind})`)]);
    expect(await workspace.read(`${out}/checkpoint`)).toEqual(before);
    const checked = await workspace.tally("evidence", `${out}.evidence`, ...PINNED);
    expect([checked.code, checked.stdout]).toEqual([
      ...[0, expect.stringContaining("contradicts itself")],
    ]);
  });

  test("a log that it was before is stale, without evidence", async () => {
    await workspace.must("mirror", "later", "ahead", ...PINNED);
    const { code, stdout } = await mirrored("early", "ahead", "--json");
    expect([code, JSON.parse(stdout)]).toEqual([
      ...[1, { error: expect.objectContaining({ code: "MIRROR_STALE" }) }],
    ]);
    expect(await workspace.names()).not.toContain("ahead.evidence");
  });
});

describe("a hostile server", () => {
  test.each<[what: string, path: RegExp, answer: (response: ServerResponse) => void, code: string]>(
    [
      [
        ...(["a tile without end", /^tile\/0/] as const),
        (response) => {
          response.writeHead(200);
          const more = (): void => {
            while (response.write(new Uint8Array(65_536)));
            response.once("drain", more);
          };
          more();
        },
        "CLIENT_PROTOCOL",
      ],
      ["an empty tile", /^tile\/0/, (response) => response.end(), "MIRROR_TILE_INVALID"],
      [
        "a longer tile",
        /^tile\/0/,
        (response) => response.end("x".repeat(9000)),
        "MIRROR_INCOMPLETE",
      ],
      [
        ...(["a redirect", /^tile\/entries/] as const),
        (response) => response.writeHead(302, { location: "/checkpoint" }).end(),
        "CLIENT_UNREACHABLE",
      ],
      ["no answer", /^tile\/0/, () => undefined, "CLIENT_TIMEOUT"],
      [
        "a page in place of a statement",
        /^statements/,
        (r) => r.end("<html>"),
        "MIRROR_BODY_INVALID",
      ],
      ["no checkpoint", /^checkpoint$/, (r) => r.writeHead(404).end(), "MIRROR_INCOMPLETE"],
      ["no note", /^notes/, (r) => r.end("none"), "MIRROR_CHECKPOINT_INVALID"],
      [
        "other keys",
        /^\.well-known/,
        (r) => r.end(Uint8Array.of(0x80)),
        "MIRROR_CHECKPOINT_INVALID",
      ],
      ["another name", /^version/, (r) => r.end("{}"), "MIRROR_CHECKPOINT_INVALID"],
      ["a failure", /^checkpoints/, (r) => r.writeHead(500).end(), "CLIENT_UNAVAILABLE"],
    ],
  )("%s is refused, and nothing is published", async (...[what, path, answer, code]) => {
    const served = await Web.serve("later", (asked, response) => {
      if (!path.test(asked)) return false;
      answer(response);
      return true;
    });
    const out = `of ${what}`;
    const { stdout } = await mirrored(served.url, out, "--json", "--timeout", "1");
    await served.close();
    expect(JSON.parse(stdout)).toEqual({ error: expect.objectContaining({ code }) });
    expect(await pathsIn(out).catch(() => [])).not.toContain("checkpoint");
  });

  test("that asks for time gets it", async () => {
    let refusals = 3;
    const served = await Web.serve("early", (_path, response) => {
      if (refusals-- <= 0) return false;
      response.writeHead(429, { "retry-after": "0" }).end();
      return true;
    });
    expect(await mirrored(served.url, "patient")).toMatchObject({ code: 0 });
    await served.close();
  });
});

test("a server that breaks two answers off is asked again, and no more than that", async () => {
  let left = 2;
  const breaks = (path: string, response: ServerResponse): boolean => {
    if (path !== "checkpoint" || left-- <= 0) return false;
    response.destroy();
    return true;
  };
  const served = await Web.serve("early", breaks);
  expect(await mirrored(served.url, "asked-again")).toMatchObject({ code: 0 });
  left = 3;
  expect(await mirrored(served.url, "asked-in-vain")).toMatchObject({ code: 2 });
  await served.close();
});

describe("F6: two writers over one folder", () => {
  test("of two copies at a time one is refused, and the folder is whole", async () => {
    const runs = ["early", "later"].map((source) => mirrored(source, "shared"));
    const outcomes = await Promise.all(runs);
    const refused = outcomes.filter(({ code }) => code !== 0);
    expect(refused).toEqual([
      { code: 2, stdout: "", stderr: expect.stringContaining("another run, process ") },
    ]);
    const { stdout } = await workspace.must("mirror", "shared", "of-shared", ...PINNED);
    expect(stdout).toContain("mirrored: ");
    expect(await mirrored("later", "shared")).toMatchObject({ code: 0 });
  });

  test("of two branches of a service the second does not export over the first", async () => {
    await branches.fork("later", "bucket");
    const before = await workspace.read("bucket/checkpoint");
    const { code, stderr } = await workspace.tally("export", "face", "bucket");
    expect([code, stderr]).toEqual([2, expect.stringContaining("bucket is of ")]);
    expect(await workspace.read("bucket/checkpoint")).toEqual(before);
    await workspace.must("export", "log", "bucket");
  });
});

describe("what is not mirrored", () => {
  test.each([
    ["neither of the two pins", ["early", "new"], 3, "want either --trust or --vkey"],
    ["a vkey that is none", ["early", "new", "--vkey", "x"], 3, "--vkey"],
    ["too many at a time", ["early", "new", ...PINNED, "--parallel", "65"], 3, "from 1 to 64"],
    ["into a folder of something else", ["early", "log", ...PINNED], 2, "nor a copy of a log"],
    ["from nowhere", ["nowhere", "new", ...PINNED], 1, "checkpoint is not there"],
    [
      "with a client key for a folder",
      ["early", "new", ...PINNED, "--client-key", "k"],
      3,
      "go with",
    ],
  ])("%s", async (...[, args, code, says]) => {
    const outcome = await workspace.tally("mirror", ...args);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(says)]);
  });

  test("a log whose keys are not pinned", async () => {
    await rm(workspace.at("new"), { recursive: true, force: true });
    const trust = (await workspace.json("trust.json")) as { services: Record<string, unknown>[] };
    const [service = {}] = trust.services;
    const without = { ...service, note: undefined };
    await workspace.write("no-note.json", JSON.stringify({ services: [without] }));
    const refused = await workspace.tally("mirror", "early", "new", "--trust", "no-note.json");
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining("no note key")]);
  });
});
