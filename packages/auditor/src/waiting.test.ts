import { expect, test } from "@jest/globals";
import fc from "fast-check";

import { WaitingEntries } from "./waiting.js";
import type { Waiting } from "./waiting.js";

const digestOf = (name: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(28, name);
  return bytes;
};

const waitingOf = (name: number): Waiting => ({
  entry: digestOf(name),
  keys: Array.from({ length: name % 3 }, (_, i) => digestOf(name * 10 + i)),
});

const told = (waiting: Waiting | undefined): string =>
  waiting === undefined
    ? "nothing"
    : Buffer.concat([waiting.entry, ...waiting.keys]).toString("hex");

test("entries come out as they went in, and in their order", () => {
  // More than a chunk, so that chunks are begun and given up.
  const steps = fc.array(fc.tuple(fc.nat(3000), fc.nat(3000)), { maxLength: 6 });
  fc.assert(
    fc.property(steps, (all) => {
      const waiting = new WaitingEntries();
      let [next, first] = [0, 0];
      for (const [more, fewer] of all) {
        for (let i = 0; i < more; i++) waiting.push(waitingOf(next++));
        const taken: string[] = [];
        const wanted: string[] = [];
        for (let i = 0; i < fewer && first < next; i++) {
          taken.push(told(waiting.shift()));
          wanted.push(told(waitingOf(first++)));
        }
        expect(taken.join()).toBe(wanted.join());
        expect(waiting.size).toBe(next - first);
      }
      expect([...waiting].length).toBe(next - first);
      if (first === next) expect(waiting.shift()).toBeUndefined();
    }),
    { numRuns: 10 },
  );
});

test("more keys than the index commits to are misuse", () => {
  const keys = [digestOf(1), digestOf(2), digestOf(3)];
  expect(() => {
    new WaitingEntries().push({ entry: digestOf(0), keys });
  }).toThrow(TypeError);
});
