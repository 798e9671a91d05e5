import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdtemp } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";

import fc from "fast-check";
import { PrivateKey, encodeBase64url } from "@tallystick/cose";
import { CheckedReader, VerifiedTree, readHead } from "@tallystick/mirror";
import type { LogHead } from "@tallystick/mirror";
import { encodeBase64, noteSigner } from "@tallystick/tlog";
import { TrustStore } from "@tallystick/verifier";
import {
  FileStore,
  Witness,
  formatFreshState,
  originHash,
  serveWitness,
} from "@tallystick/witness";
import type { RunningWitness } from "@tallystick/witness";

import { folderPath } from "./read-path.js";
import { Branches, ORIGIN } from "./testing/branches.js";
import { Web } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let branches: Branches;
let trust: TrustStore;

// What the page docs/split-view-drill.md does by hand.
beforeAll(async () => {
  workspace = await Workspace.moveTo();
  branches = await Branches.make(workspace, "log");
  await branches.grow("log", [1, 3], { out: "common" });
  await branches.fork("log", "face");
  for (const name of ["shown-to-all", "shown-to-one"]) await branches.fork("common", name);
  await branches.grow("log", [4], { out: "shown-to-all" });
  await branches.grow("face", [6], { out: "shown-to-one" });
  trust = TrustStore.parse(await workspace.read("trust.json"));
}, 60_000);

afterAll(() => workspace.remove());

/** A server that shows one of its clients, told by an address of its own, another branch. */
async function liar(): Promise<{ readonly all: Web; readonly one: Web }> {
  return {
    all: await Web.serve(workspace.at("shown-to-all")),
    one: await Web.serve(workspace.at("shown-to-one")),
  };
}

async function headOf(folder: string): Promise<{ head: LogHead; tree: VerifiedTree }> {
  const reader = new CheckedReader(folderPath(workspace.at(folder)));
  const head = await readHead(reader, trust);
  return { head, tree: await VerifiedTree.open(reader, head.signed.checkpoint) };
}

async function witnessing(): Promise<RunningWitness> {
  const key = await PrivateKey.generate("EdDSA");
  const signers = [noteSigner("witness.example/w", "ed25519-cosignature", key)];
  const keys = trust.services.flatMap(({ note }) => (note === undefined ? [] : [note]));
  const store = new FileStore(await mkdtemp(join(workspace.path, "witness-")));
  await store.replace(originHash(ORIGIN), 0, formatFreshState(ORIGIN));
  const now = (): number => Math.floor(Date.now() / 1000);
  const witness = new Witness({ signers, logs: [{ origin: ORIGIN, keys }], store, now });
  return serveWitness(witness, { host: "127.0.0.1", port: 0 });
}

/** Asks a witness for a cosignature, with the path that the branch itself gives. */
async function cosign(url: string, folder: string, from: number): Promise<number> {
  const { head, tree } = await headOf(folder);
  const path = from === 0 ? [] : await tree.consistencyFrom(from);
  const lines = [`old ${from}`, ...path.map((hash) => encodeBase64(hash)), ""];
  const body = `${lines.join("\n")}\n${new TextDecoder().decode(head.note)}`;
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/add-checkpoint`, { method: "POST" }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("error", reject).end(body);
  });
}

describe("a log that shows one client another branch", () => {
  test("is not cosigned by a witness that has seen the first", async () => {
    const witness = await witnessing();
    const common = (await headOf("common")).tree.size;
    expect(await cosign(witness.url, "common", 0)).toBe(200);
    expect(await cosign(witness.url, "shown-to-all", common)).toBe(200);
    const all = (await headOf("shown-to-all")).tree.size;
    // Its proof does not lead to the root that was cosigned, or starts where the witness is not.
    expect(await cosign(witness.url, "shown-to-one", all)).toBe(422);
    expect(await cosign(witness.url, "shown-to-one", common)).toBe(409);
    await witness.close();
  });

  test("is caught by a monitor that is shown both, with evidence", async () => {
    const { all, one } = await liar();
    const rest = ["--state", "watch.state", "--trust", "trust.json", "--once"];
    await workspace.must("monitor", all.url, ...rest);
    const { code, stderr } = await workspace.tally("monitor", one.url, ...rest);
    await Promise.all([all.close(), one.close()]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("(fork)")]);
    const { stdout } = await workspace.must(
      ...["evidence", "watch.state.evidence", "--trust", "trust.json"],
    );
    expect(stdout).toContain("contradicts itself");
  });

  test("is caught by two clients that compare what they have", async () => {
    const { all, one } = await liar();
    await workspace.must("mirror", all.url, "alice", "--trust", "trust.json");
    await workspace.must("mirror", one.url, "bob", "--trust", "trust.json");
    await Promise.all([all.close(), one.close()]);
    const { code } = await workspace.tally("mirror", "bob", "alice", "--trust", "trust.json");
    expect(code).toBe(1);
    await workspace.must("evidence", "alice.evidence", "--trust", "trust.json");
    // Neither copy alone is anything but sound.
    for (const folder of ["alice", "bob"]) {
      await workspace.must("audit", folder, "--trust", "trust.json");
    }
  });
});

describe("caches", () => {
  test("F12: that leave queries out, or serve old checkpoints, are stale and never wrong", async () => {
    // What it has once given it gives for ever, whatever the query and whatever the log does.
    const kept = new Map<string, string>();
    const cache = await Web.serve(workspace.at("common"), (path) => {
      kept.set(path.split("?")[0] ?? "", path);
      return false;
    });
    const rest = ["--state", "cached.state", "--trust", "trust.json", "--once", "--json"];
    await workspace.must("monitor", cache.url, ...rest);
    await workspace.must("monitor", "shown-to-all", ...rest);
    const { code, stdout } = await workspace.tally("monitor", cache.url, ...rest);
    expect([code, stdout]).toEqual([1, expect.stringContaining("MIRROR_STALE")]);
    expect([...kept.values()].filter((path) => path.includes("?"))).toEqual([]);
    await cache.close();
    // An old checkpoint before new tiles is a sound, smaller log; a new one before old tiles is refused.
    const [newer, older] = ["shown-to-all", "common"];
    for (const [note, rest_, wanted] of [
      [older, newer, 0],
      [newer, older, 1],
    ] as const) {
      const bytes = await workspace.read(`${note}/checkpoint`);
      const mixed = await Web.serve(workspace.at(rest_), (path, response) => {
        if (path !== "checkpoint") return false;
        response.end(bytes);
        return true;
      });
      const state = ["--state", `${note}.state`, "--trust", "trust.json", "--once"];
      const outcome = await workspace.tally("monitor", mixed.url, ...state);
      await mixed.close();
      expect([note, outcome.code]).toEqual([note, wanted]);
    }
  });
});

describe("any byte of a mirrored folder that an auditor reads", () => {
  test("changed makes the audit, a monitor and a mirror end otherwise than with 0", async () => {
    await workspace.must("mirror", "shown-to-all", "sound", "--trust", "trust.json");
    const paths = await auditedPaths("sound");
    expect(paths.length).toBeGreaterThan(20);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.nat(), async (path, at) => {
        const bytes = await workspace.read(`sound/${path}`);
        const place = at % bytes.length;
        const flipped = bytes.map((byte, i) => (i === place ? byte ^ (1 << (at % 8)) : byte));
        await workspace.write(`sound/${path}`, flipped);
        const pinned = ["--trust", "trust.json"];
        const name = `${encodeBase64url(new TextEncoder().encode(path)).slice(-40)}.${at}`;
        const outcomes = [
          await workspace.tally("audit", "sound", ...pinned),
          await workspace.tally("monitor", "sound", "--state", name, "--once", ...pinned),
          await workspace.tally("mirror", "sound", `${name}.copy`, ...pinned),
        ];
        await workspace.write(`sound/${path}`, bytes);
        expect([path, place, outcomes.filter(({ code }) => code === 0)]).toEqual([path, place, []]);
      }),
      { numRuns: 4 },
    );
    await workspace.must("audit", "sound", "--trust", "trust.json");
  }, 60_000);
});

async function auditedPaths(folder: string): Promise<readonly string[]> {
  const { readdir } = await import("node:fs/promises");
  const found = await readdir(workspace.at(folder), { recursive: true, withFileTypes: true });
  const files = found.filter((each) => each.isFile());
  const top = `${workspace.at(folder)}/`;
  return files
    .map(({ parentPath, name }) => join(parentPath, name).slice(top.length))
    .filter((path) => /^(tile|statements|policies|checkpoint|checkpoints|notes)(\/|$)/.test(path));
}
