import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  LABEL,
  PublicKey,
  encodeCbor,
  encodeSign1,
  verifySign1,
  type CborMap,
} from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { leafHash, rootFromConsistencyPath, rootFromInclusionPath } from "@tallystick/merkle";
import { decodeConsistencyProof, decodeInclusionProof } from "./proof.js";
import { Receipt } from "./receipt.js";
import { VerifiedConsistency, VerifiedInclusion } from "./verify.js";
import { flipBit, fromHex, rejection, toHex } from "./testing/refusal.js";
import { inclusions, SERVICE } from "./testing/sample.js";
import { sharedFolder } from "./testing/shared.js";

const entries = [
  "3801be6f1a9c853229afc3e0f8b59c5a3da370e9f0d105afe97fe0c460d83169",
  "67607a6582d56b9acf53a1cfd7babc84d15ff3a41ca19dc8bb95b1228920b43e",
  "a6644c1427b48fd24514e4a3a65b6dd383f0865e65ba05e4c3557c7f72a3819f",
  "780caa29b2dd336b6fed234fb4788447a12330c87286b188c9ab797af14c9ea9",
].map(fromHex);
const ROOT_3 = fromHex("688928db5e565af2fb9b29db5cce83de0e0352a0f0c671b450b9dc86bed2de3c");
const ROOT_5 = fromHex("895731b5a570ea1967dd7804b5f43146175f9ac87d1565985de3ecf09c98589c");

/** Yields the one proof of a receipt. */
function proofOf(receipt: Receipt): Uint8Array {
  expect(receipt.proofs).toHaveLength(1);
  return receipt.proofs[0] ?? new Uint8Array();
}

function file(folder: string, name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, name)));
}

const cosewg = sharedFolder("COSE WG receipts", "vectors", "cose-receipts");

(cosewg === undefined ? describe.skip : describe)("COSE WG receipts (TV2, TV3)", () => {
  const folder = cosewg ?? "";
  const inclusion = () => Receipt.decode(file(folder, "cosewg-inclusion-receipt.cbor"));
  const consistency = () => Receipt.decode(file(folder, "cosewg-consistency-receipt.cbor"));

  test.each([
    ["inclusion", inclusion],
    ["consistency", consistency],
  ] as const)("receipt of %s has the structure of RFC 9942", (kind, decode) => {
    const receipt = decode();
    expect(receipt).toMatchObject({
      kind,
      vds: 1,
      kid: new TextEncoder().encode("test-key-1"),
      issuer: "https://transparency-service.example.com",
      subject: undefined,
      signedSize: undefined,
    });
    expect(receipt.algorithm.name).toBe("ES256");
    expect(receipt.message.payload).toBeNull();
  });

  test("TV2: leaf 3 of 5 folds to the root of 5", () => {
    const proof = decodeInclusionProof(proofOf(inclusion()));
    expect(proof).toMatchObject({ index: 3, size: 5 });
    const leaf = leafHash(entries[3] ?? ROOT_3);
    expect(rootFromInclusionPath(proof, leaf)).toStrictEqual(ROOT_5);
    // §5.6: so it does at sizes 6 to 8, and at no other index of 5.
    for (const size of [6, 7, 8]) {
      expect(rootFromInclusionPath({ ...proof, size }, leaf)).toStrictEqual(ROOT_5);
    }
    for (const index of [0, 1, 2]) {
      expect(rootFromInclusionPath({ ...proof, index }, leaf)).not.toStrictEqual(ROOT_5);
    }
  });

  test("TV3: the tree of 5 extends the tree of 3", () => {
    const proof = decodeConsistencyProof(proofOf(consistency()));
    expect(proof).toMatchObject({ oldSize: 3, newSize: 5 });
    expect(rootFromConsistencyPath(proof, ROOT_3)).toStrictEqual(ROOT_5);
    // §5.6: the sizes could be others.
    const range = (oldSize: number, from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => ({ oldSize, newSize: from + i }));
    for (const sizes of [...range(3, 6, 8), ...range(6, 9, 16), ...range(12, 17, 19)]) {
      expect(rootFromConsistencyPath({ ...proof, ...sizes }, ROOT_3)).toStrictEqual(ROOT_5);
    }
  });

  test("a strict check refuses both for the missing sub, another key for the signature", async () => {
    const key = SERVICE.publicKey;
    const entry = entries[3] ?? ROOT_3;
    const old = { size: 3, root: ROOT_3 };
    expect(await rejection(VerifiedInclusion.verify(inclusion(), { entry, key }))).toBe(
      "RECEIPT_CLAIMS_MISSING",
    );
    expect(await rejection(VerifiedConsistency.verify(consistency(), { old, key }))).toBe(
      "RECEIPT_CLAIMS_MISSING",
    );
    const claims = "optional" as const;
    expect(await rejection(VerifiedInclusion.verify(inclusion(), { entry, key, claims }))).toBe(
      "RECEIPT_SIGNATURE_INVALID",
    );
    expect(await rejection(VerifiedConsistency.verify(consistency(), { old, key, claims }))).toBe(
      "RECEIPT_SIGNATURE_INVALID",
    );
  });
});

describe("size 1 (TV4)", () => {
  const bytes = fromHex(
    "d28447a219018b010127a119018ca120814483010080f65840b0cd400caaa97001a5831dd8b3ed3cac0d0fac019d" +
      "f5e749fef4691f3479142aaf6c8533afedebbe12d45150a5844de190ac33074c3acced943e9c229f770409",
  );
  const entry = fromHex("3a7a4d068161666b576c1df40718915a57c17c0321adabb2ffe460aafdf1c654");
  const root = fromHex("470c3e3db28f694f3a3e5c71db11e1e0cf26e16241ce1ecc2819f6edc666c51d");
  const key = PublicKey.fromSpki(
    new Uint8Array(
      Buffer.from("MCowBQYDK2VwAyEApYiDKj/bZkuFEntYVsail1IgD015/skayTXkc8z+P8o=", "base64"),
    ),
  );
  const claims = "optional" as const;

  test("an empty path is accepted for index 0", async () => {
    const receipt = Receipt.decode(bytes);
    expect(receipt.kid).toBeUndefined();
    const verified = await VerifiedInclusion.verify(receipt, { entry, key, claims });
    expect(verified).toMatchObject({ size: 1, index: 0, root });
    expect(await rejection(VerifiedInclusion.verify(receipt, { entry, key }))).toBe(
      "RECEIPT_CLAIMS_MISSING",
    );
  });

  test.each([
    ["index 1 of 1", "83010180"],
    ["index 0 of 2", "83020080"],
    ["index 0 of 0", "83000080"],
  ])("and for no other place: %s", async (_name, proof) => {
    const receipt = withProofs(bytes, inclusions(fromHex(proof)));
    expect(await rejection(VerifiedInclusion.verify(receipt, { entry, key, claims }))).toBe(
      "RECEIPT_INCLUSION_INVALID",
    );
  });
});

/** Puts other proofs into a receipt, whose signature does not cover them. */
function withProofs(bytes: Uint8Array, unprotectedHeader: CborMap): Receipt {
  return Receipt.decode(encodeSign1({ ...Receipt.decode(bytes).message, unprotectedHeader }));
}

interface Expected {
  readonly leaf_entry: string;
  readonly leaf_index: number | null;
  readonly tree_size: number | null;
  readonly reconstructed_root: string | null;
}

const scittCose = sharedFolder("scitt-cose receipts", "vectors", "scitt-cose");

(scittCose === undefined ? describe.skip : describe)("scitt-cose receipts (TV8)", () => {
  const load = (name: string) => {
    const folder = join(scittCose ?? "", name);
    const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
    const bytes = file(folder, "receipt.cose");
    const key = PublicKey.fromPem(readFileSync(join(folder, "log-key.pub"), "utf8"));
    return { expected, bytes, key, entry: fromHex(expected.leaf_entry) };
  };
  const claims = "optional" as const;

  test("valid-es256 verifies, with claims optional", async () => {
    const { expected, bytes, key, entry } = load("valid-es256");
    const receipt = Receipt.decode(bytes);
    const verified = await VerifiedInclusion.verify(receipt, { entry, key, claims });
    expect(toHex(verified.root)).toBe(expected.reconstructed_root);
    expect(verified).toMatchObject({ size: expected.tree_size, index: expected.leaf_index });
    expect(await rejection(VerifiedInclusion.verify(receipt, { entry, key }))).toBe(
      "RECEIPT_CLAIMS_MISSING",
    );
  });

  test("§5.6: so it does at sizes 5 to 7, as nothing signs the size", async () => {
    const { bytes, key, entry } = load("valid-es256");
    const proof = decodeInclusionProof(proofOf(Receipt.decode(bytes)));
    for (const size of [5, 6, 7]) {
      const receipt = withProofs(bytes, inclusions({ ...proof, size }));
      expect((await VerifiedInclusion.verify(receipt, { entry, key, claims })).size).toBe(size);
    }
    const beyond = withProofs(bytes, inclusions({ ...proof, size: 9 }));
    expect(await rejection(VerifiedInclusion.verify(beyond, { entry, key, claims }))).toBe(
      "RECEIPT_INCLUSION_INVALID",
    );
  });

  test("fail-tampered-path folds to another root, which is not signed", async () => {
    const { bytes, key, entry } = load("fail-tampered-path");
    const receipt = Receipt.decode(bytes);
    expect(await rejection(VerifiedInclusion.verify(receipt, { entry, key, claims }))).toBe(
      "RECEIPT_SIGNATURE_INVALID",
    );
    const proof = decodeInclusionProof(proofOf(receipt));
    expect(toHex(rootFromInclusionPath(proof, leafHash(entry)))).toBe(
      "b539ba94681f4c244b7dd44d893da1f30ce2b364e32bfbc4baa8a93281efead8",
    );
  });

  test("fail-tampered-path holds once the flipped bits are put back", async () => {
    const { bytes, key, entry } = load("fail-tampered-path");
    const proof = decodeInclusionProof(proofOf(Receipt.decode(bytes)));
    const [first = entry, ...rest] = proof.path;
    const outcomes = await Promise.all(
      Array.from({ length: 256 }, async (_, value) => {
        const mended = Uint8Array.of((first[0] ?? 0) ^ value, ...first.subarray(1));
        const receipt = withProofs(bytes, inclusions({ ...proof, path: [mended, ...rest] }));
        const verified = VerifiedInclusion.verify(receipt, { entry, key, claims });
        return verified.then(
          () => true,
          () => false,
        );
      }),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
  });

  test("valid-ccf-vds2 verifies when vds 2 is asked for, and never as vds 1", async () => {
    const { expected, bytes, key, entry } = load("valid-ccf-vds2");
    const receipt = Receipt.decode(bytes);
    const verified = await VerifiedInclusion.verify(receipt, { entry, key, vds: 2 });
    expect(toHex(verified.root)).toBe(expected.reconstructed_root);
    expect(await rejection(VerifiedInclusion.verify(receipt, { entry, key }))).toBe(
      "RECEIPT_VDS_UNSUPPORTED",
    );
    const other = { entry: flipBit(entry, 0), key, vds: 2 };
    expect(await rejection(VerifiedInclusion.verify(receipt, other))).toBe(
      "RECEIPT_INCLUSION_INVALID",
    );
    expect(await verifySign1(receipt.message, key, { payload: verified.root })).toStrictEqual(
      verified.root,
    );
    const attached = encodeSign1({
      ...receipt.message,
      unprotectedHeader: new Map([[LABEL.vdp, new Map([[-1, receipt.proofs]])]]),
      payload: encodeCbor(verified.root),
    });
    const refused = VerifiedInclusion.verify(Receipt.decode(attached), { entry, key, vds: 2 });
    expect(await rejection(refused)).toBe("RECEIPT_PAYLOAD_MISMATCH");
  });
});
