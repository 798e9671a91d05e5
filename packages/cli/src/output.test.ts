import { afterEach, describe, expect, test } from "@jest/globals";
import { PassThrough } from "node:stream";

import { Output, visible } from "./output.js";

afterEach(() => {
  delete process.env["NO_COLOR"];
});

function outputOf(isTTY: boolean): { output: Output; stdout: PassThrough; stderr: PassThrough } {
  const stdout = Object.assign(new PassThrough(), { isTTY });
  const stderr = new PassThrough();
  return { output: new Output({ stdout, stderr }), stdout, stderr };
}

function said(stream: PassThrough): string {
  const text: unknown = stream.setEncoding("utf8").read();
  return typeof text === "string" ? text : "";
}

describe("Output", () => {
  test("keeps answers and messages apart", () => {
    const { output, stdout, stderr } = outputOf(false);
    output.print("answer");
    output.note("message");
    expect([said(stdout), said(stderr)]).toEqual(["answer\n", "message\n"]);
  });

  test.each([
    ["on a terminal", true, undefined, "\u001b[31mfailed\u001b[0m: why\n"],
    ["with NO_COLOR", true, "1", "failed: why\n"],
    ["in a pipe", false, undefined, "failed: why\n"],
  ])("colours a mark only where it is wanted: %s", (...[, isTTY, noColor, want]) => {
    if (noColor !== undefined) process.env["NO_COLOR"] = noColor;
    const { output, stdout } = outputOf(isTTY);
    output.printMarked("bad", "failed", ": why");
    expect(said(stdout)).toBe(want);
  });

  test.each([
    ["in a pipe", false, 30, "deny      a bb ccc dddd eeeee ffffff\n"],
    ["on a terminal of no width", true, undefined, "deny      a bb ccc dddd eeeee ffffff\n"],
    ["on a narrow terminal", true, 39, "deny      a bb ccc dddd eeeee ffffff\n"],
    ["on a terminal", true, 40, "deny      a bb ccc dddd eeeee ffffff\n"],
  ])("keeps a row whole %s", (...[, isTTY, columns, want]) => {
    const { output, stdout } = outputOf(isTTY);
    Object.assign(stdout, { columns });
    output.printRow("plain", "deny      ", "a bb ccc dddd eeeee ffffff");
    expect(said(stdout)).toBe(want);
  });

  test("folds a row on a terminal at blanks, behind its first word, and no word", () => {
    const { output, stdout } = outputOf(true);
    Object.assign(stdout, { columns: 44 });
    const id = "ab".repeat(32);
    output.printRow(
      "bad",
      "deny      ",
      `severity: ${id} issue "a\nb" is medium, by score and vector`,
    );
    expect(said(stdout)).toBe(
      [
        "\u001b[31mdeny      \u001b[0mseverity:",
        `          ${id}`,
        '          issue "a\\nb" is medium, by score',
        "          and vector\n",
      ].join("\n"),
    );
  });

  test("escapes what others wrote, also on a terminal", () => {
    const { output, stdout } = outputOf(true);
    output.printMarked("good", "yes", ": \u001b[31m\u009b0m\u202e\u2028");
    expect(said(stdout)).toBe("\u001b[32myes\u001b[0m: \\u001b[31m\\u009b0m\\u202e\\u2028\n");
  });

  test("has no line begin in what others wrote, where it writes one", () => {
    const { output, stdout, stderr } = outputOf(true);
    output.print("a\nb\r\nc");
    output.printMarked("plain", "d\ne", "\nf");
    output.note("g\nh");
    expect(said(stdout)).toBe("a\\nb\\r\\nc\nd\\ne\\nf\n");
    expect(said(stderr)).toBe("g\\nh\n");
  });

  test("writes several lines where they are its own", () => {
    const { output, stdout, stderr } = outputOf(true);
    output.printText("a\nb\u001b");
    output.noteText("c\nd\u001b");
    expect([said(stdout), said(stderr)]).toEqual(["a\nb\\u001b\n", "c\nd\\u001b\n"]);
  });

  test("writes JSON on one line, without anything invisible, that means the same", () => {
    const { output, stdout } = outputOf(false);
    const value = { text: "a\n\u001b\u007f\u009b\u202e\ufeff\u{e0001}é" };
    output.printJson(value);
    const line = said(stdout);
    expect(line).not.toMatch(/[^\P{C}\n]/u);
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual(value);
  });
});

describe("visible", () => {
  test.each([
    ["text", "ä 漢 🙂 'x'", "ä 漢 🙂 'x'"],
    ["line feeds", "a\nb", "a\nb"],
    ["carriage returns", "a\rb", "a\\u000db"],
    ["a character of two units", "\u{e0001}", "\\udb40\\udc01"],
  ])("%s", (_, text, want) => {
    expect(visible(text)).toBe(want);
  });
});
