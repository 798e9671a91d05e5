import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { EXIT } from "./exit.js";
import type { TallyCommand } from "./tally-command.js";
import { leavesOf, wholeCommandLine } from "./testing/catalogue.js";
import { tally } from "./testing/command.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
});

afterAll(() => workspace.remove());

/** A wrong call of a command, and what is said of it. */
type Misuse = readonly [kind: string, path: string, args: readonly string[], says: RegExp];

const leaves = leavesOf(await wholeCommandLine());

function misusesOf(leaf: TallyCommand): readonly Misuse[] {
  const { path, options, registeredArguments } = leaf;
  const misuses: Misuse[] = [["unknown", path, ["--no-such"], /^unknown option '--no-such'/]];
  const isNeedy =
    options.some(({ mandatory }) => mandatory) || registeredArguments.some((one) => one.required);
  if (isNeedy) misuses.push(["missing", path, [], /^(required option|missing required argument) /]);
  // Where a value is read by a parser of its own, that is what would speak first.
  const plain = options.find(
    ({ required, variadic, parseArg }) => required && !variadic && parseArg === undefined,
  );
  if (plain?.long === undefined) {
    if (options.some(({ mandatory, required }) => mandatory && required)) return misuses;
    const flags = options.flatMap(({ mandatory, long: flag }) => (mandatory && flag ? [flag] : []));
    const empty = [...flags, ...registeredArguments.map(() => "")];
    misuses.push(["empty", path, empty, /^an argument is empty/]);
    return misuses;
  }
  const { long } = plain;
  misuses.push(["empty", path, [long, ""], new RegExp(`^${long} is empty`)]);
  misuses.push(["twice", path, [long, "a", long, "b"], new RegExp(`^${long} is given twice`)]);
  return misuses;
}

const MISUSES = leaves.flatMap(misusesOf);

function saidBy(stderr: string, path: string): string {
  const [, says = ""] =
    new RegExp(`^tally: CLI_USAGE: ([^\\n]+); see ${path} --help\\n$`).exec(stderr) ?? [];
  return says;
}

describe("a command that is used wrongly", () => {
  test("is looked at in every way", () => {
    const kinds = new Set(MISUSES.map(([kind]) => kind));
    expect([...kinds].sort()).toEqual(["empty", "missing", "twice", "unknown"]);
    expect(MISUSES.length).toBeGreaterThan(3 * leaves.length);
  });

  test.each(MISUSES)("%s: %s %j: says so in one line, with code and help", async (...misuse) => {
    const [, path, args, says] = misuse;
    const called = [...path.split(" ").slice(1), ...args];
    const { code, stdout, stderr } = await workspace.tally(...called);
    expect([code, stdout]).toEqual([EXIT.usage, ""]);
    expect(saidBy(stderr, path)).toMatch(says);
    expect(await workspace.names()).toEqual([]);
  });

  test.each(MISUSES.filter(([, path]) => ["tally sign", "tally trust add"].includes(path)))(
    "%s: %s %j ends as it does in one's own process",
    async (...[, path, args, says]) => {
      const called = [...path.split(" ").slice(1), ...args];
      const { code, stdout, stderr } = await tally(called, { cwd: workspace.path });
      expect([code, stdout]).toEqual([EXIT.usage, ""]);
      expect(saidBy(stderr, path)).toMatch(says);
    },
  );

  test.each(["trust", "policy", "token", "witness", ""])(
    "tally %s without a command lists its commands",
    async (group) => {
      const { code, stdout, stderr } = await workspace.tally(...(group === "" ? [] : [group]));
      expect([code, stdout]).toEqual([EXIT.usage, ""]);
      const path = `tally ${group}`.trim();
      expect(stderr).toContain(`Usage: ${path} `);
      expect(stderr.split("\n").at(-2)).toBe(
        `tally: CLI_USAGE: want a command; see ${path} --help`,
      );
    },
  );
});

const URL = "http://127.0.0.1:9";
const AS_OPTION = "name the service with --service URL";

describe("a place in the wrong place", () => {
  test.each([
    [["mirror", "--service", URL, "out"], "an argument: tally mirror <source> <out>"],
    [["search", `--service=${URL}`], "what it reads is an argument: tally search <place>"],
    [["monitor", "--service", URL, "--state", "s"], "an argument: tally monitor <source>"],
    [["fsck", "--service", URL], "what it reads is an argument: tally fsck <dir>"],
    [["audit", URL, "--trust", "t"], AS_OPTION],
    [["register", "f.scitt", URL, "--out", "o"], AS_OPTION],
    [["receipt", URL, "--out", "o"], AS_OPTION],
    [["policy", "show", URL], AS_OPTION],
    [["trust", "export", URL, "--out", "o"], AS_OPTION],
  ])("tally %j is told where it goes", async (args, says) => {
    const { code, stderr } = await workspace.tally(...args);
    expect(code).toBe(EXIT.usage);
    expect(stderr).toMatch(/^tally: CLI_USAGE: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });

  test("options that may be repeated still may", async () => {
    const watch = ["--watch-issuer", "a", "--watch-issuer", "b"];
    const { stderr } = await workspace.tally("monitor", "x", "--state", "s", ...watch);
    expect(stderr).toContain("want either --once or --every");
  });
});
