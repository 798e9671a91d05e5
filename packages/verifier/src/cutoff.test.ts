import { encodeBase64url, encodeHex } from "@tallystick/cose";
import { Contradiction, SignedCheckpoint } from "@tallystick/receipt";
import { describe, expect, test } from "@jest/globals";
import { verifyCheckpoint } from "./checkpoint.js";
import { verifyConsistency } from "./consistency.js";
import { verifyEvidence } from "./evidence.js";
import { refusal, rejection } from "./testing/refusal.js";
import { STATEMENT, transparent } from "./testing/sample.js";
import { TIME, TestTree, consistencyFor, makeService, trustIn } from "./testing/service.js";
import { verifyTransparentStatement } from "./transparent.js";
import { TrustStore } from "./trust.js";

const alpha = await makeService("alpha");
const kid = encodeBase64url(alpha.key.publicKey.thumbprint());
const tree = new TestTree(6, { entry: STATEMENT.entry, index: 3 });
const ROOT = encodeHex(tree.root());
const LAST = { size: 6, root: ROOT, time: TIME };

function retired(until: unknown): TrustStore {
  const { issuer, origin, key } = alpha;
  const keys = [{ ...key.publicKey.toJwk(), until }];
  return TrustStore.parse(JSON.stringify({ services: [{ issuer, origin, keys }] }));
}

/** What the trust file says, and what is refused of a tree of 6 entries at TIME. */
const ROWS: readonly (readonly [string, object, string | undefined])[] = [
  ["a larger cutoff", { size: 7 }, undefined],
  ["this size", { size: 6 }, undefined],
  ["a smaller one", { size: 5 }, "counts up to size 5, and this is of size 6"],
  ["one with a reason", { size: 5, reason: "lost" }, "up to size 5 (lost), and this is of size 6"],
  ["this last tree", LAST, undefined],
  [
    "a last tree of another root",
    { ...LAST, root: "00".repeat(32), reason: "leaked" },
    "counts for the last tree of size 6 alone (leaked), and this is another one, of size 6",
  ],
  [
    "a last tree of another time",
    { ...LAST, time: TIME + 1 },
    "the last tree of size 6 alone, and",
  ],
  [
    "a larger last tree",
    { ...LAST, size: 7 },
    "the last tree of size 7 alone, and this is another",
  ],
  ["a smaller last tree", { ...LAST, size: 5 }, "counts up to size 5"],
];

describe("a key that is retired at", () => {
  test.each(ROWS)("%s: its receipts", async (_name, until, refused) => {
    const outcome = verifyTransparentStatement(await transparent([alpha]), retired(until));
    if (refused === undefined) {
      expect((await outcome).receipts).toHaveLength(1);
      return;
    }
    const error = await rejection(outcome);
    expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
    const step = error.steps.find((one) => one.code === "VERIFIER_KEY_RETIRED");
    expect(step).toMatchObject({ step: "receipt", outcome: "failed" });
    expect(step?.detail).toContain(`key ${kid} counts`);
    expect(step?.detail).toContain(refused);
  });

  test.each(ROWS)("%s: its checkpoints", async (_name, until, refused) => {
    const encoded = (await tree.checkpoint(alpha)).encode();
    const outcome = verifyCheckpoint(encoded, retired(until));
    if (refused === undefined) {
      expect((await outcome).checkpoint.size).toBe(6);
      return;
    }
    const error = await rejection(outcome);
    expect(error.code).toBe("VERIFIER_CHECKPOINT_REFUSED");
    expect(error.message).toContain(refused);
  });

  test.each(ROWS)("%s: its receipts of consistency", async (_name, until, refused) => {
    const bytes = await consistencyFor(alpha, tree, 4);
    const outcome = verifyConsistency(bytes, retired(until), { size: 4, root: tree.root(4) });
    if (refused === undefined) {
      expect((await outcome).newSize).toBe(6);
      return;
    }
    const error = await rejection(outcome);
    expect(error.code).toBe("VERIFIER_CONSISTENCY_UNVERIFIED");
    expect(error.message).toContain(refused);
  });
});

test("a receipt under an earlier time than that of the last tree does not count", async () => {
  const forged = await transparent([alpha], STATEMENT, { time: TIME - 1 });
  const error = await rejection(verifyTransparentStatement(forged, retired(LAST)));
  expect(error.steps.map(({ code }) => code)).toContain("VERIFIER_KEY_RETIRED");
});

test("what does not sign its size does not count", () => {
  const trust = retired({ size: 6, reason: "lost" });
  const tree = { size: undefined, root: new Uint8Array(32), time: TIME };
  const act = (): void => {
    trust.requireWithin(alpha.issuer, alpha.key.publicKey, tree);
  };
  expect(refusal(act)).toMatchObject({ code: "VERIFIER_KEY_RETIRED" });
  expect(act).toThrow(`key ${kid} is retired (lost), and this does not sign the size of its tree`);
});

test("a key that is not retired, or not pinned, is not judged", async () => {
  const other = await makeService("other");
  const huge = { size: 2 ** 50, root: new Uint8Array(32), time: TIME };
  trustIn([alpha]).requireWithin(alpha.issuer, alpha.key.publicKey, huge);
  retired({ size: 1 }).requireWithin(other.issuer, other.key.publicKey, huge);
  expect(trustIn([alpha]).services[0]?.cutoffs).toStrictEqual([undefined]);
});

test("evidence counts beyond the cutoff: what a log signed against itself stays evidence", async () => {
  const { issuer, origin, key } = alpha;
  const about = { issuer, origin, size: 9, time: TIME };
  const faces = [new Uint8Array(32), new Uint8Array(32).fill(1)].map((root) =>
    SignedCheckpoint.sign({ ...about, root }, key),
  );
  const [one, other] = await Promise.all(faces);
  const found = one && other && Contradiction.between(one, other);
  if (found === undefined) throw new Error("no contradiction");
  const file = new TextEncoder().encode(found.format());
  const { kind } = await verifyEvidence(file, retired({ size: 6 }));
  expect(kind).toBe("split");
  const refused = rejection(verifyCheckpoint(found.larger.encode(), retired({ size: 6 })));
  expect((await refused).code).toBe("VERIFIER_CHECKPOINT_REFUSED");
});

describe("a cutoff is refused", () => {
  test.each<[string, unknown, string]>([
    ["that is no object", 6, "until is not an object"],
    ["without a size", {}, "until"],
    ["of size 0", { size: 0 }, "until.size is not an integer from 1"],
    ["of half an entry", { size: 1.5 }, "until.size"],
    ["with an unknown member", { size: 1, from: 2 }, '"from"'],
    ["with a root and no time", { size: 1, root: ROOT }, "root or time without the other"],
    ["with a time and no root", { size: 1, time: TIME }, "root or time without the other"],
    ["with a root in capitals", { ...LAST, root: ROOT.toUpperCase() }, "until.root is not 64"],
    ["with a root that is too short", { ...LAST, root: "00" }, "until.root is not 64"],
    ["with a time before the epoch", { ...LAST, time: -1 }, "until.time"],
    ["with an empty reason", { size: 1, reason: "" }, "until.reason"],
    ["with a reason that is too long", { size: 1, reason: "x".repeat(1001) }, "until.reason"],
  ])("%s", (_name, until, part) => {
    expect(refusal(() => retired(until))).toMatchObject({ code: "VERIFIER_TRUST_MALFORMED" });
    expect(() => retired(until)).toThrow(part);
    expect(() => retired(until)).toThrow("services[0].keys[0]");
  });
});

describe("a checkpoint that is refused says why", () => {
  test("by the key that it names, whatever other keys are pinned", async () => {
    const beta = await makeService("beta");
    const encoded = (await tree.checkpoint(alpha)).encode();
    const broken = Uint8Array.from(encoded);
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    for (const services of [
      [alpha, beta],
      [beta, alpha],
    ]) {
      const error = await rejection(verifyCheckpoint(broken, trustIn(services)));
      expect(error.cause).toMatchObject({ code: "RECEIPT_SIGNATURE_INVALID" });
    }
  });

  test("with all pinned keys, where it names none of them", async () => {
    const [beta, gamma] = await Promise.all([makeService("beta"), makeService("gamma")]);
    const encoded = (await tree.checkpoint(alpha)).encode();
    const error = await rejection(verifyCheckpoint(encoded, trustIn([beta, gamma])));
    const kids = [beta, gamma].map(({ key }) => encodeBase64url(key.publicKey.thumbprint()));
    expect(error.message).toBe(
      `it is of no log that is pinned; pinned keys: ${kids[0] ?? ""}, ${kids[1] ?? ""}`,
    );
  });
});
