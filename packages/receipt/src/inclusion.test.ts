import { CLAIM, LABEL, PrivateKey, encodeCbor, type AlgorithmName } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import type { InclusionProof } from "@tallystick/merkle";
import { issueInclusionReceipt } from "./issue.js";
import { Receipt } from "./receipt.js";
import { VerifiedInclusion, type ReceiptTrust } from "./verify.js";
import { flipBit, fromHex, rejection, toHex } from "./testing/refusal.js";
import {
  ISSUER,
  ORIGIN,
  SERVICE,
  STRANGER,
  TIME,
  checkpointOf,
  headerWith,
  inclusions,
  signed,
  sizeEntry,
  type Entry,
} from "./testing/sample.js";
import { entryAt, inclusionProof, rootOf, sha256 } from "./testing/tree.js";

const key = SERVICE.publicKey;
const SIZE = 7;
const proof = inclusionProof(3, SIZE);
const root = rootOf(SIZE);
const entry = entryAt(3);

function verify(bytes: Uint8Array, trust: Partial<ReceiptTrust> & { entry?: Uint8Array } = {}) {
  return VerifiedInclusion.verify(Receipt.decode(bytes), { entry, key, ...trust });
}

async function codeOf(
  bytes: Uint8Array | Promise<Uint8Array>,
  trust: Partial<ReceiptTrust> & { entry?: Uint8Array } = {},
): Promise<string> {
  return rejection(verify(await bytes, trust));
}

describe("issued receipts", () => {
  test("verify for every entry of every size, and share header and signature at a size", async () => {
    for (let size = 2; size <= 33; size++) {
      const checkpoint = await checkpointOf(size);
      for (let index = 0; index < size; index++) {
        const bytes = issueInclusionReceipt(checkpoint, inclusionProof(index, size));
        const receipt = Receipt.decode(bytes);
        expect(receipt.message.protectedBytes).toStrictEqual(checkpoint.protectedBytes);
        expect(receipt.message.signature).toStrictEqual(checkpoint.signature);
        const verified = await VerifiedInclusion.verify(receipt, { entry: entryAt(index), key });
        expect(verified).toMatchObject({ size, index, root: rootOf(size) });
      }
    }
  });

  test("say what the profile of the service promises, and nothing else", async () => {
    const receipt = Receipt.decode(issueInclusionReceipt(await checkpointOf(SIZE), proof));
    expect(receipt).toMatchObject({
      vds: 1,
      issuer: ISSUER,
      subject: ORIGIN,
      issuedAt: TIME,
      signedSize: SIZE,
      kind: "inclusion",
      kid: key.thumbprint(),
    });
    expect([...receipt.message.protectedHeader.keys()]).toStrictEqual([
      1,
      4,
      15,
      395,
      "tallystick",
    ]);
    expect([...receipt.message.unprotectedHeader.keys()]).toStrictEqual([396]);
    expect(receipt.message.payload).toBeNull();
  });

  test("are assembled alike by anyone who has path and checkpoint", async () => {
    const checkpoint = await checkpointOf(SIZE);
    const header = toHex(checkpoint.protectedBytes);
    const triple = toHex(encodeCbor([SIZE, 3, proof.path]));
    const byHand = fromHex(
      `d2 84 58 ${(header.length / 2).toString(16)} ${header} a1 19018c a1 20 81 58 ` +
        `${(triple.length / 2).toString(16)} ${triple} f6 5840 ${toHex(checkpoint.signature)}`,
    );
    expect(issueInclusionReceipt(checkpoint, proof)).toStrictEqual(byHand);
  });

  test.each<AlgorithmName>([
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "PS256",
    "ML-DSA-44",
    "ML-DSA-65",
    "ML-DSA-87",
  ])("by %s", async (name) => {
    const signer = await PrivateKey.generate(name);
    const bytes = issueInclusionReceipt(await checkpointOf(SIZE, signer), proof);
    expect((await verify(bytes, { key: signer.publicKey })).index).toBe(3);
  });

  test("are for the size of the checkpoint, and never for a tree of one", async () => {
    const checkpoint = await checkpointOf(SIZE);
    expect(() => issueInclusionReceipt(checkpoint, inclusionProof(3, 8))).toThrow(TypeError);
    const one = await checkpointOf(1);
    expect(() => issueInclusionReceipt(one, inclusionProof(0, 1))).toThrow(TypeError);
  });
});

describe("refused", () => {
  const issued = checkpointOf(SIZE).then((checkpoint) => issueInclusionReceipt(checkpoint, proof));

  test.each<[string, Uint8Array]>([
    ["another entry of the tree", entryAt(2)],
    ["an entry that is not in the tree", entryAt(99)],
    ["no entry", new Uint8Array()],
    ["the leaf hash for the entry", sha256(Uint8Array.of(0), entry)],
    ["the entry with a byte behind it", Uint8Array.of(...entry, 0)],
  ])("%s", async (_name, wrong) => {
    expect(await codeOf(issued, { entry: wrong })).toBe("RECEIPT_SIGNATURE_INVALID");
  });

  test("a key of another service, or of another kind", async () => {
    expect(await codeOf(issued, { key: STRANGER.publicKey })).toBe("RECEIPT_SIGNATURE_INVALID");
    const { publicKey } = await PrivateKey.generate("EdDSA");
    expect(await codeOf(issued, { key: publicKey })).toBe("RECEIPT_KEY_MISMATCH");
  });

  test("an inner node passed off as an entry", async () => {
    // The path of leaf 3 from its third element on, and the node below it as the entry.
    const node = sha256(Uint8Array.of(0), entryAt(2));
    const fake = Uint8Array.of(...node, ...sha256(Uint8Array.of(0), entry));
    const unprotectedHeader = inclusions({ index: 1, size: 4, path: proof.path.slice(1) });
    const bytes = signed({ unprotectedHeader, root });
    expect(await codeOf(bytes, { entry: fake })).toBe("RECEIPT_SIGNATURE_INVALID");
  });

  test.each<[string, InclusionProof]>([
    ["an index that is the size", { ...proof, index: SIZE }],
    ["an index far beyond the size", { ...proof, index: 2 ** 53 - 1 }],
    ["a size of zero", { index: 0, size: 0, path: [] }],
    ["a path one too short", { ...proof, path: proof.path.slice(1) }],
    ["a path one too long", { ...proof, path: [...proof.path, entry] }],
    ["a path with the root behind it", { ...proof, path: [...proof.path, root] }],
    ["no path", { ...proof, path: [] }],
    ["a path for a tree of one", { index: 0, size: 1, path: [entry] }],
    ["an empty path at size 2", { index: 0, size: 2, path: [] }],
    ["an empty path at index 1 of size 1", { index: 1, size: 1, path: [] }],
    ["D1: a hash of 31 bytes", { ...proof, path: proof.path.map((hash) => hash.subarray(1)) }],
    ["D1: a hash of 33 bytes", { ...proof, path: proof.path.map((h) => Uint8Array.of(...h, 0)) }],
    ["D1: an empty hash", { ...proof, path: proof.path.map(() => new Uint8Array()) }],
  ])("R17, D2: %s", async (_name, wrong) => {
    const bytes = signed({ unprotectedHeader: inclusions(wrong), root });
    expect(await codeOf(bytes)).toBe("RECEIPT_INCLUSION_INVALID");
  });

  test.each<[string, Uint8Array]>([
    ["no CBOR", fromHex("ff")],
    ["no bytes", new Uint8Array()],
    ["a map", fromHex("a0")],
    ["an array of two", encodeCbor([SIZE, 3])],
    ["an array of four", encodeCbor([SIZE, 3, proof.path, 0])],
    ["a size of text", encodeCbor(["7", 3, proof.path])],
    ["a size below zero", encodeCbor([-7, 3, proof.path])],
    ["an index below zero", encodeCbor([SIZE, -1, proof.path])],
    ["a size of 2^53", encodeCbor([2n ** 53n, 3, proof.path])],
    ["an index of 2^64 - 1", encodeCbor([SIZE, 2n ** 64n - 1n, proof.path])],
    ["a path of bytes", encodeCbor([SIZE, 3, entry])],
    ["the path unwrapped (E21)", encodeCbor([SIZE, 3, ...proof.path])],
    ["a path of text", encodeCbor([SIZE, 3, ["a", "b", "c"]])],
    ["a size in two bytes", fromHex("83 1807 03 80")],
    ["a path of indefinite length", fromHex("83 07 03 9f ff")],
    ["a byte behind it", Uint8Array.of(...encodeCbor([SIZE, 3, proof.path]), 0)],
  ])("D5: a proof that is %s", async (_name, bytes) => {
    const receipt = signed({ unprotectedHeader: inclusions(bytes), root });
    expect(await codeOf(receipt)).toBe("RECEIPT_MALFORMED");
  });

  test("every flipped bit of a receipt, at decode or at verify", async () => {
    const bytes = await issued;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = flipBit(bytes, bit);
      // An async function, so that a refusal by decode counts as well.
      const outcome = (async () => verify(flipped))();
      expect(await rejection(outcome)).toMatch(/^RECEIPT_/);
    }
  });

  test("a receipt of consistency", async () => {
    const bytes = await signed({
      unprotectedHeader: new Map([[LABEL.vdp, new Map([[-2, [entry]]])]]),
    });
    expect(await codeOf(bytes)).toBe("RECEIPT_PROOF_MISSING");
  });

  test("a proof for another size than the signed one", async () => {
    const protectedHeader = headerWith([sizeEntry(SIZE + 1)]);
    const bytes = signed({ protectedHeader, unprotectedHeader: inclusions(proof), root });
    expect(await codeOf(bytes)).toBe("RECEIPT_SIZE_MISMATCH");
  });

  test("an unknown critical label, but not those that are acted on", async () => {
    const crit = (labels: readonly (string | number)[], more: readonly Entry[] = []) =>
      signed({
        protectedHeader: headerWith([[LABEL.crit, labels], sizeEntry(SIZE), ...more]),
        unprotectedHeader: inclusions(proof),
        root,
      });
    expect(await codeOf(crit([99], [[99, 0]]))).toBe("RECEIPT_CRIT_UNKNOWN");
    expect(await codeOf(crit([395, 99], [[99, 0]]))).toBe("RECEIPT_CRIT_UNKNOWN");
    expect(await codeOf(crit([99]))).toBe("RECEIPT_MALFORMED");
    expect((await verify(await crit([4, 15, 395, "tallystick"]))).size).toBe(SIZE);
  });
});

describe("claims", () => {
  const unprotectedHeader = inclusions(proof);

  test.each<[string, readonly Entry[], readonly number[]]>([
    ["no claims", [], [LABEL.cwtClaims]],
    ["no sub", [[LABEL.cwtClaims, new Map([[CLAIM.iss, ISSUER]])]], []],
    ["no iss", [[LABEL.cwtClaims, new Map([[CLAIM.sub, ORIGIN]])]], []],
  ])("T16: %s is refused unless claims are optional", async (_name, set, leftOut) => {
    const protectedHeader = headerWith(set, leftOut);
    const bytes = await signed({ protectedHeader, unprotectedHeader, root });
    expect(await codeOf(bytes)).toBe("RECEIPT_CLAIMS_MISSING");
    expect(await codeOf(bytes, { claims: "required" })).toBe("RECEIPT_CLAIMS_MISSING");
    expect((await verify(bytes, { claims: "optional" })).root).toStrictEqual(root);
  });

  test("unprotected claims do not count", async () => {
    const header = new Map([
      ...unprotectedHeader,
      [
        LABEL.cwtClaims,
        new Map([
          [1, "a"],
          [2, "b"],
        ]),
      ],
    ]);
    const protectedHeader = headerWith([], [LABEL.cwtClaims]);
    const bytes = signed({ protectedHeader, unprotectedHeader: header, root });
    expect(await codeOf(bytes)).toBe("RECEIPT_CLAIMS_MISSING");
  });
});

describe("an attached payload", () => {
  const unprotectedHeader = inclusions(proof);

  test("D3: is the recomputed root", async () => {
    const bytes = await signed({ unprotectedHeader, root, payload: root });
    expect((await verify(bytes)).root).toStrictEqual(root);
  });

  test.each<[string, Uint8Array]>([
    ["another root", rootOf(SIZE + 1)],
    ["the root in hex", new TextEncoder().encode(toHex(root))],
    ["the root wrapped in CBOR", encodeCbor(root)],
    ["nothing", new Uint8Array()],
  ])("D3: is not %s, though the signature covers it", async (_name, payload) => {
    const bytes = await signed({ unprotectedHeader, root: payload, payload });
    expect(await codeOf(bytes)).toBe("RECEIPT_PAYLOAD_MISMATCH");
  });
});

describe("several proofs in one receipt", () => {
  test("that agree on the root are one proof", async () => {
    const bytes = await signed({ unprotectedHeader: inclusions(proof, proof), root });
    expect((await verify(bytes)).index).toBe(3);
  });

  test("that disagree are refused, in either order", async () => {
    const other = inclusionProof(2, SIZE);
    for (const pair of [
      [proof, other],
      [other, proof],
    ]) {
      const bytes = signed({ unprotectedHeader: inclusions(...pair), root });
      expect(await codeOf(bytes)).toBe("RECEIPT_MALFORMED");
    }
  });

  test("must all be for the signed size", async () => {
    const first = inclusionProof(0, 5);
    // Folds to the same root, as sizes 5 to 8 have the same path length for index 0.
    const second = { ...first, size: 6 };
    const protectedHeader = headerWith([sizeEntry(5)]);
    const bytes = (proofs: (typeof first)[]) =>
      signed({ protectedHeader, unprotectedHeader: inclusions(...proofs), root: rootOf(5) });
    expect(await codeOf(bytes([first, second]), { entry: entryAt(0) })).toBe(
      "RECEIPT_SIZE_MISMATCH",
    );
    expect((await verify(await bytes([first]), { entry: entryAt(0) })).size).toBe(5);
  });
});

describe("§5.6: size and index", () => {
  test("are not authenticated by vds 1 alone", async () => {
    const small = inclusionProof(3, 5);
    for (const size of [5, 6, 7, 8]) {
      const bytes = await signed({
        unprotectedHeader: inclusions({ ...small, size }),
        root: rootOf(5),
      });
      const verified = await verify(bytes);
      expect(verified.receipt.signedSize).toBeUndefined();
      expect(verified.size).toBe(size);
    }
  });

  test("are authenticated by the profile", async () => {
    const small = inclusionProof(3, 5);
    const protectedHeader = headerWith([sizeEntry(5)]);
    for (const size of [6, 7, 8]) {
      const unprotectedHeader = inclusions({ ...small, size });
      const bytes = signed({ protectedHeader, unprotectedHeader, root: rootOf(5) });
      expect(await codeOf(bytes)).toBe("RECEIPT_SIZE_MISMATCH");
    }
  });
});
