import { afterAll, beforeEach, beforeAll, describe, expect, test } from "@jest/globals";
import { LevelStore } from "@tallystick/log";
import { cp, rename, rm } from "node:fs/promises";

import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "made");
  await workspace.must("keygen", "--alg", "ES256", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", "me", "--dir", "made");
});

beforeEach(async () => {
  await rm(workspace.at("service"), { recursive: true, force: true });
  await cp(workspace.at("made"), workspace.at("service"), { recursive: true });
});

afterAll(() => workspace.remove());

/** Flips a bit in the first row whose key begins with this letter. */
async function damage(kind: string): Promise<void> {
  const store = await LevelStore.open(workspace.at("service/log"));
  const from = new TextEncoder().encode(kind);
  const before = Uint8Array.of((from[0] ?? 0) + 1);
  for await (const key of store.keys({ from, before, limit: 1 })) {
    const value = (await store.get(key))?.slice() ?? new Uint8Array();
    value[0] = (value[0] ?? 0) ^ 1;
    await store.write([{ key, value }]);
  }
  await store.close();
}

/** Loses every row whose key begins with this letter. */
async function lose(kind: string): Promise<void> {
  const [source, target] = [
    await LevelStore.open(workspace.at("made/log")),
    await LevelStore.open(workspace.at("service/rest"), { create: true }),
  ];
  for await (const key of source.keys({ from: Uint8Array.of(0), before: Uint8Array.of(255) })) {
    const value = await source.get(key);
    if (value !== undefined && key[0] !== kind.charCodeAt(0)) await target.write([{ key, value }]);
  }
  await Promise.all([source.close(), target.close()]);
  await rm(workspace.at("service/log"), { recursive: true });
  await rename(workspace.at("service/rest"), workspace.at("service/log"));
}

describe("fsck", () => {
  test("says that a log is sound", async () => {
    const { code, stdout, stderr } = await workspace.tally("fsck", "service");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^sound: 2 entries, root [0-9a-f]{64}\nchecked: entries 2, tiles 1, bodies 2, checkpoints 2\n$/,
    );
    expect(stderr).toBe("");
  });

  test("says so as one JSON object", async () => {
    const { code, stdout } = await workspace.tally("fsck", "service", "--json");
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).toEqual({
      verdict: "sound",
      size: 2,
      root: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      checked: { entries: 2, tiles: 1, bodies: 2, checkpoints: 2 },
      problems: [],
      problemCount: 0,
    });
  });

  test.each([
    ["a body", "s"],
    ["a tile", "t"],
    ["a bundle", "b"],
    ["a checkpoint", "c"],
    ["the head", "h"],
  ])("finds a flipped bit in %s", async (_, kind) => {
    await damage(kind);
    const { code, stdout } = await workspace.tally("fsck", "service");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^corrupt: /);
    expect(stdout).toMatch(/^checksum: /m);
    const json = await workspace.tally("fsck", "service", "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: "corrupt" });
  });

  test("says that bodies are missing", async () => {
    await lose("s");
    const { code, stdout } = await workspace.tally("fsck", "service");
    expect(code).toBe(2);
    expect(stdout).toMatch(/^incomplete: 2 entries, /);
    expect(stdout.match(/^missing: /gm)).toHaveLength(2);
    const json = await workspace.tally("fsck", "service", "--json");
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: "incomplete", problemCount: 2 });
  });

  test("says what it looked at: --no-bodies leaves them out, and what is wrong with them", async () => {
    await damage("s");
    const tree = await workspace.must("fsck", "service", "--no-bodies");
    expect(tree.stdout).toMatch(/^sound: .+\nchecked: entries 2, tiles 1, bodies 0, /);
    for (const options of [["--bodies"], []]) {
      expect((await workspace.tally("fsck", "service", ...options)).code).toBe(1);
    }
  });

  test("holds the log against its anchor", async () => {
    await rm(workspace.at("service/anchor"));
    const missing = await workspace.tally("fsck", "service");
    expect(missing.code).toBe(2);
    expect(missing.stdout).toMatch(/^missing: anchor: /m);
    await workspace.must("init", "other");
    await cp(workspace.at("other/anchor"), workspace.at("service/anchor"));
    const foreign = await workspace.tally("fsck", "service");
    expect(foreign.code).toBe(1);
    expect(foreign.stdout).toMatch(/^mismatch: anchor 1: /m);
    await rm(workspace.at("other"), { recursive: true });
  });

  test("finds another key than the log was made with", async () => {
    await cp(workspace.at("issuer.pub.jwk"), workspace.at("service/keys/receipt.pub.jwk"));
    const { code, stdout } = await workspace.tally("fsck", "service");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^mismatch: /m);
  });

  test.each([
    ["whose folder is gone", () => rm(workspace.at("service/log"), { recursive: true })],
    ["without its CURRENT", () => rm(workspace.at("service/log/CURRENT"))],
  ])("says that a log %s is incomplete", async (_, lose) => {
    await lose();
    const { code, stdout, stderr } = await workspace.tally("fsck", "service");
    expect(code).toBe(2);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^incomplete: 0 entries\nchecked: .+\nmissing: log: no log in .+\n$/);
    const json = await workspace.tally("fsck", "service", "--json");
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toEqual({
      verdict: "incomplete",
      size: 0,
      root: null,
      checked: { entries: 0, tiles: 0, bodies: 0, checkpoints: 0 },
      problems: [{ kind: "missing", where: "log", detail: "no log in this directory" }],
      problemCount: 1,
    });
  });

  test.each([
    ["MANIFEST", "overwritten", "x".repeat(500)],
    ["CURRENT", "of no file", "MANIFEST-999999\n"],
    ["CURRENT", "of nonsense", "nonsense"],
  ])("says that a log with a %s %s is corrupt", async (name, _, content) => {
    const files = await workspace.names("service/log");
    const file = files.find((found) => found.startsWith(name)) ?? "";
    await workspace.write(`service/log/${file}`, content);
    const { code, stdout, stderr } = await workspace.tally("fsck", "service");
    expect(code).toBe(1);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^corrupt: 0 entries\nchecked: .+\nunreadable: log: the store.+\n$/);
    const json = await workspace.tally("fsck", "service", "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      verdict: "corrupt",
      root: null,
      problems: [{ kind: "unreadable", where: "log" }],
      problemCount: 1,
    });
  });
});
