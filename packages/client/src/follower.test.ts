import { beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, encodeBase64url, encodeCbor, encodeHex } from "@tallystick/cose";
import { ReceiptError, SignedCheckpoint, encodeChainLink } from "@tallystick/receipt";
import { TrustStore, verifyEvidence } from "@tallystick/verifier";

import { ClientError } from "./error.js";
import { Follower } from "./follower.js";
import type { LogView } from "./follower.js";
import { SeenCheckpoints } from "./seen.js";
import { FakeLog, TIME } from "./testing/fake-log.js";
import { refusalOf } from "./testing/refusal.js";
import { ISSUER, ORIGIN } from "./testing/scene.js";
import { Wire, answer, problem } from "./testing/wire.js";

let key: PrivateKey;
let trust: TrustStore;

beforeAll(async () => {
  key = await PrivateKey.generate("ES256");
  const keys = [key.publicKey.toJwk()];
  const services = [{ issuer: ISSUER, origin: ORIGIN, keys }];
  trust = TrustStore.parse(JSON.stringify({ services }));
});

const GONE = problem(404, ["Not Found", "no checkpoint of that size"]);

function following(wire: Wire, seen?: SignedCheckpoint): Follower {
  const known = seen === undefined ? {} : { seen: SeenCheckpoints.NONE.with(seen) };
  return new Follower({ client: wire.client(), trust, ...known });
}

describe("the newest checkpoint", () => {
  test("is taken where none was seen, and then has to be extended", async () => {
    const log = new FakeLog(key);
    const wire = new Wire({
      "GET /checkpoints/latest": [await log.record(5), await log.record(5), await log.record(9)],
      "GET /consistency/5/9": [await log.consistency(5, 9)],
    });
    const follower = following(wire);
    expect((await follower.newest()).checkpoint.size).toBe(5);
    expect((await follower.newest()).checkpoint.size).toBe(5);
    expect((await follower.newest()).checkpoint.size).toBe(9);
    expect(follower.seen.of(await log.checkpoint(1))?.checkpoint.size).toBe(9);
    expect(wire.paths().filter((path) => path.includes("consistency"))).toHaveLength(1);
  });

  test.each([
    ["one that is cut short", new Uint8Array(40)],
    ["one with a size beyond 2^53", Uint8Array.from({ length: 60 }, () => 0xff)],
  ])("in a record that is none is refused in this package's words: %s", async (_name, record) => {
    const log = new FakeLog(key);
    const whole = await log.checkpoint(5);
    const link = { previousDigest: new Uint8Array(32), previousSize: 0 };
    const newest = encodeChainLink({ checkpoint: (await log.checkpoint(9)).encode(), ...link });
    const view = (broken: "newest" | "kept"): LogView => ({
      latestCheckpoint: () => Promise.resolve(broken === "newest" ? record : newest),
      checkpoint: () => Promise.resolve(record),
      consistency: () => Promise.reject(new ClientError("CLIENT_REFUSED", "not there")),
    });
    const seen = SeenCheckpoints.NONE.with(whole);
    const follow = (broken: "newest" | "kept"): Follower =>
      new Follower({ client: view(broken), trust, seen });
    const reads: readonly (() => Promise<unknown>)[] = [
      () => follow("newest").newest(),
      () => follow("kept").at(5),
    ];
    for (const read of reads) {
      const error = await refusalOf(read);
      expect([error.code, error.cause]).toEqual(["CLIENT_PROTOCOL", expect.any(ReceiptError)]);
    }
    // Where it was only read to find out more, what led there is told.
    const error = await refusalOf(() => follow("kept").newest());
    expect(error.code).toBe("CLIENT_EXTENSION_UNKNOWN");
  });

  test("of a key that is not pinned is refused", async () => {
    const signer = await PrivateKey.generate("ES256");
    const wire = new Wire({ "GET /checkpoints/latest": [await new FakeLog(signer).record(5)] });
    const error = await refusalOf(() => following(wire).newest());
    expect(error.code).toBe("CLIENT_CHECKPOINT_INVALID");
  });
});

describe("a log that went from one key to another", () => {
  test("has to extend what was seen under the one before", async () => {
    const next = await PrivateKey.generate("EdDSA");
    const keys = [key, next].map(({ publicKey }) => publicKey.toJwk());
    const services = [{ issuer: ISSUER, origin: ORIGIN, keys }];
    const both = TrustStore.parse(JSON.stringify({ services }));
    const before = SeenCheckpoints.NONE.with(await new FakeLog(key).checkpoint(5));
    const kept = new TextEncoder().encode(before.format());
    const log = new FakeLog(next);
    const wire = new Wire({
      "GET /checkpoints/latest": [await log.record(9)],
      "GET /consistency/5/9": [await log.consistency(5, 9)],
    });
    const seen = await SeenCheckpoints.parse(kept, both);
    const follower = new Follower({ client: wire.client(), trust: both, seen });
    expect((await follower.newest()).checkpoint.size).toBe(9);
    const { checkpoints } = JSON.parse(follower.seen.format()) as { checkpoints: string[] };
    expect(checkpoints).toHaveLength(1);

    const fork = new Wire({ "GET /checkpoints/latest": [await new FakeLog(next, 2).record(5)] });
    const lied = new Follower({ client: fork.client(), trust: both, seen });
    const error = await refusalOf(() => lied.newest());
    expect(error.code).toBe("CLIENT_CONTRADICTION");
    const file = new TextEncoder().encode(error.contradiction?.format() ?? "");
    expect(await verifyEvidence(file, both)).toMatchObject({ kind: "split" });
    const until = { size: 4, reason: "leaked" };
    const retired = [{ ...key.publicKey.toJwk(), until }, next.publicKey.toJwk()];
    const without = TrustStore.parse(
      JSON.stringify({ services: [{ ...services[0], keys: retired }] }),
    );
    await expect(verifyEvidence(file, without)).rejects.toMatchObject({
      code: "VERIFIER_EVIDENCE_REFUSED",
    });
  });
});

describe("what was seen under a key that was retired since", () => {
  const until = { size: 4, reason: "replaced" };

  async function afterRetirement(
    newest: (next: PrivateKey) => FakeLog,
    size: number,
  ): Promise<Follower> {
    const next = await PrivateKey.generate("EdDSA");
    const keys = [{ ...key.publicKey.toJwk(), until }, next.publicKey.toJwk()];
    const text = JSON.stringify({ services: [{ issuer: ISSUER, origin: ORIGIN, keys }] });
    const log = newest(next);
    const wire = new Wire({
      "GET /checkpoints/latest": [await log.record(size)],
      "GET /consistency/5/9": [GONE],
      "GET /checkpoints/5": [await log.record(5)],
    });
    const seen = SeenCheckpoints.NONE.with(await new FakeLog(key).checkpoint(5));
    return new Follower({ client: wire.client(), trust: TrustStore.parse(text), seen });
  }

  test.each([
    ["of the same size", 5],
    ["that is larger", 9],
    ["that is smaller", 3],
  ])("is no evidence against a log %s, and is named", async (_, size) => {
    const follower = await afterRetirement((next) => new FakeLog(next, 2), size);
    const { code, message, contradiction } = await refusalOf(() => follower.newest());
    expect([code, contradiction]).toEqual(["CLIENT_NOT_EXTENDED", undefined]);
    const kid = encodeBase64url(key.publicKey.thumbprint());
    expect(message).toContain(`which counts no more: key ${kid} counts up to size 4 (replaced)`);
    expect(message).toContain("take it out of what was seen");
  });
});

describe("after the key was retired at the last tree", () => {
  const retiredAt = async (log: FakeLog, size: number): Promise<TrustStore> => {
    const { root, time } = (await log.checkpoint(size)).checkpoint;
    const until = { size, root: encodeHex(root), time };
    const keys = [{ ...key.publicKey.toJwk(), until }];
    return TrustStore.parse(
      JSON.stringify({ services: [{ issuer: ISSUER, origin: ORIGIN, keys }] }),
    );
  };

  test("what was seen before is read, and the last tree has to extend it", async () => {
    const log = new FakeLog(key);
    const strict = await retiredAt(log, 9);
    const file = SeenCheckpoints.NONE.with(await log.checkpoint(5)).format();
    const seen = await SeenCheckpoints.parse(new TextEncoder().encode(file), strict);
    const wire = new Wire({
      "GET /checkpoints/latest": [await log.record(9), await log.record(12)],
      "GET /consistency/5/9": [await log.consistency(5, 9)],
    });
    const follower = new Follower({ client: wire.client(), trust: strict, seen });
    expect((await follower.newest()).checkpoint.size).toBe(9);
    expect((await refusalOf(() => follower.newest())).code).toBe("CLIENT_CHECKPOINT_INVALID");
  });

  test("the log's own checkpoint of a smaller size is evidence", async () => {
    const fork = new FakeLog(key, 2);
    const seen = SeenCheckpoints.NONE.with(await new FakeLog(key).checkpoint(5));
    const wire = new Wire({
      "GET /checkpoints/latest": [await fork.record(9)],
      "GET /consistency/5/9": [await fork.consistency(5, 9)],
      "GET /checkpoints/5": [await fork.record(5)],
    });
    const strict = await retiredAt(fork, 9);
    const follower = new Follower({ client: wire.client(), trust: strict, seen });
    expect((await refusalOf(() => follower.newest())).contradiction?.kind).toBe("split");
  });
});

describe("what does not extend it", () => {
  test.each<
    [
      string,
      number,
      number,
      Record<string, (fork: FakeLog) => Promise<ReturnType<typeof answer>>>,
      string,
    ]
  >([
    ["the same size with another root", 9, 9, {}, "split"],
    [
      "a path from another tree, with the log's own checkpoint of that size",
      5,
      9,
      {
        "GET /consistency/5/9": (fork) => fork.consistency(5, 9),
        "GET /checkpoints/5": (fork) => fork.record(5),
      },
      "split",
    ],
    [
      "no path, with the log's own checkpoint of that size",
      4,
      9,
      {
        "GET /consistency/4/9": () => Promise.resolve(GONE),
        "GET /checkpoints/4": (fork) => fork.record(4),
      },
      "split",
    ],
  ])("%s is a contradiction with evidence", async (...[, seenSize, size, answers, kind]) => {
    const fork = new FakeLog(key, 2);
    const seen = await new FakeLog(key).checkpoint(seenSize);
    const made = Object.entries(answers).map(
      async ([path, of]) => [path, [await of(fork)]] as const,
    );
    const wire = new Wire({
      "GET /checkpoints/latest": [await fork.record(size)],
      ...Object.fromEntries(await Promise.all(made)),
    });
    const follower = following(wire, seen);
    const error = await refusalOf(() => follower.newest());
    expect(error.code).toBe("CLIENT_CONTRADICTION");
    expect(error.contradiction?.kind).toBe(kind);
    const file = new TextEncoder().encode(error.contradiction?.format() ?? "");
    expect((await verifyEvidence(file, trust)).kind).toBe(kind);
    // What was seen stays what the next answer is held against.
    expect(follower.seen.of(seen)?.checkpoint.root).toStrictEqual(seen.checkpoint.root);
  });

  test("a smaller tree of a later time is a rollback", async () => {
    const log = new FakeLog(key);
    const wire = new Wire({
      "GET /checkpoints/latest": [await log.record(5, TIME + 100)],
    });
    const error = await refusalOf(async () => following(wire, await log.checkpoint(9)).newest());
    expect(error.code).toBe("CLIENT_CONTRADICTION");
    expect(error.contradiction?.kind).toBe("rollback");
  });

  test("a smaller tree of its own time is refused without evidence", async () => {
    const log = new FakeLog(key);
    const wire = new Wire({ "GET /checkpoints/latest": [await log.record(5)] });
    const error = await refusalOf(async () => following(wire, await log.checkpoint(9)).newest());
    expect(error.code).toBe("CLIENT_NOT_EXTENDED");
    expect(error.contradiction).toBeUndefined();
  });

  test.each([
    ["none at all", GONE],
    ["one of the right tree", undefined],
    ["what is no checkpoint", answer(200, { "content-type": "application/cbor" }, encodeCbor(1))],
  ])("a path that is refused, and as the checkpoint of that size %s", async (_, kept) => {
    const log = new FakeLog(key);
    const wire = new Wire({
      "GET /checkpoints/latest": [await new FakeLog(key, 2).record(9)],
      "GET /consistency/5/9": [GONE],
      "GET /checkpoints/5": [kept ?? (await log.record(5))],
    });
    const follower = following(wire, await log.checkpoint(5));
    const error = await refusalOf(() => follower.newest());
    // What a place lacks is no verdict on its log, and leaves what was seen as it was.
    expect(error.code).toBe("CLIENT_EXTENSION_UNKNOWN");
    expect(follower.seen.of(await log.checkpoint(5))?.checkpoint.size).toBe(5);
  });

  test("a receipt of another path, with no checkpoint of that size, is not shown to extend it", async () => {
    const fork = new FakeLog(key, 2);
    const wire = new Wire({
      "GET /checkpoints/latest": [await fork.record(9)],
      "GET /consistency/5/9": [await fork.consistency(5, 9)],
      "GET /checkpoints/5": [GONE],
    });
    const seen = await new FakeLog(key).checkpoint(5);
    const error = await refusalOf(() => following(wire, seen).newest());
    expect(error.code).toBe("CLIENT_NOT_EXTENDED");
  });

  test("a service that fails is no verdict", async () => {
    const log = new FakeLog(key);
    const wire = new Wire({
      "GET /checkpoints/latest": [await log.record(9)],
      "GET /consistency/5/9": [problem(500, ["Internal Error", "it broke"])],
    });
    const error = await refusalOf(async () => following(wire, await log.checkpoint(5)).newest());
    expect(error.code).toBe("CLIENT_UNAVAILABLE");
  });
});

test("two that have seen what the other has not keep the larger tree of each log", async () => {
  const [log, other] = [new FakeLog(key), new FakeLog(await PrivateKey.generate("ES256"))];
  const [early, late] = [await log.checkpoint(5), await log.checkpoint(9)];
  const named = { ...(await log.checkpoint(7)).checkpoint, origin: "another.example/log" };
  const elsewhere = await SignedCheckpoint.sign(named, key);
  const one = SeenCheckpoints.NONE.with(early).with(elsewhere);
  const both = SeenCheckpoints.NONE.with(late);
  for (const kept of [one.and(both), both.and(one)]) {
    expect(kept.of(early)?.checkpoint.size).toBe(9);
    // Whichever key signed it.
    expect(kept.of(await other.checkpoint(7))?.checkpoint.size).toBe(9);
    expect(kept.of(elsewhere)?.checkpoint.size).toBe(7);
  }
});

describe("a file of what was seen", () => {
  test("is read back under the pinned keys alone", async () => {
    const signed = await new FakeLog(key).checkpoint(7);
    const file = new TextEncoder().encode(SeenCheckpoints.NONE.with(signed).format());
    const read = await SeenCheckpoints.parse(file, trust);
    expect(read.of(signed)?.encode()).toStrictEqual(signed.encode());
    const other = await PrivateKey.generate("ES256");
    const services = [{ issuer: ISSUER, origin: ORIGIN, keys: [other.publicKey.toJwk()] }];
    const store = TrustStore.parse(JSON.stringify({ services }));
    // Of a pin that was dropped nothing is believed, and nothing is lost once it is pinned again.
    const dropped = await SeenCheckpoints.parse(file, store);
    expect(dropped.of(signed)).toBeUndefined();
    const elsewhere = await new FakeLog(other).checkpoint(9);
    const kept = new TextEncoder().encode(dropped.with(elsewhere).and(dropped).format());
    expect((await SeenCheckpoints.parse(kept, trust)).of(signed)?.checkpoint.size).toBe(7);
    expect((await SeenCheckpoints.parse(kept, store)).of(elsewhere)?.checkpoint.size).toBe(9);
  });

  test("with a signature of a pinned key that does not hold is refused", async () => {
    const encoded = (await new FakeLog(key).checkpoint(7)).encode();
    const flipped = encoded.map((byte, i) => (i === encoded.length - 1 ? byte ^ 1 : byte));
    const checkpoints = [encodeBase64url(flipped)];
    const text = JSON.stringify({ format: "tallystick-seen/1", checkpoints });
    const error = await refusalOf(() =>
      SeenCheckpoints.parse(new TextEncoder().encode(text), trust),
    );
    expect(error.code).toBe("CLIENT_SEEN_INVALID");
  });

  test.each<[string, (good: string) => unknown]>([
    ["no object", () => 1],
    ["null", () => null],
    ["another format", (good) => ({ format: "tallystick-seen/2", checkpoints: [good] })],
    ["a member more", (good) => ({ format: "tallystick-seen/1", checkpoints: [good], more: 1 })],
    ["no list", (good) => ({ format: "tallystick-seen/1", checkpoints: good })],
    ["a checkpoint that is no text", () => ({ format: "tallystick-seen/1", checkpoints: [1] })],
    [
      "a checkpoint that is not base64url",
      () => ({ format: "tallystick-seen/1", checkpoints: ["+"] }),
    ],
    ["what is no checkpoint", () => ({ format: "tallystick-seen/1", checkpoints: ["gA"] })],
    ["a log twice", (good) => ({ format: "tallystick-seen/1", checkpoints: [good, good] })],
    ["too many logs", () => ({ format: "tallystick-seen/1", checkpoints: Array(1025).fill("") })],
  ])("with %s is refused", async (_, change) => {
    const good = encodeBase64url((await new FakeLog(key).checkpoint(7)).encode());
    const file = new TextEncoder().encode(JSON.stringify(change(good)));
    const error = await refusalOf(() => SeenCheckpoints.parse(file, trust));
    expect(error.code).toBe("CLIENT_SEEN_INVALID");
  });
});
