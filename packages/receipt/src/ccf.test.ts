import { LABEL, encodeCbor, type CborValue } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { rootFromCcfProof } from "./ccf.js";
import { Receipt } from "./receipt.js";
import { VerifiedInclusion } from "./verify.js";
import { refusal, rejection } from "./testing/refusal.js";
import { SERVICE, headerWith, inclusions, signed, sizeEntry } from "./testing/sample.js";
import { entryAt, rootOf, sha256 } from "./testing/tree.js";

const ENTRY = entryAt(0);
const TRANSACTION = entryAt(1);
const EVIDENCE = "ce:2.19:ab";
const [A, B] = [entryAt(2), entryAt(3)];

function proofOf(leaf: CborValue, path: CborValue): Uint8Array {
  return encodeCbor(
    new Map([
      [1, leaf],
      [2, path],
    ]),
  );
}

const LEAF: readonly CborValue[] = [TRANSACTION, EVIDENCE, ENTRY];
const PATH: readonly CborValue[] = [
  [true, A],
  [false, B],
];
const GOOD = proofOf(LEAF, PATH);
// Without prefixes, in the order of the draft.
const leaf = sha256(TRANSACTION, sha256(new TextEncoder().encode(EVIDENCE)), ENTRY);
const ROOT = sha256(sha256(A, leaf), B);

test("the root of a proof is computed without prefixes, left and right", () => {
  expect(rootFromCcfProof(GOOD, ENTRY)).toStrictEqual(ROOT);
});

test.each<[string, Uint8Array]>([
  ["no CBOR", Uint8Array.of(0xff)],
  ["an array", encodeCbor([LEAF, PATH])],
  ["a map of one", encodeCbor(new Map([[1, LEAF]]))],
  [
    "a map of three",
    encodeCbor(
      new Map<number, CborValue>([
        [1, LEAF],
        [2, PATH],
        [3, 0],
      ]),
    ),
  ],
  [
    "another key for the path",
    encodeCbor(
      new Map<number, CborValue>([
        [1, LEAF],
        [3, PATH],
      ]),
    ),
  ],
  ["a leaf of two", proofOf([TRANSACTION, EVIDENCE], PATH)],
  ["a leaf of four", proofOf([...LEAF, ENTRY], PATH)],
  ["a transaction hash of 31 bytes", proofOf([TRANSACTION.subarray(1), EVIDENCE, ENTRY], PATH)],
  ["a transaction hash of 64 bytes", proofOf([new Uint8Array(64), EVIDENCE, ENTRY], PATH)],
  ["an entry of 33 bytes", proofOf([TRANSACTION, EVIDENCE, new Uint8Array(33)], PATH)],
  ["no evidence", proofOf([TRANSACTION, "", ENTRY], PATH)],
  ["evidence of bytes", proofOf([TRANSACTION, A, ENTRY], PATH)],
  ["evidence of 1025 bytes", proofOf([TRANSACTION, "e".repeat(1025), ENTRY], PATH)],
  ["evidence of 1026 bytes in 513 letters", proofOf([TRANSACTION, "é".repeat(513), ENTRY], PATH)],
  ["an empty path", proofOf(LEAF, [])],
  ["a path that is no array", proofOf(LEAF, new Map())],
  ["an element of one", proofOf(LEAF, [[true]])],
  ["an element of three", proofOf(LEAF, [[true, A, B]])],
  ["a side of 1", proofOf(LEAF, [[1, A]])],
  ["a hash of 64 bytes", proofOf(LEAF, [[true, new Uint8Array(64)]])],
])("a proof is malformed: %s", (_name, proof) => {
  expect(refusal(() => rootFromCcfProof(proof, ENTRY))).toBe("RECEIPT_MALFORMED");
});

test("evidence of 1024 bytes is taken", () => {
  const proof = proofOf([TRANSACTION, "é".repeat(512), ENTRY], PATH);
  expect(rootFromCcfProof(proof, ENTRY)).toHaveLength(32);
});

test("a proof about another entry is refused", () => {
  expect(refusal(() => rootFromCcfProof(GOOD, A))).toBe("RECEIPT_INCLUSION_INVALID");
  expect(refusal(() => rootFromCcfProof(GOOD, ENTRY.subarray(1)))).toBe(
    "RECEIPT_INCLUSION_INVALID",
  );
});

describe("a receipt of vds 2", () => {
  const key = SERVICE.publicKey;
  const protectedHeader = headerWith([[LABEL.vds, 2]]);

  test("verifies when the key is for vds 2, and only then", async () => {
    const bytes = await signed({
      protectedHeader,
      unprotectedHeader: inclusions(GOOD),
      root: ROOT,
    });
    const receipt = Receipt.decode(bytes);
    const verified = await VerifiedInclusion.verify(receipt, { entry: ENTRY, key, vds: 2 });
    expect(verified).toMatchObject({ root: ROOT, size: undefined, index: undefined });
    for (const vds of [undefined, 1, 3]) {
      const trust = { entry: ENTRY, key, ...(vds === undefined ? {} : { vds }) };
      expect(await rejection(VerifiedInclusion.verify(receipt, trust))).toBe(
        "RECEIPT_VDS_UNSUPPORTED",
      );
    }
  });

  test("does not pass for one of vds 1, nor the other way", async () => {
    const ours = inclusions({ index: 0, size: 2, path: [rootOf(1)] });
    const asCcf = await signed({ protectedHeader, unprotectedHeader: ours, root: ROOT });
    const trust = { entry: ENTRY, key, vds: 2 };
    expect(await rejection(VerifiedInclusion.verify(Receipt.decode(asCcf), trust))).toBe(
      "RECEIPT_MALFORMED",
    );
    const theirs = await signed({ unprotectedHeader: inclusions(GOOD), root: ROOT });
    expect(
      await rejection(VerifiedInclusion.verify(Receipt.decode(theirs), { entry: ENTRY, key })),
    ).toBe("RECEIPT_MALFORMED");
  });

  test("CF3: several proofs lead to one root", async () => {
    const verify = async (...proofs: Uint8Array[]) => {
      const unprotectedHeader = inclusions(...proofs);
      const bytes = await signed({ protectedHeader, unprotectedHeader, root: ROOT });
      return VerifiedInclusion.verify(Receipt.decode(bytes), { entry: ENTRY, key, vds: 2 });
    };
    expect((await verify(GOOD, GOOD)).root).toStrictEqual(ROOT);
    expect(await rejection(verify(GOOD, proofOf(LEAF, [[true, A]])))).toBe("RECEIPT_MALFORMED");
  });

  test("cannot have a signed size, as its proofs state none", async () => {
    const header = headerWith([[LABEL.vds, 2], sizeEntry(4)]);
    const unprotectedHeader = inclusions(GOOD);
    const bytes = await signed({ protectedHeader: header, unprotectedHeader, root: ROOT });
    const trust = { entry: ENTRY, key, vds: 2 };
    expect(await rejection(VerifiedInclusion.verify(Receipt.decode(bytes), trust))).toBe(
      "RECEIPT_SIZE_MISMATCH",
    );
  });
});
