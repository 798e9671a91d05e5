import { CLAIM, LABEL, encodeCbor } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { StatementError, type StatementErrorCode } from "./error.js";
import { MAX_STATEMENT_BYTES, SignedStatement } from "./statement.js";
import { refusal } from "./testing/refusal.js";
import {
  CLAIMS,
  GOOD_HEADER,
  ISSUER,
  PAYLOAD,
  SUBJECT,
  VENDOR,
  assembled,
  headerWith,
  unsigned,
} from "./testing/sample.js";

const receipts = [Uint8Array.of(0xd2), Uint8Array.of(1, 2)];

describe("a good statement", () => {
  test("is decoded with all that it says", () => {
    const claims = new Map([...CLAIMS, [CLAIM.iat, 1_700_000_000], [CLAIM.cti, "x"]]);
    const statement = SignedStatement.decode(
      unsigned({
        protectedHeader: headerWith([[LABEL.cwtClaims, claims]]),
        unprotectedHeader: new Map([[LABEL.receipts, receipts]]),
      }),
    );
    expect(statement.algorithm.name).toBe("EdDSA");
    expect(statement.claims).toStrictEqual({
      issuer: ISSUER,
      subject: SUBJECT,
      issuedAt: 1_700_000_000,
      all: claims,
    });
    expect(statement.kid).toStrictEqual(VENDOR.publicKey.thumbprint());
    expect(statement.contentType).toBe("application/json");
    expect(statement.hashEnvelope).toBeUndefined();
    expect(statement.payload).toStrictEqual(PAYLOAD);
    expect(statement.receipts).toStrictEqual(receipts);
    expect(statement.entryId).toBe(Buffer.from(statement.entry).toString("hex"));
  });

  test.each([
    ["the raw bytes of the refusals below", assembled({})],
    ["a content format for a type", unsigned({ protectedHeader: headerWith([[3, 50]]) })],
    ["no content type", unsigned({ protectedHeader: headerWith([], [3]) })],
    ["a protected typ", unsigned({ protectedHeader: headerWith([[LABEL.typ, "a/b"]]) })],
    ["text labels", unsigned({ protectedHeader: headerWith([["vendor", 1]]) })],
    ["a key named by x5t", unsigned({ protectedHeader: headerWith([[34, [-16, PAYLOAD]]], [4]) })],
    ["a key named by x5chain", unsigned({ protectedHeader: headerWith([[33, PAYLOAD]], [4]) })],
    ["an unprotected x5chain", unsigned({ unprotectedHeader: new Map([[33, PAYLOAD]]) })],
    ["a detached payload, for verification to refuse", unsigned({ payload: null })],
    ["an empty payload", unsigned({ payload: new Uint8Array() })],
    ["critical labels that are understood", crit([1, 3, 4, 15])],
    ["64 receipts", withReceipts(Array.from({ length: 64 }, () => PAYLOAD))],
  ])("may have %s", (_name, bytes) => {
    expect(SignedStatement.is(SignedStatement.decode(bytes))).toBe(true);
  });

  test("keeps nothing of the input", () => {
    const bytes = unsigned();
    const statement = SignedStatement.decode(bytes);
    const before = encodeCbor([statement.normalised, statement.payload, statement.entry]);
    bytes.fill(0);
    expect(encodeCbor([statement.normalised, statement.payload, statement.entry])).toStrictEqual(
      before,
    );
    expect(Object.isFrozen(statement)).toBe(true);
  });
});

function crit(labels: readonly (number | string)[]): Uint8Array {
  return unsigned({ protectedHeader: headerWith([[LABEL.crit, labels]]) });
}

function withReceipts(value: unknown): Uint8Array {
  return unsigned({ unprotectedHeader: new Map([[LABEL.receipts, value as Uint8Array[]]]) });
}

type Row = readonly [name: string, bytes: Uint8Array, code: StatementErrorCode];

const kid = VENDOR.publicKey.kid;

const SHAPE: readonly Row[] = [
  ["no bytes", new Uint8Array(), "STATEMENT_MALFORMED"],
  ["no tag", assembled({ tag: "" }), "STATEMENT_MALFORMED"],
  ["the tag of COSE_Sign", assembled({ tag: "d862" }), "STATEMENT_MALFORMED"],
  ["the tag of COSE_Mac0", assembled({ tag: "d1" }), "STATEMENT_MALFORMED"],
  ["the tag twice", assembled({ tag: "d2d2" }), "STATEMENT_MALFORMED"],
  ["the tag in two bytes", assembled({ tag: "d812" }), "STATEMENT_MALFORMED"],
  ["an array of five", assembled({ head: "85", signature: "417300" }), "STATEMENT_MALFORMED"],
  ["an array of three", assembled({ head: "83", signature: "" }), "STATEMENT_MALFORMED"],
  [
    "an array of indefinite length",
    assembled({ head: "9f", signature: "4173ff" }),
    "STATEMENT_MALFORMED",
  ],
  ["an array head in two bytes", assembled({ head: "9804" }), "STATEMENT_MALFORMED"],
  ["a byte behind it", assembled({ signature: "417300" }), "STATEMENT_MALFORMED"],
  [
    "an unprotected header that is no map",
    assembled({ unprotectedHeader: "80" }),
    "STATEMENT_MALFORMED",
  ],
  ["a payload of text", assembled({ payload: "6170" }), "STATEMENT_MALFORMED"],
  ["a payload in chunks", assembled({ payload: "5f4170ff" }), "STATEMENT_MALFORMED"],
  ["a signature of nil", assembled({ signature: "f6" }), "STATEMENT_MALFORMED"],
];

const HEADER: readonly Row[] = [
  ["a protected header of rubbish", assembled({ protectedHeader: "ff" }), "STATEMENT_MALFORMED"],
  ["an array for a protected header", assembled({ protectedHeader: "80" }), "STATEMENT_MALFORMED"],
  [
    "a protected header with a byte behind it",
    assembled({ protectedHeader: `${GOOD_HEADER}00` }),
    "STATEMENT_MALFORMED",
  ],
  [
    "a protected header of indefinite length",
    assembled({ protectedHeader: "bf 01 27 04 416b 0f a2 01 6169 02 6173 ff" }),
    "STATEMENT_MALFORMED",
  ],
  [
    "a protected label twice",
    assembled({ protectedHeader: "a4 01 27 04 416b 04 416c 0f a2 01 6169 02 6173" }),
    "STATEMENT_MALFORMED",
  ],
  [
    "a protected label twice, once in two bytes",
    assembled({ protectedHeader: "a4 01 27 04 416b 1804 416c 0f a2 01 6169 02 6173" }),
    "STATEMENT_MALFORMED",
  ],
  [
    "a claim twice",
    assembled({ protectedHeader: "a3 01 27 04 416b 0f a3 01 6169 01 616a 02 6173" }),
    "STATEMENT_MALFORMED",
  ],
  [
    "an unprotected label twice",
    assembled({ unprotectedHeader: "a2 1863 01 1863 02" }),
    "STATEMENT_MALFORMED",
  ],
  [
    "one label in both headers",
    unsigned({ unprotectedHeader: new Map([[LABEL.kid, kid]]) }),
    "STATEMENT_MALFORMED",
  ],
  [
    "nesting too deep",
    assembled({ unprotectedHeader: `a1 1863 ${"81".repeat(20)}00` }),
    "STATEMENT_MALFORMED",
  ],
  [
    "nesting too deep in the protected header",
    assembled({
      protectedHeader: `a4 01 27 04 416b 0f a2 01 6169 02 6173 1863 ${"81".repeat(20)}00`,
    }),
    "STATEMENT_MALFORMED",
  ],
  ["an empty protected header", assembled({ protectedHeader: "" }), "STATEMENT_ALG_UNSUPPORTED"],
  ["no alg", unsigned({ protectedHeader: headerWith([], [1]) }), "STATEMENT_ALG_UNSUPPORTED"],
  [
    "alg unprotected only",
    unsigned({
      protectedHeader: headerWith([], [1]),
      unprotectedHeader: new Map([[LABEL.alg, -8]]),
    }),
    "STATEMENT_ALG_UNSUPPORTED",
  ],
  [
    "alg as text",
    unsigned({ protectedHeader: headerWith([[1, "EdDSA"]]) }),
    "STATEMENT_ALG_UNSUPPORTED",
  ],
  ["alg of HMAC", unsigned({ protectedHeader: headerWith([[1, 5]]) }), "STATEMENT_ALG_UNSUPPORTED"],
  ["alg of nil", unsigned({ protectedHeader: headerWith([[1, null]]) }), "STATEMENT_MALFORMED"],
  ["no kid", unsigned({ protectedHeader: headerWith([], [4]) }), "STATEMENT_KEY_ID_MISSING"],
  [
    "kid unprotected only",
    unsigned({
      protectedHeader: headerWith([], [4]),
      unprotectedHeader: new Map([[LABEL.kid, kid]]),
    }),
    "STATEMENT_KEY_ID_MISSING",
  ],
  [
    "x5chain unprotected only",
    unsigned({
      protectedHeader: headerWith([], [4]),
      unprotectedHeader: new Map([[LABEL.x5chain, PAYLOAD]]),
    }),
    "STATEMENT_KEY_ID_MISSING",
  ],
  [
    "an empty kid",
    unsigned({ protectedHeader: headerWith([[4, new Uint8Array()]]) }),
    "STATEMENT_MALFORMED",
  ],
  ["kid as text", unsigned({ protectedHeader: headerWith([[4, "kid"]]) }), "STATEMENT_MALFORMED"],
  [
    "typ unprotected",
    unsigned({ unprotectedHeader: new Map([[LABEL.typ, "application/json"]]) }),
    "STATEMENT_MALFORMED",
  ],
  [
    "content type of nil",
    unsigned({ protectedHeader: headerWith([[3, null]]) }),
    "STATEMENT_MALFORMED",
  ],
  [
    "content type below zero",
    unsigned({ protectedHeader: headerWith([[3, -1]]) }),
    "STATEMENT_MALFORMED",
  ],
];

const CRIT: readonly Row[] = [
  ["an unknown critical label", critOf([99], [[99, 1]]), "STATEMENT_CRIT_UNKNOWN"],
  ["a critical label of text", critOf(["vendor"], [["vendor", 1]]), "STATEMENT_CRIT_UNKNOWN"],
  [
    "a bag of certificates that is critical",
    critOf([32], [[32, PAYLOAD]]),
    "STATEMENT_CRIT_UNKNOWN",
  ],
  ["a known and an unknown one", critOf([15, 99], [[99, 1]]), "STATEMENT_CRIT_UNKNOWN"],
  ["a critical label that is not there", critOf([99], []), "STATEMENT_MALFORMED"],
  ["an empty crit", critOf([], []), "STATEMENT_MALFORMED"],
  ["a crit that is no array", critOf(15, []), "STATEMENT_MALFORMED"],
  [
    "crit unprotected",
    unsigned({ unprotectedHeader: new Map([[LABEL.crit, [15]]]) }),
    "STATEMENT_MALFORMED",
  ],
];

function critOf(
  crit: number | readonly (number | string)[],
  entries: readonly (readonly [number | string, number | Uint8Array])[],
): Uint8Array {
  return unsigned({ protectedHeader: headerWith([[LABEL.crit, crit], ...entries]) });
}

const RECEIPTS: readonly Row[] = [
  ["no array", withReceipts(PAYLOAD), "STATEMENT_RECEIPTS_MALFORMED"],
  ["an empty array", withReceipts([]), "STATEMENT_RECEIPTS_MALFORMED"],
  ["undefined", withReceipts(undefined), "STATEMENT_RECEIPTS_MALFORMED"],
  ["a map", withReceipts(new Map([[0, PAYLOAD]])), "STATEMENT_RECEIPTS_MALFORMED"],
  [
    "receipts inline",
    withReceipts([[PAYLOAD, new Map(), null, PAYLOAD]]),
    "STATEMENT_RECEIPTS_MALFORMED",
  ],
  ["one that is text", withReceipts([PAYLOAD, "receipt"]), "STATEMENT_RECEIPTS_MALFORMED"],
  [
    "65 receipts",
    withReceipts(Array.from({ length: 65 }, () => PAYLOAD)),
    "STATEMENT_RECEIPTS_MALFORMED",
  ],
  [
    "receipts that are protected",
    unsigned({ protectedHeader: headerWith([[LABEL.receipts, receipts]]) }),
    "STATEMENT_RECEIPTS_MALFORMED",
  ],
];

describe.each([
  ["shape", SHAPE],
  ["header", HEADER],
  ["crit", CRIT],
  ["receipts", RECEIPTS],
])("refused for its %s", (_what, rows) => {
  test.each(rows)("%s", (_name, bytes, code) => {
    expect(refusal(() => SignedStatement.decode(bytes))).toBe(code);
  });
});

describe("bytes", () => {
  test("every truncation is refused", () => {
    const bytes = unsigned({ unprotectedHeader: new Map([[LABEL.receipts, receipts]]) });
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(() => SignedStatement.decode(bytes.subarray(0, length)))).toBe(
        "STATEMENT_MALFORMED",
      );
    }
  });

  test("the limit is on the whole, and is the caller's to set", () => {
    const bytes = unsigned();
    const { length } = bytes;
    expect(SignedStatement.decode(bytes, { maxBytes: length }).payload).toStrictEqual(PAYLOAD);
    expect(refusal(() => SignedStatement.decode(bytes, { maxBytes: length - 1 }))).toBe(
      "STATEMENT_TOO_LARGE",
    );
    const oversized = new Uint8Array(MAX_STATEMENT_BYTES + 1);
    expect(refusal(() => SignedStatement.decode(oversized))).toBe("STATEMENT_TOO_LARGE");
  });

  test("a refusal of the layer below is its cause, and no foreign text is in the message", () => {
    try {
      SignedStatement.decode(assembled({ protectedHeader: "a1 01 6765 76696c2e2e2e" }));
      throw new Error("was not refused");
    } catch (error) {
      expect(error).toBeInstanceOf(StatementError);
      expect(error).toMatchObject({ name: "StatementError", cause: { name: "CoseError" } });
      expect(String(error)).not.toMatch(/evil/);
    }
  });
});
