import { beforeAll, describe, expect, test } from "@jest/globals";
import type { SignedCheckpoint } from "@tallystick/receipt";

import { MirrorError } from "./error.js";
import { LATEST, openRecord } from "./head.js";
import type { KeptOptions } from "./head.js";
import { requireNote } from "./heads.js";
import { CheckedReader } from "./read-path.js";
import { PaperFolder, PaperLog } from "./testing/paper-log.js";

let log: PaperLog;

beforeAll(async () => {
  log = await PaperLog.make();
});

const subjects = (count: number): string[] => Array.from({ length: count }, (_, i) => `a${i}`);

async function refusal(doing: Promise<unknown>): Promise<MirrorError> {
  const error = await doing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof MirrorError) return error;
  throw new Error(`no refusal: ${String(error)}`);
}

function fileOf({ files }: PaperFolder, path: string): Uint8Array {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`no ${path}`);
  return bytes;
}

/** A log of 23 entries whose note is of 19, with tiles of both widths. */
async function behind(): Promise<PaperFolder> {
  const { files } = await log.folder(subjects(19), { sizes: [19] });
  const folder = await log.folder(subjects(23), { sizes: [19, 23] });
  folder.files.set("checkpoint", fileOf(folder, "notes/19"));
  return new PaperFolder(new Map([...files, ...folder.files]));
}

describe("a note beside what a place shows as its newest", () => {
  const shownBy = async (folder: PaperFolder, path = LATEST): Promise<SignedCheckpoint> =>
    (await openRecord(fileOf(folder, path), { trust: log.trust })).signed;
  const noted = (
    folder: PaperFolder,
    newest: SignedCheckpoint,
    options: KeptOptions = { trust: log.trust },
  ): Promise<number | undefined> => requireNote(new CheckedReader(folder), newest, options);

  test("is of the same log, whichever is ahead", async () => {
    const source = await behind();
    expect(await noted(source, await shownBy(source))).toBe(19);
    expect(await noted(source, await shownBy(source, "checkpoints/19"))).toBe(19);
    source.files.set("checkpoint", fileOf(source, "notes/23"));
    expect(await noted(source, await shownBy(source))).toBe(23);
    expect(await noted(source, await shownBy(source, "checkpoints/19"))).toBe(23);
    source.files.delete("checkpoint");
    expect(await noted(source, await shownBy(source))).toBeUndefined();
  });

  test("of another log is a contradiction, whichever is ahead", async () => {
    for (const [sound, other] of [
      [subjects(19), [...subjects(18), "b", "c"]],
      [subjects(20), [...subjects(18), "b"]],
      [subjects(19), [...subjects(18), "b"]],
    ] as const) {
      const source = await log.folder(sound, { sizes: [sound.length] });
      const fork = await log.folder(other, { sizes: [other.length] });
      const { code } = await refusal(noted(source, await shownBy(fork)));
      const isAhead = other.length > sound.length;
      // Its tiles are not at this place where the fork is the larger one.
      expect(code).toBe(isAhead ? "MIRROR_INCOMPLETE" : "MIRROR_CONTRADICTION");
      const both = new PaperFolder(new Map([...fork.files, ...source.files]));
      expect((await refusal(noted(both, await shownBy(fork)))).contradiction).toBeDefined();
    }
  });

  test("counts beyond the cutoff of its key where what is shown does, and not else", async () => {
    const source = await behind();
    const trust = await log.retiredAt(await log.folder(subjects(12), { sizes: [12] }));
    const newest = await shownBy(source, "checkpoints/19");
    source.files.set("checkpoint", fileOf(source, "notes/23"));
    expect((await refusal(noted(source, newest, { trust }))).code).toBe(
      "MIRROR_CHECKPOINT_INVALID",
    );
    expect(await noted(source, newest, { trust, ignoresCutoffs: true })).toBe(23);
  });
});
