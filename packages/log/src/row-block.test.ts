import { expect, test } from "@jest/globals";
import fc from "fast-check";

import { concat, openRow, sealRow } from "./layout.js";
import { RowBlock } from "./row-block.js";

const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 });

test("rows in blocks are those that are sealed one by one, and none touches another", () => {
  const rows = fc.array(fc.record({ key: parts, payload: parts }), { maxLength: 40 });
  fc.assert(
    fc.property(rows, (wanted) => {
      const block = new RowBlock();
      const sealed = wanted.map(({ key, payload }) => block.seal(key, payload));
      const each = wanted.map(({ key, payload }) => sealRow(concat(...key), concat(...payload)));
      expect(sealed).toStrictEqual(each);
    }),
  );
});

test.each([0, 8100, 8192, 65_536, 200_000])("a payload of %i bytes, over and over", (bytes) => {
  const block = new RowBlock();
  const rows = Array.from({ length: 20 }, (_, i) => {
    const payload = new Uint8Array(bytes).fill(i);
    return { payload, row: block.seal([Uint8Array.of(1, i)], [payload]) };
  });
  for (const [i, { payload, row }] of rows.entries()) {
    expect(row.key).toStrictEqual(Uint8Array.of(1, i));
    expect(openRow(row)).toStrictEqual(payload);
  }
});

test("a row that is a key alone has no value, and lies beside the others", () => {
  const block = new RowBlock();
  const before = block.seal([Uint8Array.of(1)], [Uint8Array.of(2)]);
  const bare = block.bare([Uint8Array.of(3), Uint8Array.of(4, 5)]);
  const after = block.seal([Uint8Array.of(6)], [Uint8Array.of(7)]);
  expect(bare).toStrictEqual({ key: Uint8Array.of(3, 4, 5), value: new Uint8Array() });
  expect([before, after].map(openRow)).toStrictEqual([Uint8Array.of(2), Uint8Array.of(7)]);
});
