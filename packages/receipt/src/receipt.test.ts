import { CLAIM, LABEL, encodeCbor, type CborValue } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { ReceiptError, type ReceiptErrorCode } from "./error.js";
import { Receipt } from "./receipt.js";
import { fromHex, refusal } from "./testing/refusal.js";
import {
  CLAIMS,
  SERVICE,
  headerWith,
  inclusions,
  sizeEntry,
  unsigned,
  vdp,
  type Entry,
} from "./testing/sample.js";
import { inclusionProof } from "./testing/tree.js";

const unprotectedHeader = inclusions(inclusionProof(1, 4));
const PROOF = encodeCbor([4, 1, inclusionProof(1, 4).path]);

function withHeader(set: readonly Entry[], leftOut: readonly (number | string)[] = []): Uint8Array {
  return unsigned({ protectedHeader: headerWith(set, leftOut), unprotectedHeader });
}

function withVdp(value: CborValue): Uint8Array {
  return unsigned({ unprotectedHeader: new Map([[LABEL.vdp, value]]) });
}

function withClaim(claim: number, value: CborValue): Uint8Array {
  return withHeader([[LABEL.cwtClaims, new Map([...CLAIMS, [claim, value]])]]);
}

describe("a receipt is decoded", () => {
  test.each<[string, Uint8Array, Partial<Receipt>]>([
    ["bare", withHeader([], [4, 15]), { kid: undefined, issuer: undefined, subject: undefined }],
    [
      "with text for a kid's bytes",
      withHeader([[4, fromHex("6b6964")]]),
      { kid: fromHex("6b6964") },
    ],
    ["without a signed size", withHeader([]), { signedSize: undefined }],
    ["with a signed size", withHeader([sizeEntry(2 ** 53 - 1)]), { signedSize: 2 ** 53 - 1 }],
    ["of vds 2", withHeader([[LABEL.vds, 2]]), { vds: 2 }],
    [
      "with labels that are not known",
      withHeader([
        ["ccf.v1", new Map()],
        [-9, 1],
      ]),
      { vds: 1 },
    ],
    [
      "with several proofs",
      unsigned({ unprotectedHeader: vdp([[-1, [PROOF, PROOF]]]) }),
      { proofs: [PROOF, PROOF] },
    ],
    [
      "of consistency",
      unsigned({ unprotectedHeader: vdp([[-2, [PROOF]]]) }),
      { kind: "consistency" },
    ],
    [
      "with rubbish for a proof, which is for the fold",
      withVdp(new Map([[-1, [fromHex("ff")]]])),
      { kind: "inclusion" },
    ],
    ["with a payload", unsigned({ unprotectedHeader, payload: PROOF }), { kind: "inclusion" }],
    [
      "without a time",
      withHeader([
        [
          15,
          new Map([
            [1, "a"],
            [2, "b"],
          ]),
        ],
      ]),
      { issuedAt: undefined },
    ],
  ])("%s", (_name, bytes, want) => {
    const receipt = Receipt.decode(bytes);
    expect(receipt).toMatchObject(want);
    expect(Object.isFrozen(receipt)).toBe(true);
  });

  test("and keeps nothing of the input", () => {
    const bytes = withHeader([]);
    const receipt = Receipt.decode(bytes);
    bytes.fill(0);
    expect(receipt.proofs).toStrictEqual([PROOF]);
    expect(receipt.kid).toStrictEqual(SERVICE.publicKey.thumbprint());
  });
});

type Row = readonly [name: string, bytes: Uint8Array, code: ReceiptErrorCode];

const good = withHeader([]);

const SHAPE: readonly Row[] = [
  ["no bytes", new Uint8Array(), "RECEIPT_MALFORMED"],
  ["R3: no tag", good.subarray(1), "RECEIPT_MALFORMED"],
  ["R3: another tag", Uint8Array.of(0xd1, ...good.subarray(1)), "RECEIPT_MALFORMED"],
  ["R3: the tag twice", Uint8Array.of(0xd2, ...good), "RECEIPT_MALFORMED"],
  ["a byte behind it", Uint8Array.of(...good, 0), "RECEIPT_MALFORMED"],
  ["a receipt inside a byte string", encodeCbor(good), "RECEIPT_MALFORMED"],
  [
    "more than 64 KiB",
    unsigned({ unprotectedHeader: new Map([...unprotectedHeader, [99, new Uint8Array(65_536)]]) }),
    "RECEIPT_MALFORMED",
  ],
  ["a label in both headers", withHeader([[LABEL.vdp, new Map()]]), "RECEIPT_MALFORMED"],
];

const HEADER: readonly Row[] = [
  ["R7: no alg", withHeader([], [1]), "RECEIPT_ALG_UNSUPPORTED"],
  [
    "R7: alg unprotected",
    unsigned({
      protectedHeader: headerWith([], [1]),
      unprotectedHeader: new Map([...unprotectedHeader, [LABEL.alg, -7]]),
    }),
    "RECEIPT_ALG_UNSUPPORTED",
  ],
  ["an alg that is not supported", withHeader([[1, -46]]), "RECEIPT_ALG_UNSUPPORTED"],
  ["R8: no vds", withHeader([], [LABEL.vds]), "RECEIPT_VDS_UNSUPPORTED"],
  [
    "R8: vds unprotected",
    unsigned({
      protectedHeader: headerWith([], [LABEL.vds]),
      unprotectedHeader: new Map([...unprotectedHeader, [LABEL.vds, 1]]),
    }),
    "RECEIPT_VDS_UNSUPPORTED",
  ],
  ["R2: vds 0, which is reserved", withHeader([[LABEL.vds, 0]]), "RECEIPT_VDS_UNSUPPORTED"],
  ["R2: vds 3", withHeader([[LABEL.vds, 3]]), "RECEIPT_VDS_UNSUPPORTED"],
  ["vds as text", withHeader([[LABEL.vds, "1"]]), "RECEIPT_VDS_UNSUPPORTED"],
  ["vds of undefined", withHeader([[LABEL.vds, undefined]]), "RECEIPT_VDS_UNSUPPORTED"],
  ["kid as text", withHeader([[LABEL.kid, "kid"]]), "RECEIPT_MALFORMED"],
  ["claims that are no map", withHeader([[LABEL.cwtClaims, "claims"]]), "RECEIPT_MALFORMED"],
  ["iss as bytes", withClaim(CLAIM.iss, PROOF), "RECEIPT_MALFORMED"],
  ["sub as a number", withClaim(CLAIM.sub, 1), "RECEIPT_MALFORMED"],
  ["iat as text", withClaim(CLAIM.iat, "2026-11-25"), "RECEIPT_MALFORMED"],
  ["iat below zero", withClaim(CLAIM.iat, -1), "RECEIPT_MALFORMED"],
  ["iat beyond 2^53", withClaim(CLAIM.iat, 2n ** 60n), "RECEIPT_MALFORMED"],
];

const SIGNED_SIZE: readonly Row[] = [
  ["no map", withHeader([["tallystick", 4]]), "RECEIPT_MALFORMED"],
  ["undefined", withHeader([["tallystick", undefined]]), "RECEIPT_MALFORMED"],
  ["an empty map", withHeader([["tallystick", new Map()]]), "RECEIPT_MALFORMED"],
  ["zero", withHeader([sizeEntry(0)]), "RECEIPT_MALFORMED"],
  ["below zero", withHeader([sizeEntry(-4)]), "RECEIPT_MALFORMED"],
  ["text", withHeader([sizeEntry("4")]), "RECEIPT_MALFORMED"],
  ["2^53", withHeader([sizeEntry(2n ** 53n)]), "RECEIPT_MALFORMED"],
];

const PROOFS: readonly Row[] = [
  ["R9: no vdp", unsigned({ unprotectedHeader: new Map() }), "RECEIPT_PROOF_MISSING"],
  [
    "R9: vdp protected",
    unsigned({
      protectedHeader: headerWith([[LABEL.vdp, new Map([[-1, [PROOF]]])]]),
      unprotectedHeader: new Map(),
    }),
    "RECEIPT_PROOF_MISSING",
  ],
  ["a vdp that is no map", withVdp([PROOF]), "RECEIPT_PROOF_MISSING"],
  ["an empty vdp", withVdp(new Map()), "RECEIPT_PROOF_MISSING"],
  ["R2: an unknown kind of proof", withVdp(new Map([[-3, [PROOF]]])), "RECEIPT_PROOF_MISSING"],
  ["a kind under its name", withVdp(new Map([["-1", [PROOF]]])), "RECEIPT_PROOF_MISSING"],
  [
    "D3: both kinds",
    withVdp(
      new Map([
        [-1, [PROOF]],
        [-2, [PROOF]],
      ]),
    ),
    "RECEIPT_MALFORMED",
  ],
  [
    "D3: a key that is not known beside one that is",
    withVdp(
      new Map([
        [-1, [PROOF]],
        [7, [PROOF]],
      ]),
    ),
    "RECEIPT_MALFORMED",
  ],
  ["R10: proofs that are no array", withVdp(new Map([[-1, PROOF]])), "RECEIPT_MALFORMED"],
  ["R10: no proof", withVdp(new Map([[-1, []]])), "RECEIPT_MALFORMED"],
  ["R10: a proof inline", withVdp(new Map([[-1, [[4, 1, []]]]])), "RECEIPT_MALFORMED"],
  ["R14: a proof of nil", withVdp(new Map([[-2, [null]]])), "RECEIPT_MALFORMED"],
  ["R14: a good proof and a bad one", withVdp(new Map([[-2, [PROOF, "x"]]])), "RECEIPT_MALFORMED"],
];

describe.each([
  ["shape", SHAPE],
  ["header", HEADER],
  ["signed size", SIGNED_SIZE],
  ["proofs", PROOFS],
])("refused for its %s", (_what, rows) => {
  test.each(rows)("%s", (_name, bytes, code) => {
    expect(refusal(() => Receipt.decode(bytes))).toBe(code);
  });
});

test("every truncation is refused", () => {
  for (let length = 0; length < good.length; length++) {
    expect(refusal(() => Receipt.decode(good.subarray(0, length)))).toBe("RECEIPT_MALFORMED");
  }
});

test("a refusal of the layer below is its cause", () => {
  expect(() => Receipt.decode(good.subarray(1))).toThrow(ReceiptError);
  try {
    Receipt.decode(good.subarray(1));
  } catch (error) {
    expect(error).toMatchObject({ name: "ReceiptError", cause: { code: "COSE_TAG" } });
  }
});
