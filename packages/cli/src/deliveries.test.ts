import { describe, expect, test } from "@jest/globals";

import { Deliveries } from "./deliveries.js";
import type { Teller } from "./telling.js";

/** A teller that takes down what it is told, and fails as long as it is told to. */
function listener(failures: number): { readonly tell: Teller; readonly heard: string[] } {
  const heard: string[] = [];
  let left = failures;
  const tell: Teller = ({ line }) => {
    if (left-- > 0) return Promise.reject(new Error("not now"));
    heard.push(line);
    return Promise.resolve();
  };
  return { tell, heard };
}

const told = (line: string) => ({ event: {}, line });

describe("one teller that fails", () => {
  test("of a statement keeps nobody from it, and has nobody told again", async () => {
    const [sound, late] = [listener(0), listener(2)];
    const deliveries = new Deliveries([late.tell, sound.tell]);
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(deliveries.statement(4, told("4"))).rejects.toThrow("not now");
    }
    await deliveries.statement(4, told("4"));
    await deliveries.statement(5, told("5"));
    expect([sound.heard, late.heard]).toEqual([
      ["4", "5"],
      ["4", "5"],
    ]);
  });

  test("of an alert is told of it later, and the others once as long as it lasts", async () => {
    const [sound, late] = [listener(0), listener(1)];
    const deliveries = new Deliveries([late.tell, sound.tell]);
    await expect(deliveries.alert("stale 9", told("9 s"))).rejects.toThrow("not now");
    expect(deliveries.lacks("stale 9")).toBe(true);
    await deliveries.alert("stale 9", told("10 s"));
    expect(deliveries.lacks("stale 9")).toBe(false);
    await deliveries.alert("stale 9", told("11 s"));
    deliveries.endAlert();
    await deliveries.alert("stale 9", told("12 s"));
    expect([sound.heard, late.heard]).toEqual([
      ["9 s", "12 s"],
      ["10 s", "12 s"],
    ]);
  });
});
