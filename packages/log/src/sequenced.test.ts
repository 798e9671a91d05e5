import { expect, test } from "@jest/globals";

import { SequencedEntry, sequencedEntry } from "./sequenced.js";
import { createLog, entryOf } from "./testing/bench.js";

test("a sequenced entry is frozen, and known from a copy of its fields", async () => {
  const log = await createLog();
  const facts = { entry: entryOf(1), index: 1, checkpoint: log.head(), isDuplicate: false };
  const sequenced = sequencedEntry(facts);
  expect(sequenced).toMatchObject(facts);
  expect(Object.isFrozen(sequenced)).toBe(true);
  expect(SequencedEntry.is(sequenced)).toBe(true);
  expect(SequencedEntry.is({ ...facts })).toBe(false);
  await log.close();
});

test("nothing but the sequencer makes one, says the compiler", () => {
  // @ts-expect-error the constructor is private
  const make = (): unknown => new SequencedEntry({});
  expect(make).toBeInstanceOf(Function);
  // A copy of the public fields is no SequencedEntry: the private one is missing.
  const isAssignable: Pick<SequencedEntry, keyof SequencedEntry> extends SequencedEntry
    ? true
    : false = false;
  expect(isAssignable).toBe(false);
});
