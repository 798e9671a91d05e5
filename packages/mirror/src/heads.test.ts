import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { verifyEvidence } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import { mirror } from "./mirror.js";
import type { Mirrored } from "./mirror.js";
import { monitor } from "./monitor.js";
import type { Followed } from "./monitor.js";
import { FRESH_STATE, formatState, parseState } from "./state.js";
import type { MonitorState } from "./state.js";
import { PaperFolder, PaperLog } from "./testing/paper-log.js";

const LATEST = "checkpoints/latest";

let log: PaperLog;

beforeAll(async () => {
  log = await PaperLog.make();
});

const subjects = (count: number, by = "a"): string[] =>
  Array.from({ length: count }, (_, i) => `${by}${i}`);

interface Pass extends Followed {
  readonly state: MonitorState;
  readonly subjects: readonly string[];
}

async function followed(
  source: PaperFolder,
  state = FRESH_STATE,
  trust = log.trust,
): Promise<Pass> {
  let reached = state;
  const found: string[] = [];
  const heads = await monitor(source, {
    ...{ trust, state, parallel: 4 },
    onEntries: (entries) => {
      for (const { subject } of entries) found.push(subject ?? "");
      return Promise.resolve();
    },
    onState: (next) => {
      reached = next;
      return Promise.resolve();
    },
  });
  return { ...heads, state: reached, subjects: found };
}

function copied(source: PaperFolder, copy = new PaperFolder()): Promise<Mirrored> {
  const onSeen = (): Promise<void> => Promise.resolve();
  return mirror(source, copy, { trust: log.trust, parallel: 4, onSeen });
}

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

/** A log whose note stays behind, as it does while witnesses are asked. */
async function behind(note: number, ...later: readonly number[]): Promise<PaperFolder> {
  const sizes = [...new Set([note, ...later])];
  const { files } = await log.folder(subjects(note), { sizes: [note] });
  const folder = await log.folder(subjects(Math.max(...sizes)), { sizes });
  folder.files.set("checkpoint", fileOf(folder, `notes/${note}`));
  // Of a tile every width is there, as a service has them.
  return new PaperFolder(new Map([...files, ...folder.files]));
}

/** A log under its note, and what another one has as its newest under `checkpoints/latest`. */
function showing(sound: PaperFolder, other: PaperFolder, hasTiles = true): PaperFolder {
  const files = new Map(hasTiles ? [...other.files, ...sound.files] : sound.files);
  files.set(LATEST, fileOf(other, LATEST));
  return new PaperFolder(files);
}

describe("a note that is behind checkpoints/latest", () => {
  test("hides no entry of any log from a monitor, however often it looks", async () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 250, max: 270 }));
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [note, latest] = [Math.min(one, other), Math.max(one, other)];
        const source = await behind(note, latest);
        const first = await followed(source);
        expect(first.subjects).toEqual(subjects(latest));
        expect(first.published.signed.checkpoint.size).toBe(note);
        expect(first.newest.signed.checkpoint.size).toBe(latest);
        expect(first.state).toMatchObject({ position: latest, chained: { size: latest } });
        expect(await followed(source, first.state)).toMatchObject({ subjects: [] });
        const grown = await behind(note, latest, latest + 5);
        expect((await followed(grown, first.state)).subjects).toHaveLength(5);
      }),
      { numRuns: 4 },
    );
  });

  test("is what a mirror publishes, and what is ahead has to be extended by the next run", async () => {
    const copy = new PaperFolder();
    const { head, newest, isComplete } = await copied(await behind(19, 23), copy);
    expect([head.signed.checkpoint.size, newest.checkpoint.size, isComplete]).toEqual([
      ...[19, 23, true],
    ]);
    expect(copy.files.has("checkpoints/23")).toBe(false);
    expect(await followed(copy)).toMatchObject({ state: { position: 19 } });
    const fork = await log.folder([...subjects(19), "b"], { sizes: [19, 20] });
    const options = { trust: log.trust, parallel: 1, seen: newest };
    const onSeen = (): Promise<void> => Promise.resolve();
    const found = await refusal(mirror(fork, copy, { ...options, onSeen }));
    expect(found.code).toBe("MIRROR_STALE");
    const longer = await log.folder([...subjects(19), ...subjects(9, "b")], { sizes: [19, 28] });
    const { contradiction } = await refusal(mirror(longer, copy, { ...options, onSeen }));
    expect(contradiction?.kind).toBe("fork");
  });

  test.each<[string, (files: Map<string, Uint8Array>) => unknown, string]>([
    ["no note", (files) => files.delete("notes/23"), "MIRROR_INCOMPLETE"],
    [
      "the note of another size",
      (files) => files.set("notes/23", files.get("notes/19") ?? new Uint8Array()),
      "MIRROR_CHECKPOINT_INVALID",
    ],
  ])(
    "has to have one for what is ahead, which else is not kept: %s",
    async (...[, change, code]) => {
      const source = await behind(19, 23);
      change(source.files);
      const keep = (): Promise<void> => Promise.reject(new Error("told of it"));
      const rest = { trust: log.trust, parallel: 1 };
      const following = monitor(source, {
        ...{ ...rest, state: FRESH_STATE, onEntries: keep, onState: keep },
      });
      expect((await refusal(following)).code).toBe(code);
      const copying = mirror(source, new PaperFolder(), { ...rest, onSeen: keep });
      expect((await refusal(copying)).code).toBe(code);
    },
  );

  test("and what was ahead is missing later: stale", async () => {
    const { state } = await followed(await behind(19, 23));
    const back = await log.folder(subjects(19), { sizes: [19] });
    expect((await refusal(followed(back, state))).code).toBe("MIRROR_STALE");
  });

  test("counts where the key was retired at what is ahead", async () => {
    const source = await behind(19, 23);
    const trust = await log.retiredAt(source);
    expect((await followed(source, FRESH_STATE, trust)).state.position).toBe(23);
    source.files.set(LATEST, fileOf(await log.folder(subjects(24), { sizes: [24] }), LATEST));
    expect((await refusal(followed(source, FRESH_STATE, trust))).code).toBe(
      "MIRROR_CHECKPOINT_INVALID",
    );
  });

  test("has to be in the chain of what is ahead", async () => {
    const beside = await log.folder(subjects(20), { sizes: [10, 15, 20] });
    const source = await log.folder(subjects(20), { sizes: [10, 20] });
    for (const path of ["notes/15", "checkpoints/15"]) {
      source.files.set(path, fileOf(beside, path));
    }
    source.files.set("checkpoint", fileOf(beside, "notes/15"));
    const { code, message } = await refusal(followed(source));
    expect([code, message]).toEqual([
      ...["MIRROR_CHECKPOINT_INVALID", expect.stringContaining("does not have the published one")],
    ]);
    // Nor may it be another one than the chain had when it was followed.
    const { state } = await followed(await log.folder(subjects(15), { sizes: [15] }));
    const { message: later } = await refusal(followed(source, state));
    expect(later).toContain("another record than it had before");
  });
});

describe("a note below what was followed", () => {
  const sizes = [3, 6, 10, 14];

  async function under(note: number): Promise<PaperFolder> {
    const folder = await log.folder(subjects(14), { sizes });
    folder.files.set("checkpoint", fileOf(folder, `notes/${note}`));
    return folder;
  }

  /** Puts a record of 6 entries there, under a sound checkpoint, that follows another one. */
  async function relinked(folder: PaperFolder): Promise<PaperFolder> {
    const other = await log.folder(subjects(6), { sizes: [2, 6] });
    folder.files.set("checkpoints/6", fileOf(other, "checkpoints/6"));
    return folder;
  }

  const kept = (state: MonitorState): Promise<MonitorState> =>
    parseState(new TextEncoder().encode(formatState(state)), log.trust);

  test("may stand still and go on, and not go back: stale", async () => {
    let { state } = await followed(await under(6));
    for (const note of [6, 10, 10]) {
      ({ state } = await followed(await under(note), await kept(state)));
      expect(state.published?.size).toBe(note);
    }
    const { code, message } = await refusal(followed(await under(6), await kept(state)));
    expect([code, message]).toEqual([
      "MIRROR_STALE",
      expect.stringContaining("a note of 6 entries"),
    ]);
    // A state of before has none to hold it against.
    const { seen, chained, position } = state;
    const older = await kept({ seen, chained, position });
    expect((await followed(await under(6), older)).state.published?.size).toBe(6);
  });

  test("does not go back either after a pass that was stopped in the chain", async () => {
    const states: MonitorState[] = [];
    const nothing = (): Promise<void> => Promise.resolve();
    await monitor(await under(10), {
      ...{ trust: log.trust, state: FRESH_STATE, parallel: 1, signal: AbortSignal.abort() },
      onEntries: nothing,
      onState: async (state) => {
        states.push(await kept(state));
      },
    });
    expect(states).toMatchObject([{ chained: undefined, published: { size: 10 } }]);
    const [state] = states;
    expect((await refusal(followed(await under(6), state))).code).toBe("MIRROR_STALE");
  });

  test("has its record in the chain, whoever looks and from which state", async () => {
    const { state } = await followed(await under(6));
    const { seen, chained, position } = state;
    for (const start of [
      FRESH_STATE,
      { seen, chained, position },
      { ...state, published: { size: 3 } },
      { ...state, published: { size: 6 } },
      state,
    ]) {
      expect((await followed(await under(6), start)).state.published).toEqual(state.published);
      const { code } = await refusal(followed(await relinked(await under(6)), start));
      expect(code).toBe("MIRROR_CHECKPOINT_INVALID");
    }
  });

  test("is looked for in the chain once, not in each pass", async () => {
    const { state } = await followed(await under(6));
    const source = await under(6);
    source.files.delete("checkpoints/10");
    expect((await followed(source, await kept(state))).state).toMatchObject({ position: 14 });
    const unknown = { ...state, published: { size: 6 } };
    expect((await refusal(followed(source, unknown))).code).toBe("MIRROR_INCOMPLETE");
  });

  test("does not have the chain step over what was followed", async () => {
    const { state } = await followed(await log.folder(subjects(10), { sizes: [3, 6, 10] }));
    const stepping = await log.folder(subjects(14), { sizes: [3, 6, 14] });
    const before = await log.folder(subjects(10), { sizes: [3, 6, 10] });
    const source = new PaperFolder(new Map([...before.files, ...stepping.files]));
    source.files.set("checkpoint", fileOf(stepping, "notes/6"));
    const { seen, chained, position } = state;
    const { code, message } = await refusal(followed(source, { seen, chained, position }));
    expect([code, message]).toEqual([
      ...["MIRROR_CHECKPOINT_INVALID", expect.stringContaining("the one that it had before")],
    ]);
  });

  test.each([
    ["larger than its checkpoint", { size: 15, digest: null }],
    ["of no size", { digest: null }],
    ["of a size below nothing", { size: -1, digest: null }],
    ["without a digest", { size: 6 }],
    ["with a digest that is cut short", { size: 6, digest: "AAAA" }],
    ["with more", { size: 6, digest: null, root: "" }],
    ["null", null],
  ])("in a state: %s is refused", async (...[, published]) => {
    const { state } = await followed(await under(6));
    const members = JSON.parse(formatState(state)) as Record<string, unknown>;
    const file = new TextEncoder().encode(JSON.stringify({ ...members, published }));
    expect((await refusal(parseState(file, log.trust))).code).toBe("MIRROR_STATE_INVALID");
  });
});

describe("a fork at checkpoints/latest, under the same key", () => {
  test.each([
    ["of the size of the note", 20, 20, 1000, "split"],
    ["that is larger", 20, 23, 1000, "fork"],
    ["that is larger by tiles", 20, 600, 1000, "fork"],
    ["that is smaller", 20, 7, 1000, "fork"],
    ["that is smaller and signed later", 20, 7, 9000, "rollback"],
  ])("%s: is evidence, in a monitor and in a mirror", async (...[, size, other, time, kind]) => {
    const sound = await log.folder(subjects(size), { sizes: [size] });
    const fork = await log.folder(subjects(other, "b"), { sizes: [other], time });
    const source = showing(sound, fork);
    const copy = new PaperFolder();
    for (const doing of [() => followed(source), () => copied(source, copy)]) {
      const { code, contradiction } = await refusal(doing());
      expect([code, contradiction?.kind]).toEqual(["MIRROR_CONTRADICTION", kind]);
      const file = new TextEncoder().encode(contradiction?.format());
      expect((await verifyEvidence(file, log.trust)).kind).toBe(kind);
    }
    expect([...copy.files.keys()]).toEqual([]);
  });

  test("without its tiles is refused, for nothing shows that it extends the note", async () => {
    const sound = await log.folder(subjects(20), { sizes: [20] });
    for (const [other, code] of [
      [23, "MIRROR_INCOMPLETE"],
      [300, "MIRROR_INCOMPLETE"],
    ] as const) {
      const fork = await log.folder(subjects(other, "b"), { sizes: [other] });
      const source = showing(sound, fork, false);
      for (const doing of [() => followed(source), () => copied(source)]) {
        expect(await refusal(doing())).toMatchObject({
          code,
          message: expect.stringContaining("checkpoints/latest is ahead of the note: "),
        });
      }
    }
  });
});

describe("at checkpoints/latest", () => {
  test("an older checkpoint of the same log is what a cache has, and no harm", async () => {
    const sound = await log.folder(subjects(20), { sizes: [7, 20] });
    const older = await log.folder(subjects(7), { sizes: [7] });
    const source = showing(sound, older, false);
    expect((await followed(source)).state.position).toBe(20);
    expect(await copied(source)).toMatchObject({ isComplete: true });
  });

  test("nothing is no harm where a place has only notes", async () => {
    const source = await log.folder(subjects(20), { sizes: [7, 20] });
    source.files.delete(LATEST);
    expect((await followed(source)).state.position).toBe(20);
  });

  test.each<[string, () => Promise<Uint8Array>]>([
    ["no record", () => Promise.resolve(Uint8Array.of(0x40))],
    [
      "another record of the same checkpoint",
      async () => fileOf(await log.folder(subjects(20), { sizes: [20] }), LATEST),
    ],
    [
      "a checkpoint of a key that is not pinned",
      async () => {
        const stranger = await PaperLog.make();
        return fileOf(await stranger.folder(subjects(23), { sizes: [23] }), LATEST);
      },
    ],
  ])("%s is refused by its name", async (...[, made]) => {
    const source = await log.folder(subjects(20), { sizes: [7, 20] });
    source.files.set(LATEST, await made());
    for (const doing of [() => followed(source), () => copied(source)]) {
      expect(await refusal(doing())).toMatchObject({
        ...{ code: "MIRROR_CHECKPOINT_INVALID", message: expect.stringContaining(LATEST) },
      });
    }
  });
});
