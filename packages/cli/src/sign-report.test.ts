import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { Workspace } from "./testing/workspace.js";

const EXAMPLE = resolve(import.meta.dirname, "../../../docs/examples/report-7.json");

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("keygen", "--alg", "ES384", "--out", "lab.jwk");
});

afterAll(() => workspace.remove());

test("sign-report --json names the file, and what its readers will not take as it stands", async () => {
  const whole = await readFile(EXAMPLE, "utf8");
  await workspace.write("report.json", whole);
  await workspace.write("undated.json", whole.replace("2026-03-09", "last spring"));
  const signing = ["--key", "lab.jwk", "--kid", "lab", "--out", "report.jws", "--json"];
  const { stdout, stderr } = await workspace.must("sign-report", "report.json", ...signing);
  expect([JSON.parse(stdout), stderr]).toEqual([{ file: "report.jws", problems: [] }, ""]);
  const undated = await workspace.must("sign-report", "undated.json", ...signing);
  const problems = [{ code: "date-unreadable", where: "audit.completion_date" }];
  expect(JSON.parse(undated.stdout)).toEqual({ file: "report.jws", problems });
  expect(undated.stderr).toBe("tally: date-unreadable at audit.completion_date\n");
});
