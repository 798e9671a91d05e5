import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { encodeHex } from "@tallystick/cose";
import { decodeBundle } from "@tallystick/merkle";
import { execFile as execute } from "node:child_process";
import { cp, rm, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

import { Branches } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Web } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";

const execFile = promisify(execute);

const TRUST = ["--trust", "trust.json"];
const LATEST = "checkpoints/latest";

let workspace: Workspace;
let early = 0;
let late = 0;
let entryId = "";

// An export whose note is behind its newest record, and one whose note is of another face.
beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const branches = await Branches.make(workspace, "log");
  early = await branches.grow("log", [3], { out: "early" });
  await branches.fork("early", "late");
  await branches.fork("log", "face");
  late = await branches.grow("log", [2], { out: "late" });
  await branches.grow("face", [4], { out: "other" });
  await branches.fork("late", "behind");
  await workspace.write("behind/checkpoint", await workspace.read("early/checkpoint"));
  await branches.fork("late", "bare");
  await rm(workspace.at("bare/checkpoint"));
  await branches.fork("other", "forked");
  await branches.fork("late", "forked");
  await workspace.write(`forked/${LATEST}`, await workspace.read(`other/${LATEST}`));
  const pins = JSON.parse(new TextDecoder().decode(await workspace.read("trust.json"))) as {
    services: { note?: string }[];
  };
  for (const one of pins.services) delete one.note;
  await workspace.write("noteless.json", JSON.stringify(pins));
  const entries = decodeBundle(await workspace.read(`early/tile/entries/000.p/${early}`));
  entryId = encodeHex(entries[1] ?? new Uint8Array());
}, 120_000);

afterAll(() => workspace.remove());

const checkpoint = (place: string, ...rest: readonly string[]): Promise<Outcome> =>
  workspace.tally("checkpoint", "--from-tiles", place, "--json", ...rest);

const receipt = (place: string, ...rest: readonly string[]): Promise<Outcome> =>
  workspace.tally("receipt", entryId, "--from-tiles", place, "--out", "made.receipt", ...rest);

describe("without a witness policy, the note is held against the newest checkpoint", () => {
  test.each([
    ["of the same size", "late", () => late],
    ["behind it", "behind", () => early],
  ])("%s: its size is told", async (_name, place, published) => {
    const { code, stdout, stderr } = await checkpoint(place, ...TRUST);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({ size: late, publishedSize: published() });
    expect(await receipt(place, ...TRUST)).toMatchObject({ code: 0, stderr: "" });
  });

  test("of another face: no checkpoint, no receipt, and evidence that convinces others", async () => {
    await rm(workspace.at("made.receipt"), { force: true });
    const shown = await checkpoint("forked", ...TRUST, "--seen", "forked.seen");
    const made = await receipt("forked", ...TRUST, "--size", String(early), "--evidence", "kept");
    const loose = await receipt("forked", ...TRUST);
    expect(JSON.parse(shown.stdout)).toMatchObject({ error: { code: "MIRROR_CONTRADICTION" } });
    for (const { code, stderr } of [shown, made, loose]) {
      expect([code, stderr]).toEqual([1, expect.stringContaining("wrote ")]);
    }
    expect(made.stderr).toContain("tally: MIRROR_CONTRADICTION: ");
    const names = await workspace.names();
    expect(names).not.toContain("made.receipt");
    expect(names).not.toContain("forked.seen");
    for (const file of ["forked.seen.evidence", "kept", "tally.evidence"]) {
      const checked = await workspace.must("evidence", file, ...TRUST, "--json");
      expect(JSON.parse(checked.stdout)).toMatchObject({ kind: "fork" });
    }
  });

  test("that is not there says nothing, and is told of", async () => {
    const { code, stdout, stderr } = await checkpoint("bare", ...TRUST);
    expect([code, stderr]).toEqual([0, expect.stringContaining("the note is not there")]);
    expect(JSON.parse(stdout)).not.toHaveProperty("publishedSize");
    let asked = 0;
    const web = await Web.serve(workspace.at("late"), (path, response) => {
      if (path !== "checkpoint") return false;
      asked++;
      response.writeHead(503, { "retry-after": "5" }).end();
      return true;
    });
    const held = await checkpoint(web.url, ...TRUST);
    await web.close();
    expect([held.code, asked]).toEqual([0, 1]);
    expect(held.stderr).toContain("status 503");
  });

  test.each([
    ["pipe", (path: string) => execFile("mkfifo", [path]), "there is no such file"],
    ["endless", (path: string) => writeFile(path, new Uint8Array(2 ** 20 + 1)), "is longer than"],
  ])("that is no note, but %s, is as if it were not there", async (place, make, why) => {
    await cp(workspace.at("bare"), workspace.at(place), { recursive: true });
    await make(workspace.at(`${place}/checkpoint`));
    for (const { code, stderr } of [
      await checkpoint(place, ...TRUST),
      await receipt(place, ...TRUST),
    ]) {
      expect([code, stderr]).toEqual([0, expect.stringContaining("the note is not there")]);
      expect(stderr).toContain(why);
    }
  });

  test("is read with the token that the rest was read with, which a pipe has once", async () => {
    await execFile("mkfifo", [workspace.at("token")]);
    const asked = new Set<string>();
    const web = await Web.serve(workspace.at("late"), (path, _response, request) => {
      asked.add(`${path} ${request.headers.authorization ?? "bare"}`);
      return false;
    });
    const TOKEN = ["--token-file", "token", ...TRUST];
    const calls = [
      () => checkpoint(web.url, ...TOKEN, "--seen", "piped.seen"),
      () => receipt(web.url, ...TOKEN, "--seen", "piped.seen"),
    ];
    for (const call of calls) {
      asked.clear();
      const [outcome] = await Promise.all([call(), writeFile(workspace.at("token"), "secret\n")]);
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(asked).toContain("checkpoint Bearer secret");
      expect([...asked].filter((one) => !one.endsWith(" Bearer secret"))).toEqual([]);
    }
    await web.close();
  });

  test("is waited for no longer than --timeout says", async () => {
    const web = await Web.serve(workspace.at("late"), (path) => path === "checkpoint");
    const made = await receipt(web.url, ...TRUST, "--timeout", "1");
    await web.close();
    expect(made).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("within 1000 ms") as unknown,
    });
  });

  test("that is broken does not keep a fork from being told", async () => {
    await cp(workspace.at("other"), workspace.at("torn"), { recursive: true });
    await workspace.write("torn/checkpoint", "torn");
    const broken = await receipt("torn", ...TRUST);
    expect([broken.code, broken.stderr]).toEqual([
      1,
      expect.stringContaining("MIRROR_CHECKPOINT_INVALID"),
    ]);
    const first = await checkpoint("late", ...TRUST, "--seen", "torn.seen");
    expect(first).toMatchObject({ code: 0 });
    const { code, stderr } = await receipt("torn", ...TRUST, "--seen", "torn.seen");
    expect([code, stderr]).toEqual([1, expect.stringContaining("wrote torn.seen.evidence")]);
    expect(stderr).not.toContain("MIRROR_CHECKPOINT_INVALID");
    const checked = await workspace.must("evidence", "torn.seen.evidence", ...TRUST, "--json");
    expect(JSON.parse(checked.stdout)).toMatchObject({ kind: "fork" });
  });

  test("is none of a log whose note key is not pinned", async () => {
    const { code, stdout, stderr } = await checkpoint("forked", "--trust", "noteless.json");
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).not.toHaveProperty("publishedSize");
  });
});

describe("a contradiction that a command finds", () => {
  test.each([
    ["search", ["search", "forked", "--sub", "any"], "tally.evidence"],
    ["search --prove", ["search", "forked", "--sub", "any", "--prove", "p"], "tally.evidence"],
    ["audit", ["audit", "forked", "--quiet"], "tally.evidence"],
    ["checkpoint", ["checkpoint", "--from-tiles", "forked"], "tally.evidence"],
    ["checkpoint --seen", ["checkpoint", "--from-tiles", "forked", "--seen", "n"], "n.evidence"],
    ["audit --state", ["audit", "forked", "--quiet", "--state", "s"], "s.evidence"],
    ["audit --evidence", ["audit", "forked", "--quiet", "--evidence", "e"], "e"],
    ["search --evidence", ["search", "forked", "--sub", "any", "--evidence", "f"], "f"],
  ])("is kept as evidence: %s", async (_name, args, file) => {
    await rm(workspace.at(file), { force: true });
    const { code, stderr } = await workspace.tally(...args, ...TRUST);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`wrote ${file}`)]);
    expect(stderr).toContain("tally: MIRROR_CONTRADICTION: ");
    // The next run finds the same, and keeps no more of it.
    const names = await workspace.names();
    const again = await workspace.tally(...args, ...TRUST);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining(`wrote ${file}:`)]);
    expect(await workspace.names()).toEqual(names);
    const checked = await workspace.must("evidence", file, ...TRUST, "--json");
    expect(JSON.parse(checked.stdout)).toMatchObject({ kind: "fork" });
  });
});
