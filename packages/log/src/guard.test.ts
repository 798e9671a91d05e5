import { describe, expect, test } from "@jest/globals";
import { PrivateKey, type Signer } from "@tallystick/cose";
import { consistencyNodes, consistencyPath, leafHash, treeRoot } from "@tallystick/merkle";

import { Guard, type Proposal } from "./guard.js";
import { requireFirstKey } from "./keys.js";
import { Recount } from "./recount.js";
import type { Meta } from "./record.js";
import { entryOf, ISSUER, key, LOG_ID, NOON, ORIGIN, range, signer } from "./testing/bench.js";

const meta: Meta = { issuer: ISSUER, origin: ORIGIN, logId: LOG_ID, kid: key.thumbprint() };

const leaves = range(0, 20).map((n) => leafHash(entryOf(n)));
const rootOf = (size: number): Uint8Array => treeRoot(leaves.slice(0, size));

// An honest proposal, from the definitions.
function proposal(oldSize: number, size: number, changes: Partial<Proposal> = {}): Proposal {
  const hashes = consistencyNodes(oldSize, size).map(({ level, index }) =>
    treeRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
  );
  const next = Recount.seed(0, []);
  return {
    size,
    root: rootOf(size),
    time: NOON,
    epoch: 1,
    counted: { oldSize, oldRoot: rootOf(oldSize), newSize: size, newRoot: rootOf(size), next },
    named: [undefined],
    consistency: { oldSize, newSize: size, path: consistencyPath(oldSize, size, hashes) },
    ...changes,
  };
}

const first = (size: number): Proposal => ({
  ...proposal(size, size),
  consistency: undefined,
  counted: { ...proposal(size, size).counted, oldSize: 0 },
});

function counting(inner: Signer): Signer & { readonly count: () => number } {
  let count = 0;
  return {
    algorithm: inner.algorithm,
    publicKey: inner.publicKey,
    sign: (message) => {
      count++;
      return inner.sign(message);
    },
    count: () => count,
  };
}

function guardAt(size: number, over: Signer = signer): Guard {
  const root = rootOf(size);
  const last = { issuer: ISSUER, origin: ORIGIN, size, root, time: NOON };
  return Guard.of({ meta, epoch: 1, signer: over, last: size === 0 ? undefined : last });
}

describe("the guard signs", () => {
  test("a first checkpoint", async () => {
    const signed = await guardAt(0).sign(first(1));
    expect(signed.checkpoint).toEqual({
      issuer: ISSUER,
      origin: ORIGIN,
      size: 1,
      root: rootOf(1),
      time: NOON,
    });
  });

  test("one extension after another", async () => {
    const guard = guardAt(3);
    expect((await guard.sign(proposal(3, 7))).checkpoint.size).toBe(7);
    expect((await guard.sign(proposal(7, 8))).checkpoint.size).toBe(8);
    expect((await guard.sign(proposal(8, 20, { time: NOON + 9 }))).checkpoint.time).toBe(NOON + 9);
  });
});

describe("the guard refuses, and asks the signer for nothing", () => {
  const good = proposal(5, 9);
  test.each<[string, Proposal, RegExp]>([
    [
      "the size last signed",
      {
        ...proposal(5, 9),
        size: 5,
        root: rootOf(5),
        counted: { ...good.counted, newSize: 5, newRoot: rootOf(5) },
      },
      /size 5 after 5/,
    ],
    ["a smaller tree", { ...proposal(2, 4) }, /size 4 after 5/],
    ["an older time", proposal(5, 9, { time: NOON - 1 }), /time 1799999999 after 1800000000/],
    ["another epoch", proposal(5, 9, { epoch: 2 }), /epoch 2, want 1/],
    ["a root that the recount does not find", proposal(5, 9, { root: rootOf(10) }), /recounted/],
    ["a size that the recount does not find", proposal(5, 9, { size: 10 }), /recounted 9/],
    [
      "a recount from another size",
      proposal(5, 9, { counted: { ...good.counted, oldSize: 4 } }),
      /not the one last signed/,
    ],
    [
      "a recount from another old root",
      proposal(5, 9, { counted: { ...good.counted, oldRoot: rootOf(4) } }),
      /not the one last signed/,
    ],
    ["no consistency proof", proposal(5, 9, { consistency: undefined }), /other sizes/],
    [
      "a proof from another size",
      proposal(5, 9, { consistency: proposal(4, 9).consistency }),
      /other sizes/,
    ],
    [
      "a proof to another size",
      proposal(5, 9, { consistency: proposal(5, 8).consistency }),
      /other sizes/,
    ],
  ])("%s", async (_name, bad, why) => {
    const watched = counting(signer);
    await expect(guardAt(5, watched).sign(bad)).rejects.toMatchObject({
      code: "LOG_CORRUPT",
      message: expect.stringMatching(why) as unknown,
    });
    expect(watched.count()).toBe(0);
  });

  test("a proof with one bit turned, in each of its hashes", async () => {
    const { path = [] } = good.consistency ?? {};
    expect(path.length).toBeGreaterThan(2);
    for (const i of path.keys()) {
      const watched = counting(signer);
      const bent = path.map((hash, n) =>
        n === i ? hash.map((byte, at) => (at === 7 ? byte ^ 4 : byte)) : hash,
      );
      const consistency = { oldSize: 5, newSize: 9, path: bent };
      await expect(guardAt(5, watched).sign(proposal(5, 9, { consistency }))).rejects.toMatchObject(
        {
          code: "MERKLE_ROOT_MISMATCH",
        },
      );
      expect(watched.count()).toBe(0);
    }
  });

  test("a first checkpoint that claims to extend something", async () => {
    const watched = counting(signer);
    await expect(guardAt(0, watched).sign(proposal(3, 4))).rejects.toThrow("extends a tree of 3");
    expect(watched.count()).toBe(0);
  });
});

describe("the guard after signing", () => {
  test("does not sign the same size again, even the same tree", async () => {
    const guard = guardAt(5);
    await guard.sign(proposal(5, 9));
    await expect(guard.sign(proposal(5, 9))).rejects.toThrow("size 9 after 9");
  });

  test("does not sign a fork", async () => {
    const guard = guardAt(5);
    await guard.sign(proposal(5, 9));
    await expect(guard.sign(proposal(5, 10))).rejects.toThrow("not the one last signed");
  });

  test("takes a signature that never arrived for given", async () => {
    const failing: Signer = {
      algorithm: signer.algorithm,
      publicKey: key,
      sign: () => Promise.reject(new Error("signer timed out")),
    };
    const guard = guardAt(5, failing);
    await expect(guard.sign(proposal(5, 9))).rejects.toThrow("signer timed out");
    await expect(guard.sign(proposal(5, 9))).rejects.toThrow("size 9 after 9");
  });
});

describe("the guard does not release", () => {
  test.each<[string, (message: Uint8Array) => Promise<Uint8Array>]>([
    ["a signature of zeros", () => Promise.resolve(new Uint8Array(64))],
    [
      "a signature of another key",
      async (message) => (await PrivateKey.generate("EdDSA")).sign(message),
    ],
    ["a signature over something else", () => signer.sign(new Uint8Array(3))],
    ["a signature cut short", async (message) => (await signer.sign(message)).slice(0, 63)],
    [
      "a signature with one bit turned",
      async (message) => (await signer.sign(message)).map((byte, i) => (i === 5 ? byte ^ 1 : byte)),
    ],
  ])("%s", async (_name, sign) => {
    const bad: Signer = { algorithm: signer.algorithm, publicKey: key, sign };
    await expect(guardAt(5, bad).sign(proposal(5, 9))).rejects.toMatchObject({
      code: "RECEIPT_SIGNATURE_INVALID",
    });
  });
});

describe("what control entries name", () => {
  const own = key.thumbprint();
  const another = new Uint8Array(32).fill(7);

  test.each([
    ["nobody is asked", []],
    ["the one in force names another", [[another]]],
    ["the one after the last entry drops it", [[own], [another]]],
    ["the one at the last entry does not name it yet", [[another], [another, own]]],
  ])("nothing is signed where %s", async (_, named) => {
    const over = counting(signer);
    await expect(guardAt(5, over).sign(proposal(5, 9, { named }))).rejects.toMatchObject({
      code: "LOG_CORRUPT",
      message: "signing guard: the control entry in force does not name the key",
    });
    expect(over.count()).toBe(0);
  });

  test("it signs where both name it", async () => {
    const named = [[own], [another, own]];
    const signed = await guardAt(5).sign(proposal(5, 9, { named }));
    expect(signed.checkpoint.size).toBe(9);
  });
});

describe("the log's key", () => {
  test("another one is refused", async () => {
    const other = await PrivateKey.generate("EdDSA");
    expect(() => Guard.of({ meta, epoch: 1, signer: other, last: undefined })).toThrow(
      expect.objectContaining({ code: "LOG_KEY_MISMATCH" }),
    );
    expect(() => {
      requireFirstKey(meta, other.publicKey);
    }).toThrow(/^key [\w-]{43}, the log was made with [\w-]{43}$/);
  });

  test("its own passes", () => {
    requireFirstKey(meta, key);
    expect(guardAt(0)).toBeInstanceOf(Guard);
  });
});
