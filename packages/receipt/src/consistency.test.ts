import { LABEL, encodeCbor } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import type { ConsistencyProof } from "@tallystick/merkle";
import { issueConsistencyReceipt, issueInclusionReceipt } from "./issue.js";
import { Receipt } from "./receipt.js";
import { VerifiedConsistency, type ReceiptTrust, type TrustedTree } from "./verify.js";
import { flipBit, rejection } from "./testing/refusal.js";
import {
  SERVICE,
  STRANGER,
  checkpointOf,
  consistencies,
  headerWith,
  signed,
  sizeEntry,
  vdp,
} from "./testing/sample.js";
import { consistencyProof, inclusionProof, rootOf } from "./testing/tree.js";

const key = SERVICE.publicKey;
const old: TrustedTree = { size: 3, root: rootOf(3) };
const proof = consistencyProof(3, 7);
const root = rootOf(7);
const issued = checkpointOf(7).then((checkpoint) => issueConsistencyReceipt(checkpoint, proof));

function verify(bytes: Uint8Array, trust: Partial<ReceiptTrust> & { old?: TrustedTree } = {}) {
  return VerifiedConsistency.verify(Receipt.decode(bytes), { old, key, ...trust });
}

async function codeOf(
  bytes: Uint8Array | Promise<Uint8Array>,
  trust: Partial<ReceiptTrust> & { old?: TrustedTree } = {},
): Promise<string> {
  return rejection(verify(await bytes, trust));
}

describe("issued receipts", () => {
  test("verify between any two sizes, with the signature of the newer checkpoint", async () => {
    for (let newSize = 2; newSize <= 24; newSize++) {
      const checkpoint = await checkpointOf(newSize);
      for (let oldSize = 1; oldSize < newSize; oldSize++) {
        const bytes = issueConsistencyReceipt(checkpoint, consistencyProof(oldSize, newSize));
        const receipt = Receipt.decode(bytes);
        expect(receipt.message.signature).toStrictEqual(checkpoint.signature);
        const verified = await verify(bytes, { old: { size: oldSize, root: rootOf(oldSize) } });
        expect(verified).toMatchObject({ oldSize, newSize, newRoot: rootOf(newSize) });
      }
    }
  });

  test("share header and signature with receipts of inclusion at the newer size", async () => {
    const checkpoint = await checkpointOf(7);
    const [one, other] = [
      Receipt.decode(issueConsistencyReceipt(checkpoint, proof)).message,
      Receipt.decode(issueInclusionReceipt(checkpoint, inclusionProof(0, 7))).message,
    ];
    expect(one.protectedBytes).toStrictEqual(other.protectedBytes);
    expect(one.signature).toStrictEqual(other.signature);
  });

  test("are for the checkpoint's size, and never between equal sizes", async () => {
    const checkpoint = await checkpointOf(7);
    expect(() => issueConsistencyReceipt(checkpoint, consistencyProof(3, 8))).toThrow(TypeError);
    expect(() => issueConsistencyReceipt(checkpoint, consistencyProof(7, 7))).toThrow(TypeError);
  });
});

describe("refused", () => {
  test.each<[string, TrustedTree]>([
    ["an old root that is wrong", { size: 3, root: rootOf(4) }],
    ["the new root for the old one", { size: 3, root }],
    ["an old root that is too short", { size: 3, root: rootOf(3).subarray(1) }],
    ["an old size that is smaller", { size: 2, root: rootOf(3) }],
    ["an old size that is larger", { size: 4, root: rootOf(3) }],
    ["an old size of zero", { size: 0, root: new Uint8Array(32) }],
    ["an old size that is the new one", { size: 7, root }],
  ])("D4: %s", async (_name, wrong) => {
    expect(await codeOf(issued, { old: wrong })).toBe("RECEIPT_CONSISTENCY_INVALID");
  });

  test("D4: an older tree of another history", async () => {
    // The right root of another log at the same size; the proof cannot lead there.
    const other = { size: 3, root: Uint8Array.from(rootOf(3), (byte) => byte ^ 0xff) };
    expect(await codeOf(issued, { old: other })).toBe("RECEIPT_CONSISTENCY_INVALID");
  });

  test.each<[string, ConsistencyProof, TrustedTree?]>([
    ["sizes swapped", { ...proof, oldSize: 7, newSize: 3 }],
    ["sizes swapped, from the newer tree", { ...proof, oldSize: 7, newSize: 3 }, { size: 7, root }],
    ["sizes equal, with the path", { ...proof, newSize: 3 }],
    ["sizes equal, with no path", { oldSize: 3, newSize: 3, path: [] }],
    ["an old size of zero", { oldSize: 0, newSize: 7, path: [] }, { size: 0, root }],
    ["a path one too short", { ...proof, path: proof.path.slice(0, -1) }],
    ["a path one too long", { ...proof, path: [...proof.path, root] }],
    ["no path", { ...proof, path: [] }],
    ["D1: hashes of 31 bytes", { ...proof, path: proof.path.map((hash) => hash.subarray(1)) }],
    ["the path of other sizes", { ...proof, path: consistencyProof(5, 7).path }],
  ])("%s", async (_name, wrong, from = old) => {
    const bytes = signed({ unprotectedHeader: consistencies(wrong), root });
    expect(await codeOf(bytes, { old: from })).toBe("RECEIPT_CONSISTENCY_INVALID");
  });

  test("a perfect old tree without the rest of the path", async () => {
    const short = { oldSize: 4, newSize: 7, path: [] };
    const bytes = signed({ unprotectedHeader: consistencies(short), root: rootOf(4) });
    expect(await codeOf(bytes, { old: { size: 4, root: rootOf(4) } })).toBe(
      "RECEIPT_CONSISTENCY_INVALID",
    );
  });

  test("a new tree that is not signed", async () => {
    const bytes = signed({ unprotectedHeader: consistencies(proof), root: rootOf(8) });
    expect(await codeOf(bytes)).toBe("RECEIPT_SIGNATURE_INVALID");
    expect(await codeOf(issued, { key: STRANGER.publicKey })).toBe("RECEIPT_SIGNATURE_INVALID");
  });

  test("a new size that is not the signed one", async () => {
    const protectedHeader = headerWith([sizeEntry(8)]);
    const bytes = signed({ protectedHeader, unprotectedHeader: consistencies(proof), root });
    expect(await codeOf(bytes)).toBe("RECEIPT_SIZE_MISMATCH");
  });

  test("a receipt of inclusion", async () => {
    const checkpoint = await checkpointOf(7);
    const bytes = issueInclusionReceipt(checkpoint, inclusionProof(0, 7));
    expect(await codeOf(bytes)).toBe("RECEIPT_PROOF_MISSING");
  });

  test("a receipt without claims, unless they are optional", async () => {
    const protectedHeader = headerWith([], [LABEL.cwtClaims]);
    const bytes = await signed({ protectedHeader, unprotectedHeader: consistencies(proof), root });
    expect(await codeOf(bytes)).toBe("RECEIPT_CLAIMS_MISSING");
    expect((await verify(bytes, { claims: "optional" })).newSize).toBe(7);
  });

  test("another structure than vds 1, asked for or not", async () => {
    const protectedHeader = headerWith([[LABEL.vds, 2]]);
    const bytes = await signed({ protectedHeader, unprotectedHeader: consistencies(proof), root });
    expect(await codeOf(bytes)).toBe("RECEIPT_VDS_UNSUPPORTED");
    expect(await codeOf(bytes, { vds: 2 })).toBe("RECEIPT_VDS_UNSUPPORTED");
    expect(await codeOf(issued, { vds: 2 })).toBe("RECEIPT_VDS_UNSUPPORTED");
  });

  test("an attached payload that is not the newer root", async () => {
    const unprotectedHeader = consistencies(proof);
    const wrong = signed({ unprotectedHeader, root: old.root, payload: old.root });
    expect(await codeOf(wrong)).toBe("RECEIPT_PAYLOAD_MISMATCH");
    const right = await signed({ unprotectedHeader, root, payload: root });
    expect((await verify(right)).newRoot).toStrictEqual(root);
  });

  test("proofs that disagree, or that are no proofs", async () => {
    const unprotectedHeader = consistencies(proof, { ...proof, ...consistencyProof(3, 8) });
    expect(await codeOf(signed({ unprotectedHeader, root }))).toBe("RECEIPT_MALFORMED");
    const odd = signed({ unprotectedHeader: vdp([[-2, [encodeCbor([3, 7])]]]), root });
    expect(await codeOf(odd)).toBe("RECEIPT_MALFORMED");
    const twice = await signed({ unprotectedHeader: consistencies(proof, proof), root });
    expect((await verify(twice)).oldSize).toBe(3);
  });

  test("every flipped bit of a receipt, at decode or at verify", async () => {
    const bytes = await issued;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = flipBit(bytes, bit);
      const outcome = (async () => verify(flipped))();
      expect(await rejection(outcome)).toMatch(/^RECEIPT_/);
    }
  });
});

test("§5.6: without the profile, one path serves several pairs of sizes", async () => {
  const small = consistencyProof(3, 5);
  for (const newSize of [5, 6, 7, 8]) {
    const unprotectedHeader = consistencies({ ...small, newSize });
    const bytes = await signed({ unprotectedHeader, root: rootOf(5) });
    expect((await verify(bytes)).newSize).toBe(newSize);
  }
});
