import { basename, extname } from "node:path";

import { expect, test } from "@jest/globals";

import { describeShared, filesBelow } from "../testing/shared.js";
import { sharedData, withFile, type Row, type SharedData } from "./row.js";
import { EXCEPTIONS, ROWS } from "./rows.js";

const TABLE = ROWS.map((row): [string, string, Row] => [row.file, row.outcome, row]);

/** Whether the outcome of a row is reached. */
async function isReached(row: Row, data: SharedData): Promise<boolean> {
  try {
    await row.check(data);
    return true;
  } catch {
    return false;
  }
}

/** Yields another file of the same ending, which the row must not take for its own. */
function neighbourOf(row: Row): string {
  const alike = ROWS.filter(({ file }) => extname(file) === extname(row.file));
  const place = alike.indexOf(row);
  return alike.at((place + 1) % alike.length)?.file ?? row.file;
}

describeShared("the files of the shared data", "data", (folder) => {
  const data = sharedData(folder);

  test("have each a row or an exception, and rows and exceptions each a file", () => {
    const named = [...ROWS, ...EXCEPTIONS].map(({ file }) => file);
    expect(named.sort()).toStrictEqual(filesBelow(folder));
  });

  test("are named by the README of their folder", () => {
    for (const { file } of ROWS) {
      const [top = ""] = file.split("/");
      expect([file, data.text(`${top}/README.md`).includes(basename(file))]).toStrictEqual([
        file,
        true,
      ]);
    }
  });

  test.each(TABLE)("%s: %s", async (_file, _outcome, row) => {
    expect.hasAssertions();
    await row.check(data);
  });

  test.each(TABLE)("%s does not reach its outcome with other bytes", async (file, _, row) => {
    const bytes = data.bytes(file);
    const changed = [
      ["none", new Uint8Array(0)],
      ["half of them", bytes.subarray(0, bytes.length >> 1)],
    ] as [string, Uint8Array][];
    const neighbour = neighbourOf(row);
    if (neighbour !== file) changed.push([neighbour, data.bytes(neighbour)]);
    for (const [name, other] of changed) {
      expect([name, await isReached(row, withFile(data, file, other))]).toStrictEqual([
        name,
        false,
      ]);
    }
  });
});
