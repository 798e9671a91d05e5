import { beforeAll, describe, expect, test } from "@jest/globals";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { TrustStore } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import { mirror } from "./mirror.js";
import { monitor } from "./monitor.js";
import { FRESH_STATE } from "./state.js";
import { PaperFolder, PaperLog } from "./testing/paper-log.js";

let log: PaperLog;

beforeAll(async () => {
  log = await PaperLog.make();
});

const nothing = (): Promise<void> => Promise.resolve();

const subjects = (count: number, by = "a"): string[] =>
  Array.from({ length: count }, (_, i) => `${by}${i}`);

async function refusal(doing: Promise<unknown>): Promise<MirrorError> {
  const error = await doing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof MirrorError) return error;
  throw new Error(`no refusal: ${String(error)}`);
}

/** What those trust who have retired the first of two keys at 10 entries. */
function retiredAt10(renewed: PaperLog): TrustStore {
  const { issuer, origin, keys, note } = renewed.trust.services[0] ?? {};
  const [before, next] = keys ?? [];
  const until = { size: 10, reason: "replaced" };
  const pins = [{ ...before?.toJwk(), until }, next?.toJwk()];
  const services = [{ issuer, origin, keys: pins, note: note?.format() }];
  return TrustStore.parse(JSON.stringify({ services }));
}

describe("what was seen under a key that was retired since", () => {
  test.each([
    ["of the same size", 20],
    ["that is larger", 30],
    ["that is smaller", 12],
  ])("is no evidence against a log %s, and is named", async (_, size) => {
    const renewed = await log.renewed();
    const trust = retiredAt10(renewed);
    const strange = await log.folder([...subjects(10), ...subjects(10, "b")], { sizes: [20] });
    const honest = await renewed.folder(subjects(size), { sizes: [size] });
    const copy = new PaperFolder();
    const told: SignedCheckpoint[] = [];
    const onSeen = (signed: SignedCheckpoint): Promise<void> => {
      told.push(signed);
      return Promise.resolve();
    };
    await mirror(strange, copy, { trust: log.trust, parallel: 4, onSeen });
    const state = { ...FRESH_STATE, seen: told[0] };
    const follow = { parallel: 4, onEntries: nothing, onState: nothing };
    const fresh = new PaperFolder();
    const errors = [
      await refusal(mirror(honest, copy, { trust, parallel: 4, onSeen: nothing })),
      await refusal(mirror(honest, fresh, { trust, parallel: 4, onSeen: nothing, seen: told[0] })),
      await refusal(monitor(honest, { trust, state, ...follow })),
    ];
    for (const { code, message, contradiction } of errors) {
      expect([code, contradiction]).toEqual(["MIRROR_NOT_EXTENDED", undefined]);
      expect(message).toContain("which counts no more: key");
    }
    expect(errors.map(({ message }) => /then remove (.*),/.exec(message)?.[1])).toEqual([
      "the copy",
      "what an earlier run has kept beside the copy",
      "the state",
    ]);
  });

  test("is not said to have been seen where the log shows it beside its note", async () => {
    const renewed = await log.renewed();
    const trust = retiredAt10(renewed);
    const strange = await log.folder(subjects(12).toReversed(), { sizes: [12] });
    const honest = await renewed.folder(subjects(20), { sizes: [20] });
    const latest = "checkpoints/latest";
    honest.files.set(latest, strange.files.get(latest) ?? new Uint8Array());
    const follow = { parallel: 4, onEntries: nothing, onState: nothing };
    const found = await refusal(monitor(honest, { trust, state: FRESH_STATE, ...follow }));
    expect([found.code, found.message]).toEqual([
      "MIRROR_NOT_EXTENDED",
      expect.stringMatching(/the tree of 12 entries of \S+, which counts no more: .*operator$/),
    ]);
  });
});
