import { describe, expect, test } from "@jest/globals";
import { COMMIT_STEPS } from "@tallystick/log";

import { parseFailpoint } from "./failpoint.js";

const reach = (
  name: (typeof COMMIT_STEPS)[number],
): { name: typeof name; number: number; size: number } => ({
  name,
  number: COMMIT_STEPS.indexOf(name) + 1,
  size: 2,
});

describe("parseFailpoint", () => {
  test.each([undefined, ""])("%p is none", (text) => {
    expect(parseFailpoint(text)).toBeUndefined();
  });

  test("throws at the step, the wanted time only", async () => {
    const onStep = parseFailpoint("signed:3:throw");
    const reached: string[] = [];
    for (const name of ["signed", "built", "signed", "built", "signed", "signed"] as const) {
      try {
        await onStep?.(reach(name));
        reached.push(name);
      } catch (error) {
        reached.push(String(error));
      }
    }
    expect(reached).toEqual([
      ...["signed", "built", "signed", "built"],
      "Error: failpoint signed:3:throw",
      "signed",
    ]);
  });

  test.each(COMMIT_STEPS)("%s is a step", (name) => {
    expect(parseFailpoint(`${name}:1`)).toBeDefined();
  });

  test.each([
    "built",
    ":1",
    "built:",
    "built:01",
    "built:-1",
    "Built:1",
    "built:1:",
    "released:1:kill",
  ])("%p is refused", (text) => {
    expect(() => parseFailpoint(text)).toThrow(expect.objectContaining({ code: "CLI_USAGE" }));
  });
});
