import { describe, expect, test } from "@jest/globals";

import { MANUAL } from "./manual.js";
import { leavesOf, wholeCommandLine } from "./testing/catalogue.js";
import { runHere } from "./testing/here.js";

const WIDTH = 80;
const ID = "0".repeat(64);

const paths = leavesOf(await wholeCommandLine()).map(({ path }) => path.slice("tally ".length));

function wordsOf(example: string): readonly string[] {
  const line = example
    .replaceAll("\\\n", " ")
    .replace(/ > \S+$/, "")
    .replace("$ENTRYID", ID);
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

describe("the manual", () => {
  test("has a page for every command, and none for another", () => {
    expect([...MANUAL.keys()].sort()).toEqual([...paths].sort());
  });

  test.each(
    [...MANUAL].flatMap(([path, { examples }]) => examples.map((one) => [path, one] as const)),
  )("tally %s: the example is one that the command understands: %j", async (path, example) => {
    const program = await wholeCommandLine();
    const leaf = leavesOf(program).find((one) => one.path === `tally ${path}`);
    let isUnderstood = false;
    leaf?.action(() => {
      isUnderstood = true;
    });
    const [tally, ...args] = wordsOf(example);
    expect(tally).toBe("tally");
    await program.parseAsync(args, { from: "user" });
    expect(isUnderstood).toBe(true);
  });
});

describe("tally --help", () => {
  test("lists every command under those whom it is for, within the width of a terminal", async () => {
    const { code, stdout, stderr } = await runHere("--help");
    expect([code, stderr]).toEqual([0, ""]);
    const groups = [...stdout.matchAll(/^Commands for (\w+):$/gm)].map(([, readers]) => readers);
    expect(groups).toEqual(["vendors", "verifiers", "auditors", "operators"]);
    const tops = new Set(paths.map((path) => path.split(" ", 1)[0] ?? ""));
    for (const name of tops) expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, "m"));
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(WIDTH);
  });
});

describe("tally COMMAND --help", () => {
  test.each(paths)(
    "%s: says what is required, how it is typed, and the exit codes",
    async (path) => {
      const { code, stdout, stderr } = await runHere(...path.split(" "), "--help");
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`Usage: tally ${path} `);
      expect(stdout).toMatch(/\nExamples?:\n {2}tally /);
      expect(stdout).toContain(
        "Exit codes: 0 yes, 1 no (refused, does not verify), 2 could not be",
      );
      const leaf = leavesOf(await wholeCommandLine()).find((one) => one.path === `tally ${path}`);
      const [, required = ""] = /\nRequired options:\n((?: .*\n)+)/.exec(stdout) ?? [];
      const mandatory = leaf?.options.filter((option) => option.mandatory) ?? [];
      for (const { flags } of mandatory) expect(required).toContain(`  ${flags} `);
      expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(
        WIDTH,
      );
    },
  );
});
