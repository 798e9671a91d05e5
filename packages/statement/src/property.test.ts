import { HASH_ALGORITHMS, LABEL } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { StatementError } from "./error.js";
import { IssuerKeys } from "./issuers.js";
import { signHashEnvelope, signStatement } from "./sign.js";
import { SignedStatement } from "./statement.js";
import { attachReceipts, verifyArtifact } from "./transparent.js";
import { VerifiedStatement } from "./verified.js";
import { flipBit } from "./testing/refusal.js";
import { ISSUER, VENDOR, assembled, signed } from "./testing/sample.js";

const keys = new IssuerKeys([{ iss: ISSUER, keys: [VENDOR.publicKey] }]);
// What CBOR text cannot hold here: a lone surrogate, or a byte order mark in front.
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((value) => !/\p{Surrogate}|^\ufeff/u.test(value));
const claims = fc.record({
  issuer: fc.constant(ISSUER),
  subject: text,
  issuedAt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
});
const bytes = fc.uint8Array({ maxLength: 600 });

/** Decodes, and fails the test on anything but a value or this package's error. */
function decodeOrRefuse(input: Uint8Array): SignedStatement | undefined {
  try {
    return SignedStatement.decode(input);
  } catch (error) {
    expect(error).toBeInstanceOf(StatementError);
    return undefined;
  }
}

describe("round trip", () => {
  test("what is signed decodes, verifies and vouches for its payload", async () => {
    await fc.assert(
      fc.asyncProperty(claims, bytes, text, async (claim, payload, contentType) => {
        const encoded = await signStatement({ ...claim, payload, contentType }, VENDOR);
        const statement = SignedStatement.decode(encoded);
        await VerifiedStatement.verify(statement, keys);
        expect(statement.claims).toMatchObject(claim);
        expect(statement.contentType).toBe(contentType);
        expect(statement.normalised).toStrictEqual(encoded);
        expect(verifyArtifact(statement, payload)).toBe(payload);
      }),
    );
  });

  test("so does a hash envelope, for its preimage", async () => {
    const hash = fc.constantFrom(...HASH_ALGORITHMS.map(({ name }) => name));
    await fc.assert(
      fc.asyncProperty(claims, hash, bytes, async (claim, name, preimage) => {
        const encoded = await signHashEnvelope({ ...claim, hash: name, preimage }, VENDOR);
        const statement = SignedStatement.decode(encoded);
        await VerifiedStatement.verify(statement, keys);
        expect(verifyArtifact(statement, preimage)).toBe(preimage);
      }),
    );
  });

  test("receipts of any bytes come and go without a trace in the entry", async () => {
    const statement = SignedStatement.decode(await signed());
    const receipts = fc.array(bytes, { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(receipts, (given) => {
        const transparent = SignedStatement.decode(attachReceipts(statement, given));
        expect(transparent.receipts).toStrictEqual(given);
        expect(transparent.normalised).toStrictEqual(statement.normalised);
      }),
    );
  });
});

describe("any bytes", () => {
  test("give a value or this package's error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (input) => void decodeOrRefuse(input)),
      {
        numRuns: 2000,
      },
    );
  });

  test("behind a good start give a value or this package's error", () => {
    const start = assembled({});
    const cut = fc.nat({ max: start.length });
    fc.assert(
      fc.property(cut, fc.uint8Array({ maxLength: 40 }), (length, rest) => {
        decodeOrRefuse(Uint8Array.of(...start.subarray(0, length), ...rest));
      }),
      { numRuns: 2000 },
    );
  });

  test("in the place of good ones give another entry or a refusal, never the same entry", async () => {
    const good = await signed();
    const { entryId } = SignedStatement.decode(good);
    const at = fc.nat({ max: good.length - 1 });
    fc.assert(
      fc.property(at, fc.uint8Array({ minLength: 1, maxLength: 6 }), (offset, splice) => {
        const changed = Uint8Array.of(
          ...good.subarray(0, offset),
          ...splice,
          ...good.subarray(offset + splice.length),
        );
        const isSame = Buffer.from(changed).equals(Buffer.from(good));
        const statement = decodeOrRefuse(changed);
        expect(statement?.entryId === entryId).toBe(isSame);
      }),
      { numRuns: 2000 },
    );
  });
});

test("one flipped bit anywhere in a statement is refused, at decode or at verify", async () => {
  const good = await signed();
  for (let bit = 0; bit < good.length * 8; bit++) {
    const statement = decodeOrRefuse(flipBit(good, bit));
    if (statement === undefined) continue;
    await expect(VerifiedStatement.verify(statement, keys)).rejects.toThrow(StatementError);
  }
});

test("one flipped bit in an unprotected header changes no verdict and no entry", async () => {
  const header = new Map([[LABEL.receipts, [new Uint8Array(40)]]]);
  const [plain, good] = [await signed(), await signed({ unprotectedHeader: header })];
  const { entryId } = SignedStatement.decode(plain);
  // The header stands between the protected bytes and the payload; only its receipt is flipped.
  const receipt = Buffer.from(good).indexOf(Buffer.alloc(40));
  for (let bit = receipt * 8; bit < (receipt + 40) * 8; bit++) {
    const statement = SignedStatement.decode(flipBit(good, bit));
    expect(statement.entryId).toBe(entryId);
    expect(VerifiedStatement.is(await VerifiedStatement.verify(statement, keys))).toBe(true);
  }
});
