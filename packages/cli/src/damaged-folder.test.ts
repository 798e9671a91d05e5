import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readdir, rm } from "node:fs/promises";

import fc from "fast-check";

import { Branches } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Workspace } from "./testing/workspace.js";

const PINNED = ["--trust", "trust.json"];

/** Places of each kind and damage: more in the full run of the fault suites. */
const numRuns = process.env["TALLYSTICK_FAULTS"] === "full" ? 12 : 1;
const seed = Number(process.env["TALLYSTICK_SEED"] ?? Date.now() % 2 ** 31);

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const branches = await Branches.make(workspace, "log");
  // Ten entries with the two policies, then a full tile, then one that is not.
  await branches.grow("log", [8], { out: "folder" });
  await branches.grow("log", [20], { out: "folder" });
  await branches.grow("log", [1, 240], { out: "folder" });
}, 120_000);

afterAll(() => workspace.remove());

type Reader = (run: number) => Promise<Outcome>;

const READERS: Readonly<Record<string, Reader>> = {
  monitor: (run) =>
    workspace.tally("monitor", "folder", "--state", `${run}.state`, "--once", ...PINNED),
  mirror: (run) => workspace.tally("mirror", "folder", `${run}.copy`, ...PINNED),
  audit: () => workspace.tally("audit", "folder", "--quiet", ...PINNED),
};
const ALL = ["monitor", "mirror", "audit"];

/** What lies in a folder, by its path; an older width is one that the newest checkpoint does not ask for. */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ["the published note", /^checkpoint$/],
  ["the newest record", /^checkpoints\/latest$/],
  ["a record", /^checkpoints\/[0-9]+$/],
  ["a note", /^notes\/[0-9]+$/],
  ["a full tile", /^tile\/0\/000$/],
  ["the newest tile", /^tile\/0\/001\.p\/[0-9]+$/],
  ["an older tile", /^tile\/0\/000\.p\/(10|30)$/],
  ["a tile above", /^tile\/1\/000\.p\/1$/],
  ["a full bundle", /^tile\/entries\/000$/],
  ["the newest bundle", /^tile\/entries\/001\.p\/[0-9]+$/],
  ["an older bundle", /^tile\/entries\/000\.p\/(10|30)$/],
  ["a statement", /^statements\/[0-9a-f]+$/],
  ["a policy", /^policies\/[0-9a-f]+$/],
  ["collateral", /^entries\/[0-9a-f]+\/collateral$/],
];

/** Nobody signs them: a mirror holds them against the pins, as far as those say anything. */
const UNSIGNED = /^(\.well-known\/scitt-keys|version)$/;

type Damage = (bytes: Uint8Array, at: number) => Uint8Array;

const DAMAGES: readonly (readonly [string, Damage])[] = [
  ["a bit flipped", (bytes, at) => bytes.map((one, i) => (i === at ? one ^ (1 << (at % 8)) : one))],
  ["cut short", (bytes, at) => bytes.slice(0, at)],
  ["a byte longer", (bytes, at) => Uint8Array.from([...bytes, at % 256])],
];

async function pathsIn(folder: string): Promise<readonly string[]> {
  const top = `${workspace.at(folder)}/`;
  const found = await readdir(workspace.at(folder), { recursive: true, withFileTypes: true });
  const files = found.filter((each) => each.isFile());
  return files.map(({ parentPath, name }) => `${parentPath}/${name}`.slice(top.length)).sort();
}

/** Within a few seconds a decision may be of any time: an audit has bounds for it, not the moment. */
function isEndOfTime(collateral: Uint8Array, at: number): boolean {
  const name = "time";
  const place = new TextDecoder("latin1").decode(collateral).indexOf(name);
  // Behind the name, the head of a number of four bytes.
  return at === place + name.length + 4;
}

test("the kinds are all that lies in a folder, and sound as they are", async () => {
  const paths = (await pathsIn("folder")).filter((path) => !UNSIGNED.test(path));
  for (const [, kind] of KINDS) expect(paths.some((path) => kind.test(path))).toBe(true);
  expect(paths.filter((path) => !KINDS.some(([, kind]) => kind.test(path)))).toEqual([]);
  for (const [name, read] of Object.entries(READERS)) {
    expect([name, (await read(0)).code]).toEqual([name, 0]);
  }
}, 60_000);

describe.each(KINDS)("%s", (name, kind) => {
  test.each(DAMAGES)(
    "with %s is found by all who read the folder",
    async (damage, change) => {
      const paths = (await pathsIn("folder")).filter((path) => kind.test(path));
      // No tree covers it: what still has its form is an audit's to judge.
      const isJudged = name === "collateral" && damage === "a bit flipped";
      const readers = isJudged ? ["audit"] : ALL;
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...paths), fc.nat(), async (path, where) => {
          const bytes = await workspace.read(`folder/${path}`);
          const at = where % bytes.length;
          fc.pre(!isJudged || !isEndOfTime(bytes, at));
          run++;
          await workspace.write(`folder/${path}`, change(bytes, at));
          try {
            for (const reader of readers) {
              const outcome = await READERS[reader]?.(run);
              expect([path, at, reader, outcome?.code]).toEqual([
                ...[path, at, reader, expect.any(Number)],
              ]);
              expect([path, at, reader, outcome?.code]).not.toEqual([path, at, reader, 0]);
            }
          } finally {
            await workspace.write(`folder/${path}`, bytes);
            await rm(workspace.at(`${run}.copy`), { recursive: true, force: true });
            await rm(workspace.at(`${run}.state`), { force: true });
          }
        }),
        { numRuns, seed, endOnFailure: true },
      );
    },
    600_000,
  );
});
