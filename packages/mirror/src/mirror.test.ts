import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PrivateKey, decodeCbor, encodeCbor, isCborArray, isCborMap } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { verifyEvidence } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import { mirror } from "./mirror.js";
import type { Mirrored } from "./mirror.js";
import { monitor, requireFresh } from "./monitor.js";
import type { ReadPath } from "./read-path.js";
import { FRESH_STATE, formatState, parseState } from "./state.js";
import type { MonitorState } from "./state.js";
import { PaperFolder, PaperLog } from "./testing/paper-log.js";

let log: PaperLog;

const subjects = (count: number, by = "a"): string[] =>
  Array.from({ length: count }, (_, i) => `${by}${i}`);

beforeAll(async () => {
  log = await PaperLog.make();
});

function copied(source: ReadPath, copy: PaperFolder, trust = log.trust): Promise<Mirrored> {
  const onSeen = (): Promise<void> => Promise.resolve();
  return mirror(source, copy, { trust, parallel: 4, onSeen });
}

async function followed(
  source: ReadPath,
  state = FRESH_STATE,
  trust = log.trust,
): Promise<{
  readonly state: MonitorState;
  readonly subjects: string[];
  readonly largest: number;
}> {
  let reached = state;
  const found: string[] = [];
  let largest = 0;
  await monitor(source, {
    ...{ trust, state, parallel: 4 },
    onEntries: (entries) => {
      largest = Math.max(largest, entries.length);
      for (const { subject } of entries) found.push(subject ?? "");
      return Promise.resolve();
    },
    onState: (next) => {
      reached = next;
      return Promise.resolve();
    },
  });
  return { state: reached, subjects: found, largest };
}

async function refusal(doing: Promise<unknown>): Promise<MirrorError> {
  const error = await doing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof MirrorError) return error;
  throw new Error(`no refusal: ${String(error)}`);
}

describe("any log, any two sizes", () => {
  test("a copy that is continued has every file, and a monitor sees each entry once", async () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 240, max: 600 }));
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [small, large] = [Math.min(one, other), Math.max(one, other)];
        const early = await log.folder(subjects(small), { sizes: [small] });
        const late = await log.folder(subjects(large), { sizes: [small, large] });
        const copy = new PaperFolder();
        await copied(early, copy);
        expect(copy.files).toEqual(early.files);
        const { before } = await copied(late, copy);
        expect(before).toBe(small);
        for (const [path, bytes] of late.files) expect(copy.files.get(path)).toEqual(bytes);
        expect(await copied(copy, new PaperFolder())).toMatchObject({ isComplete: true });
        const first = await followed(early);
        const second = await followed(late, first.state);
        expect([...first.subjects, ...second.subjects]).toEqual(subjects(large));
        expect(Math.max(first.largest, second.largest)).toBeLessThanOrEqual(4);
        expect(second.state).toMatchObject({ position: large, chained: { size: large } });
      }),
      { numRuns: 3 },
    );
  });

  test("a log that begins otherwise is a contradiction, and the copy stays as it was", async () => {
    const size = fc.integer({ min: 2, max: 600 });
    await fc.assert(
      fc.asyncProperty(size, size, fc.nat(), async (one, other, at) => {
        const [small, large] = [Math.min(one, other), Math.max(one, other)];
        const first = await log.folder(subjects(small), { sizes: [small] });
        const changed = subjects(large);
        changed[at % small] = "changed";
        const fork = await log.folder(changed, { sizes: [large] });
        const copy = new PaperFolder();
        await copied(first, copy);
        const before = new Map(copy.files);
        const found = await refusal(copied(fork, copy));
        expect(found.code).toBe("MIRROR_CONTRADICTION");
        expect(found.contradiction?.kind).toBe(small === large ? "split" : "fork");
        expect(copy.files).toEqual(before);
        const { state } = await followed(first);
        const { contradiction } = await refusal(followed(fork, state));
        expect(contradiction?.format()).toBe(found.contradiction?.format());
      }),
      { numRuns: 3 },
    );
  });
});

describe("a source that is behind", () => {
  test.each([
    ["an old copy", "a", 1000, "MIRROR_STALE", undefined],
    ["a log that was rolled back and signed again", "a", 9000, "MIRROR_CONTRADICTION", "rollback"],
    ["a shorter log of other entries", "b", 1000, "MIRROR_CONTRADICTION", "fork"],
  ])("%s", async (...[, by, time, code, kind]) => {
    const copy = new PaperFolder();
    await copied(await log.folder(subjects(300), { sizes: [300] }), copy);
    const behind = await log.folder(subjects(20, by), { sizes: [20], time });
    const found = await refusal(copied(behind, copy));
    expect([found.code, found.contradiction?.kind]).toEqual([code, kind]);
  });
});

test("a branch that another key signed is evidence for those who pin both", async () => {
  const renewed = await log.renewed();
  const copy = new PaperFolder();
  await copied(await log.folder(subjects(20), { sizes: [20] }), copy);
  const branch = await renewed.folder(subjects(30, "b"), { sizes: [30] });
  const onSeen = (): Promise<void> => Promise.resolve();
  const found = await refusal(mirror(branch, copy, { trust: renewed.trust, parallel: 1, onSeen }));
  expect([found.code, found.contradiction?.kind]).toEqual(["MIRROR_CONTRADICTION", "fork"]);
  const file = new TextEncoder().encode(found.contradiction?.format());
  expect((await verifyEvidence(file, renewed.trust)).kind).toBe("fork");
  await expect(verifyEvidence(file, log.trust)).rejects.toMatchObject({
    code: "VERIFIER_EVIDENCE_REFUSED",
  });
});

describe("after the key was retired at the last tree", () => {
  test("the frozen log is copied and followed, by those who began before and who did not", async () => {
    const early = await log.folder(subjects(20), { sizes: [5, 20] });
    const last = await log.folder(subjects(30), { sizes: [5, 20, 30] });
    const trust = await log.retiredAt(last);
    for (const copy of [new PaperFolder(), new PaperFolder(early.files)]) {
      expect(await copied(last, copy, trust)).toMatchObject({ isComplete: true });
    }
    const { state } = await followed(early);
    const kept = await parseState(new TextEncoder().encode(formatState(state)), trust);
    for (const start of [FRESH_STATE, kept]) {
      expect((await followed(last, start, trust)).state.position).toBe(30);
    }
  });

  test("nothing smaller or larger is taken for the log", async () => {
    const sizes = [5, 20, 30];
    const trust = await log.retiredAt(await log.folder(subjects(20), { sizes: [5, 20] }));
    for (const size of [5, 30]) {
      const shown = await log.folder(subjects(size), { sizes: sizes.filter((one) => one <= size) });
      const copying = (): Promise<unknown> => copied(shown, new PaperFolder(), trust);
      const following = (): Promise<unknown> => followed(shown, FRESH_STATE, trust);
      for (const doing of [copying, following]) {
        expect((await refusal(doing())).code).toBe("MIRROR_CHECKPOINT_INVALID");
      }
    }
  });
});

describe("a record under a sound checkpoint that is not the one of the chain", () => {
  test("at the size that was followed is refused, and the copy stays as it was", async () => {
    const first = await log.folder(subjects(20), { sizes: [20] });
    const relinked = await log.folder(subjects(20), { sizes: [10, 20] });
    const copy = new PaperFolder();
    await copied(first, copy);
    const { state } = await followed(first);
    for (const doing of [() => copied(relinked, copy), () => followed(relinked, state)]) {
      const { code, message } = await refusal(doing());
      expect([code, message]).toEqual([
        "MIRROR_CHECKPOINT_INVALID",
        expect.stringMatching(/another record/),
      ]);
    }
    expect(copy.files).toEqual(first.files);
  });

  test("at an earlier size is not kept, so that the true one can be", async () => {
    const sound = await log.folder(subjects(20), { sizes: [5, 10, 20] });
    const other = await log.folder(subjects(10), { sizes: [10] });
    const swapped = new PaperFolder(sound.files);
    swapped.files.set("checkpoints/10", other.files.get("checkpoints/10") ?? new Uint8Array());
    const copy = new PaperFolder();
    expect((await refusal(copied(swapped, copy))).code).toBe("MIRROR_CHECKPOINT_INVALID");
    expect([...copy.files.keys()].filter((path) => path.startsWith("checkpoints/"))).toEqual([]);
    await copied(sound, copy);
    expect(copy.files).toEqual(sound.files);
  });
});

describe("a checkpoint signed at 1010, of which 60 s are wanted", () => {
  test.each([
    [1010, undefined],
    [1070, undefined],
    [710, undefined],
    [1071, "61 s ago"],
    [709, "301 s ahead"],
  ])("read at %d", async (now, says) => {
    const { state } = await followed(await log.folder(subjects(10), { sizes: [10] }));
    const { seen } = state;
    if (seen === undefined) throw new Error("nothing was seen");
    const reading = async (): Promise<void> => {
      await Promise.resolve();
      requireFresh(seen, { now, maxAge: 60 });
    };
    if (says === undefined) await reading();
    else {
      const { code, message } = await refusal(reading());
      expect([code, message]).toEqual(["MIRROR_STALE", expect.stringContaining(says)]);
    }
  });
});

describe("what nobody signs", () => {
  const published = (source: PaperFolder, path: string): Uint8Array =>
    source.files.get(path) ?? new Uint8Array();
  const keysIn = (source: PaperFolder): readonly CborValue[] => {
    const set = decodeCbor(published(source, ".well-known/scitt-keys"));
    if (!isCborArray(set)) throw new Error("no key set");
    return set;
  };
  const versionOf = (source: PaperFolder, more: Readonly<Record<string, unknown>>): Uint8Array => {
    const text = new TextDecoder().decode(published(source, "version"));
    return new TextEncoder().encode(JSON.stringify({ ...(JSON.parse(text) as object), ...more }));
  };
  const another = async (): Promise<CborValue> =>
    (await PrivateKey.generate("EdDSA")).publicKey.toCoseKey();

  test.each<[string, string, (source: PaperFolder) => Promise<Uint8Array>]>([
    [
      "a further key",
      ".well-known/scitt-keys",
      async (source) => encodeCbor([...keysIn(source), await another()]),
    ],
    [
      "a further key of an unknown kind",
      ".well-known/scitt-keys",
      (source) => Promise.resolve(encodeCbor([...keysIn(source), new Map([[1, 99]])])),
    ],
    [
      "another name of the key",
      ".well-known/scitt-keys",
      (source) => {
        const [key] = keysIn(source);
        const named = isCborMap(key) ? new Map([...key, [2, Uint8Array.of(7)]]) : new Map();
        return Promise.resolve(encodeCbor([named]));
      },
    ],
    [
      "another note key",
      "version",
      (source) => Promise.resolve(versionOf(source, { note: "log.example/log+00000000+AAAA" })),
    ],
  ])("%s is not published", async (...[, path, change]) => {
    const source = await log.folder(subjects(10), { sizes: [10] });
    source.files.set(path, await change(source));
    const copy = new PaperFolder();
    expect((await refusal(copied(source, copy))).code).toBe("MIRROR_CHECKPOINT_INVALID");
    expect([copy.files.has(path), copy.files.has("checkpoint")]).toEqual([false, false]);
  });

  test("the pinned note key is", async () => {
    const source = await log.folder(subjects(10), { sizes: [10] });
    const note = log.trust.services[0]?.note?.format();
    source.files.set("version", versionOf(source, { note }));
    expect(await copied(source, new PaperFolder())).toMatchObject({ isComplete: true });
  });
});

describe("what was seen and not yet copied", () => {
  test("has to be extended as well", async () => {
    const seen = await followed(await log.folder(subjects(30), { sizes: [30] }));
    const fork = await log.folder(subjects(31, "b"), { sizes: [31] });
    const options = { trust: log.trust, parallel: 1, seen: seen.state.seen };
    const onSeen = (): Promise<void> => Promise.reject(new Error("told of it"));
    const found = await refusal(mirror(fork, new PaperFolder(), { ...options, onSeen }));
    expect(found.contradiction?.kind).toBe("fork");
  });
});

describe("a copy", () => {
  test("whose unpublished files are damaged is mended from the source", async () => {
    const source = await log.folder(subjects(300), { sizes: [100, 300] });
    const copy = new PaperFolder(source.files);
    copy.files.delete("checkpoint");
    for (const path of [...copy.files.keys()].filter((each) => /^(tile|notes)/.test(each))) {
      copy.files.set(path, Uint8Array.of(1));
    }
    await copied(source, copy);
    expect(copy.files).toEqual(source.files);
  });

  test("whose published checkpoint does not hold is refused", async () => {
    const source = await log.folder(subjects(10), { sizes: [10] });
    const copy = new PaperFolder(source.files);
    copy.files.set("checkpoint", Uint8Array.of(1));
    const { code, message } = await refusal(copied(source, copy));
    expect([code, message]).toEqual([
      ...["MIRROR_CHECKPOINT_INVALID", expect.stringContaining("the copy: ")],
    ]);
  });

  test("is stopped between two bundles, and publishes nothing", async () => {
    const source = await log.folder(subjects(300), { sizes: [300] });
    const copy = new PaperFolder();
    const stop = new AbortController();
    const options = { trust: log.trust, parallel: 4, signal: stop.signal };
    const done = await mirror(source, copy, {
      ...{ ...options, onSeen: () => Promise.resolve() },
      onProgress: () => {
        stop.abort();
      },
    });
    expect(done.isComplete).toBe(false);
    expect(copy.files.has("checkpoint")).toBe(false);
    await copied(source, copy);
    expect(copy.files).toEqual(source.files);
  });
});

describe("a partial tile or bundle that is gone", () => {
  test("is the beginning of the full one", async () => {
    const early = await log.folder(subjects(200), { sizes: [200] });
    const late = await log.folder(subjects(300), { sizes: [200, 300] });
    const pruned = new PaperFolder(late.files);
    for (const path of ["checkpoint", "checkpoints/latest"]) {
      pruned.files.set(path, early.files.get(path) ?? new Uint8Array());
    }
    const copy = new PaperFolder();
    await copied(pruned, copy);
    for (const path of ["tile/0/000.p/200", "tile/entries/000.p/200"]) {
      expect(copy.files.get(path)).toEqual(early.files.get(path));
    }
  });
});

describe("any byte of what an auditor reads", () => {
  test("changed, cut or added makes a copy and a monitor refuse, every time", async () => {
    const sound = await log.folder(subjects(270), { sizes: [1, 100, 270] });
    // What the tree does not cover is held to its form, and names to what the checkpoint says.
    const paths = [...sound.files.keys()].filter(
      (path) => !/collateral$|^version$|scitt-keys$|latest$/.test(path),
    );
    const kinds = fc.constantFrom("flip", "cut", "add", "remove");
    const bodies = paths.filter((path) => path.startsWith("statements/"));
    const others = paths.filter((path) => !path.startsWith("statements/"));
    const path = fc.oneof(fc.constantFrom(...bodies), fc.constantFrom(...others));
    await fc.assert(
      fc.asyncProperty(path, kinds, fc.nat(), async (where, kind, at) => {
        const source = new PaperFolder(sound.files);
        const bytes = sound.files.get(where) ?? new Uint8Array();
        if (kind === "remove") source.files.delete(where);
        else source.files.set(where, mutated(bytes, kind, at));
        const copy = new PaperFolder();
        const { code } = await refusal(copied(source, copy));
        expect(code).toMatch(/^MIRROR_/);
        expect(copy.files.has("checkpoint")).toBe(false);
        expect((await refusal(followed(source))).code).toBe(code);
      }),
      { numRuns: 20 },
    );
  });
});

function mutated(bytes: Uint8Array, kind: "flip" | "cut" | "add", at: number): Uint8Array {
  if (kind === "cut") return bytes.slice(0, at % bytes.length);
  if (kind === "add") return new Uint8Array([...bytes, at % 256]);
  return bytes.map((byte, i) => (i === at % bytes.length ? byte ^ (1 << (at % 8)) : byte));
}
