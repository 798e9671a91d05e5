import { expect, test } from "@jest/globals";
import fc from "fast-check";

import { MirrorError } from "./error.js";
import { checkPartials } from "./partials.js";
import { CheckedReader } from "./read-path.js";
import { PaperFolder, PaperLog } from "./testing/paper-log.js";
import { VerifiedTree } from "./tree.js";
import { readHead } from "./head.js";

/** A folder of which names can be told. */
class ListedFolder extends PaperFolder {
  list(folder: string): Promise<readonly string[]> {
    const top = `${folder}/`;
    const below = [...this.files.keys()].filter((path) => path.startsWith(top));
    return Promise.resolve(below.map((path) => path.slice(top.length)));
  }
}

const WIDTHS = [1, 10, 255, 300];
const SIZE = 310;
const OLDER = /^tile\/(entries\/000\.p\/(1|10|255)|0\/000\.p\/(1|10|255)|.*001\.p\/44)$/;

/** A folder with the tiles and bundles that smaller trees of the same entries had, and its tree. */
async function grown(): Promise<{ readonly folder: ListedFolder; readonly tree: VerifiedTree }> {
  const log = await PaperLog.make();
  const subjects = Array.from({ length: SIZE }, (_, i) => String(i));
  const files = new Map<string, Uint8Array>();
  for (const size of [...WIDTHS, SIZE]) {
    const { files: own } = await log.folder(subjects.slice(0, size), { sizes: [size] });
    for (const [path, bytes] of own) files.set(path, bytes);
  }
  const folder = new ListedFolder(files);
  const reader = new CheckedReader(folder);
  const { signed } = await readHead(reader, log.trust);
  return { folder, tree: await VerifiedTree.open(reader, signed.checkpoint) };
}

test("each width that lies in a folder is held against the tree", async () => {
  const { folder, tree } = await grown();
  const older = [...folder.files.keys()].filter((path) => OLDER.test(path));
  expect(older).toHaveLength(8);
  await checkPartials(new CheckedReader(folder), tree, 0);
  expect(folder.asked).toEqual(expect.arrayContaining(older));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...older), fc.nat(), async (path, where) => {
      const bytes = folder.files.get(path) ?? new Uint8Array();
      const at = where % bytes.length;
      const flipped = bytes.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte));
      for (const damaged of [flipped, bytes.slice(0, at), new Uint8Array([...bytes, 0])]) {
        const files = new Map([...folder.files, [path, damaged]]);
        const checking = checkPartials(new CheckedReader(new ListedFolder(files)), tree, 0);
        await expect(checking).rejects.toBeInstanceOf(MirrorError);
      }
    }),
  );
});

test("what is below an index, wider than the tree, or no width is left alone", async () => {
  const { folder, tree } = await grown();
  for (const path of [
    "tile/0/001.p/55",
    "tile/0/001.p/054",
    "tile/entries/001.p/x",
    "tile/2/000.p/1",
  ]) {
    folder.files.set(path, Uint8Array.of(1));
  }
  await checkPartials(new CheckedReader(folder), tree, 0);
  folder.files.set("tile/0/000.p/10", Uint8Array.of(1));
  await checkPartials(new CheckedReader(folder), tree, 256);
  await expect(checkPartials(new CheckedReader(folder), tree, 255)).rejects.toThrow("000.p/10");
  // An address lists nothing.
  await checkPartials(new CheckedReader(new PaperFolder(folder.files)), tree, 0);
});
