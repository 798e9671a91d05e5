import { describe, expect, test } from "@jest/globals";
import { encodeBase64url, type PrivateKey } from "@tallystick/cose";
import fc from "fast-check";

import { SignedCheckpoint, type Checkpoint } from "./checkpoint.js";
import { Contradiction, type ForkProof } from "./contradiction.js";
import { rejection } from "./testing/refusal.js";
import { ISSUER, ORIGIN, SERVICE, STRANGER, TIME } from "./testing/sample.js";
import { consistencyProof, rootOf, sha256 } from "./testing/tree.js";

/** Opens checkpoints under one key, as a caller that pins it does. */
const under =
  ({ publicKey }: PrivateKey) =>
  (encoded: Uint8Array): Promise<SignedCheckpoint> =>
    SignedCheckpoint.verify(encoded, publicKey);
const pinned = under(SERVICE);
const OTHER_ROOT = sha256(Uint8Array.of(7));

function sign(
  size: number,
  differing: Partial<Checkpoint> = {},
  signer: PrivateKey = SERVICE,
): Promise<SignedCheckpoint> {
  const plain = { issuer: ISSUER, origin: ORIGIN, size, root: rootOf(size), time: TIME };
  return SignedCheckpoint.sign({ ...plain, ...differing }, signer);
}

function proofOf(oldSize: number, newSize: number): ForkProof {
  return { root: rootOf(oldSize), path: consistencyProof(oldSize, newSize).path };
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("two checkpoints", () => {
  test.each<[string, Partial<Checkpoint>, Partial<Checkpoint>, ForkProof | undefined, string]>([
    ["of one size and two roots", { size: 9 }, { size: 9, root: OTHER_ROOT }, undefined, "split"],
    [
      "a smaller one of a later time",
      { size: 5, time: TIME + 1 },
      { size: 9 },
      undefined,
      "rollback",
    ],
    [
      "a larger one of other beginnings",
      { size: 5, root: OTHER_ROOT },
      { size: 9 },
      proofOf(5, 9),
      "fork",
    ],
    [
      "the same, where no path is sent for the half",
      { size: 8, root: OTHER_ROOT },
      { size: 9 },
      proofOf(8, 9),
      "fork",
    ],
  ])("%s contradict each other, in either order", async (...[, one, other, proof, kind]) => {
    const first = await sign(one.size ?? 0, one);
    const second = await sign(other.size ?? 0, other);
    for (const [a, b] of [
      [first, second],
      [second, first],
    ] as const) {
      const found = Contradiction.between(a, b, proof);
      expect(found?.kind).toBe(kind);
      expect(found === undefined ? undefined : Contradiction.is(found)).toBe(true);
      const again = await Contradiction.verify(encode(found?.format() ?? ""), pinned);
      expect(again).toMatchObject({ kind });
      expect(again.smaller.encode()).toStrictEqual(found?.smaller.encode());
      expect(again.larger.encode()).toStrictEqual(found?.larger.encode());
    }
  });

  test.each<[string, Partial<Checkpoint>, Partial<Checkpoint>, ForkProof | undefined]>([
    ["of one tree, signed twice", { size: 9 }, { size: 9, time: TIME + 5 }, undefined],
    ["one of which extends the other", { size: 5 }, { size: 9 }, proofOf(5, 9)],
    ["without a proof", { size: 5, root: OTHER_ROOT }, { size: 9 }, undefined],
    ["with the proof of another size", { size: 5, root: OTHER_ROOT }, { size: 9 }, proofOf(4, 9)],
    ["with the proof of another tree", { size: 5, root: OTHER_ROOT }, { size: 9 }, proofOf(5, 8)],
    [
      "with a proof of what is claimed",
      { size: 5, root: OTHER_ROOT },
      { size: 9 },
      { root: OTHER_ROOT, path: proofOf(5, 9).path },
    ],
    ["of two logs", { size: 9 }, { size: 9, root: OTHER_ROOT, origin: "another" }, undefined],
    [
      "of two services",
      { size: 9 },
      { size: 9, root: OTHER_ROOT, issuer: "https://b.example" },
      undefined,
    ],
  ])("%s do not", async (...[, one, other, proof]) => {
    const first = await sign(one.size ?? 0, one);
    const second = await sign(other.size ?? 0, other);
    expect(Contradiction.between(first, second, proof)).toBeUndefined();
  });

  test("property: whatever the sizes, what extends does not contradict and what does not is a fork", async () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }));
    await fc.assert(
      fc.asyncProperty(sizes, async ([a, b]) => {
        const [oldSize, newSize] = [Math.min(a, b), Math.max(a, b) + 1];
        const larger = await sign(newSize);
        const proof = proofOf(oldSize, newSize);
        expect(Contradiction.between(await sign(oldSize), larger, proof)).toBeUndefined();
        const forked = await sign(oldSize, { root: OTHER_ROOT });
        expect(Contradiction.between(forked, larger, proof)?.kind).toBe("fork");
      }),
      { numRuns: 40 },
    );
  });
});

describe("an evidence file", () => {
  async function evidence(): Promise<string> {
    const smaller = await sign(5, { root: OTHER_ROOT });
    return Contradiction.between(smaller, await sign(9), proofOf(5, 9))?.format() ?? "";
  }

  test("counts under the pinned key alone", async () => {
    const file = encode(await evidence());
    expect(await Contradiction.verify(file, pinned)).toMatchObject({ kind: "fork" });
    const stranger = Contradiction.verify(file, under(STRANGER));
    expect(await rejection(stranger)).toBe("RECEIPT_SIGNATURE_INVALID");
  });

  test("of two keys counts where both are those of the log", async () => {
    const [one, other] = [await sign(9, { root: OTHER_ROOT }, STRANGER), await sign(9)];
    expect(Contradiction.between(one, other)?.kind).toBe("split");
    const members = {
      format: "tallystick-evidence/1",
      smaller: encodeBase64url(one.encode()),
      larger: encodeBase64url(other.encode()),
    };
    const either = (encoded: Uint8Array): Promise<SignedCheckpoint> =>
      under(STRANGER)(encoded).catch(() => pinned(encoded));
    const file = encode(JSON.stringify(members));
    expect((await Contradiction.verify(file, either)).kind).toBe("split");
    expect(await rejection(Contradiction.verify(file, pinned))).toBe("RECEIPT_SIGNATURE_INVALID");
  });

  test("that shows two checkpoints of one history is refused", async () => {
    const members = {
      format: "tallystick-evidence/1",
      smaller: encodeBase64url((await sign(5)).encode()),
      larger: encodeBase64url((await sign(9)).encode()),
    };
    const file = encode(JSON.stringify(members));
    expect(await rejection(Contradiction.verify(file, pinned))).toBe("RECEIPT_NO_CONTRADICTION");
  });

  test.each<[string, (members: Record<string, unknown>) => unknown]>([
    ["no object", () => []],
    ["null", () => null],
    ["another format", (members) => ({ ...members, format: "tallystick-evidence/2" })],
    ["a member more", (members) => ({ ...members, note: "" })],
    ["no checkpoint", (members) => ({ ...members, smaller: undefined })],
    ["a checkpoint that is no text", (members) => ({ ...members, larger: 1 })],
    ["a checkpoint in another alphabet", (members) => ({ ...members, larger: "+/" })],
    ["a proof that is a list", (members) => ({ ...members, proof: [] })],
    [
      "a proof without a path",
      (members) => ({ ...members, proof: { root: encodeBase64url(OTHER_ROOT) } }),
    ],
    ["a short hash", (members) => ({ ...members, proof: { root: "AAAA", path: [] } })],
    [
      "a hash that is none",
      (members) => ({ ...members, proof: { root: encodeBase64url(OTHER_ROOT), path: [4] } }),
    ],
  ])("with %s is malformed", async (_, change) => {
    const members = JSON.parse(await evidence()) as Record<string, unknown>;
    const file = encode(JSON.stringify(change(members)));
    expect(await rejection(Contradiction.verify(file, pinned))).toBe("RECEIPT_EVIDENCE_MALFORMED");
  });

  test.each([
    ["a member twice", '{"format":"tallystick-evidence/1","format":"tallystick-evidence/1"}'],
    ["no JSON", "evidence"],
    ["more than 64 KiB", JSON.stringify({ format: "x".repeat(65_536) })],
    ["a path without end", JSON.stringify({ format: Array.from({ length: 2000 }, () => 1) })],
  ])("with %s is malformed", async (_, text) => {
    const refused = Contradiction.verify(encode(text), pinned);
    expect(await rejection(refused)).toBe("RECEIPT_EVIDENCE_MALFORMED");
  });

  test("property: no changed character makes it show anything else", async () => {
    const text = await evidence();
    const place = fc.integer({ min: 0, max: text.length - 1 });
    const letter = fc.constantFrom(...Array.from('AZaz09-_{}[]":, \n'));
    await fc.assert(
      fc.asyncProperty(place, letter, async (at, char) => {
        const changed = text.slice(0, at) + char + text.slice(at + 1);
        const outcome = Contradiction.verify(encode(changed), pinned).then(
          (found) => found.format(),
          (error: unknown) => (error as { code: string }).code,
        );
        // White space aside, every character counts.
        expect(await outcome).toMatch(isSameJson(changed, text) ? /^\{/ : /^RECEIPT_/);
      }),
      { numRuns: 300 },
    );
  });
});

function isSameJson(one: string, other: string): boolean {
  try {
    return JSON.stringify(JSON.parse(one)) === JSON.stringify(JSON.parse(other));
  } catch {
    return false;
  }
}
