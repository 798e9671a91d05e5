import { expect, test } from "@jest/globals";

import { MemoryStore } from "./memory.js";
import { testEngine } from "./testing/engine-suite.js";

testEngine("MemoryStore", {
  place: (): { store: MemoryStore } => ({ store: new MemoryStore() }),
  open: (place) => {
    place.store = place.store.reopen();
    return Promise.resolve(place.store);
  },
});

const key = Uint8Array.of(1);

test("a reopened store has the rows and goes its own way", async () => {
  const store = new MemoryStore();
  await store.write([{ key, value: Uint8Array.of(2) }]);
  await store.close();
  const reopened = store.reopen();
  expect(await reopened.get(key)).toEqual(Uint8Array.of(2));
  await reopened.write([{ key, value: Uint8Array.of(3) }]);
  expect(store.rows()).toEqual([{ key, value: Uint8Array.of(2) }]);
});

test("damage replaces and removes rows", async () => {
  const store = new MemoryStore([{ key, value: Uint8Array.of(2) }]);
  store.damage(key, Uint8Array.of(9));
  expect(await store.get(key)).toEqual(Uint8Array.of(9));
  store.damage(key, undefined);
  expect(await store.get(key)).toBeUndefined();
});

test("rows come in key order, copied", () => {
  const rows = [
    { key: Uint8Array.of(2), value: Uint8Array.of(20) },
    { key: Uint8Array.of(1, 5), value: Uint8Array.of(15) },
    { key: Uint8Array.of(1), value: Uint8Array.of(10) },
  ];
  const store = new MemoryStore(rows);
  rows[0]?.value.fill(0);
  store.rows()[0]?.value.fill(0);
  expect(store.rows().map(({ value }) => value[0])).toEqual([10, 15, 20]);
});
