import { describe, expect, test } from "@jest/globals";

import type { KeyRange, Row, Store } from "../store.js";

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

const row = (key: string, value: string): Row => ({ key: bytes(key), value: bytes(value) });

async function keysIn(store: Store, range: KeyRange): Promise<readonly (string | undefined)[]> {
  const keys = [];
  for await (const key of store.keys(range)) keys.push(hex(key));
  return keys;
}

/** What every engine must do; `open` yields an empty store each time. */
export function testStore(name: string, open: () => Promise<Store>): void {
  describe(`${name} as a store`, () => {
    const rows = [
      row("62", "02"),
      row("6201", "03"),
      row("61ff", "01"),
      row("ff00", ""),
      row("00", "aa"),
    ];

    async function filled(): Promise<Store> {
      const store = await open();
      await store.write(rows);
      return store;
    }

    test("yields undefined for what is not there", async () => {
      const store = await open();
      expect(await store.get(bytes("61"))).toBeUndefined();
      expect(await store.getMany([bytes("61"), bytes("62")])).toEqual([undefined, undefined]);
      await store.close();
    });

    test("yields what was written, byte for byte, also nothing", async () => {
      const store = await filled();
      for (const { key, value } of rows) expect(hex(await store.get(key))).toBe(hex(value));
      await store.close();
    });

    test("reads many in the order of the keys, twice the same too", async () => {
      const store = await filled();
      const values = await store.getMany(["ff00", "00", "77", "62", "62"].map(bytes));
      expect(values.map(hex)).toEqual(["", "aa", undefined, "02", "02"]);
      expect(await store.getMany([])).toEqual([]);
      await store.close();
    });

    test("replaces, and lets the last row of a write win", async () => {
      const store = await filled();
      await store.write([row("62", "0a"), row("62", "0b")]);
      expect(hex(await store.get(bytes("62")))).toBe("0b");
      expect(hex(await store.get(bytes("6201")))).toBe("03");
      await store.close();
    });

    test.each<[string, KeyRange, readonly string[]]>([
      [
        "all keys in byte order",
        { from: bytes(""), before: bytes("ffff") },
        ["00", "61ff", "62", "6201", "ff00"],
      ],
      ["the end is exclusive", { from: bytes("00"), before: bytes("62") }, ["00", "61ff"]],
      ["the start is inclusive", { from: bytes("62"), before: bytes("63") }, ["62", "6201"]],
      ["last first", { from: bytes("62"), before: bytes("63"), isReversed: true }, ["6201", "62"]],
      ["limited", { from: bytes("61"), before: bytes("ff"), limit: 2 }, ["61ff", "62"]],
      [
        "limited, last first",
        { from: bytes("61"), before: bytes("ff"), limit: 1, isReversed: true },
        ["6201"],
      ],
      ["an empty range", { from: bytes("70"), before: bytes("71") }, []],
    ])("keys: %s", async (_name, range, keys) => {
      const store = await filled();
      expect(await keysIn(store, range)).toEqual(keys);
      await store.close();
    });

    test("keeps its own copy of what it is given, and gives away copies", async () => {
      const store = await open();
      const value = bytes("0102");
      await store.write([{ key: bytes("61"), value }]);
      value.fill(0xee);
      const read = await store.get(bytes("61"));
      expect(hex(read)).toBe("0102");
      read?.fill(0xee);
      const [again] = await store.getMany([bytes("61")]);
      expect(hex(again)).toBe("0102");
      await store.close();
    });

    test("holds a megabyte in one value, and a thousand rows in one write", async () => {
      const store = await open();
      const large = new Uint8Array(1024 * 1024).fill(0x5a);
      const many = Array.from({ length: 1000 }, (_, i) =>
        row(`64${i.toString(16).padStart(8, "0")}`, "01"),
      );
      await store.write([{ key: bytes("61"), value: large }, ...many]);
      expect((await store.get(bytes("61")))?.length).toBe(large.length);
      expect(await keysIn(store, { from: bytes("64"), before: bytes("65") })).toHaveLength(1000);
      await store.close();
    });

    test("a closed store refuses everything but to be closed again", async () => {
      const store = await filled();
      await store.close();
      await store.close();
      const code = { code: "LOG_UNAVAILABLE" };
      await expect(store.get(bytes("62"))).rejects.toMatchObject(code);
      await expect(store.getMany([bytes("62")])).rejects.toMatchObject(code);
      await expect(store.write([row("62", "00")])).rejects.toMatchObject(code);
      await expect(keysIn(store, { from: bytes(""), before: bytes("ff") })).rejects.toMatchObject(
        code,
      );
    });
  });
}
