import { describe, expect, test } from "@jest/globals";
import { CommanderError } from "commander";
import { PassThrough } from "node:stream";

import { CliError } from "./error.js";
import { Output } from "./output.js";
import { Session } from "./session.js";

function failureOf(error: unknown, isJson: boolean): { exit: number; said: readonly string[] } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exit = new Session(new Output({ stdout, stderr }), isJson).fail(error);
  const said = [stdout, stderr].map((stream) => {
    const text: unknown = stream.setEncoding("utf8").read();
    return typeof text === "string" ? text : "";
  });
  return { exit, said };
}

describe("fail", () => {
  test("says an expected error in one line, without a stack", () => {
    const error = new CliError("CLI_FILE_EXISTS", "a exists");
    expect(failureOf(error, false)).toEqual({
      exit: 2,
      said: ["", "tally: CLI_FILE_EXISTS: a exists\n"],
    });
  });

  test("says it in one line whatever is in it, and as it is in JSON", () => {
    const message = "a\nlog: all is well\r\n";
    const { said } = failureOf(new CliError("CLI_FILE_EXISTS", message), true);
    expect(JSON.parse(said[0] ?? "")).toEqual({ error: { code: "CLI_FILE_EXISTS", message } });
    expect(said[1]).toBe("tally: CLI_FILE_EXISTS: a\\nlog: all is well\\r\\n\n");
  });

  test("says it as JSON as well where JSON is wanted", () => {
    const { exit, said } = failureOf(new CliError("CLI_FILE_EXISTS", "a exists"), true);
    expect(exit).toBe(2);
    expect(said).toEqual([
      '{"error":{"code":"CLI_FILE_EXISTS","message":"a exists"}}\n',
      "tally: CLI_FILE_EXISTS: a exists\n",
    ]);
  });

  test("shows the stack of a defect", () => {
    const { exit, said } = failureOf(new TypeError("oops"), true);
    expect(exit).toBe(2);
    expect(said[0]).toContain('"code":"CLI_DEFECT"');
    expect(said[1]).toMatch(
      /^tally: CLI_DEFECT: defect, please report it: TypeError: oops\n {4}at /,
    );
  });

  test.each([
    ["help that was asked for", new CommanderError(0, "commander.helpDisplayed", "x"), 0, ""],
    ["help in place of a command", new CommanderError(1, "commander.help", "x"), 3, "CLI_USAGE"],
  ])("has nothing to add to %s but what is missing", (...[, error, exit, says]) => {
    const failure = failureOf(error, true);
    expect(failure.exit).toBe(exit);
    expect(failure.said[0]).toContain(says);
    expect(failure.said[1]).toContain(says);
  });
});
