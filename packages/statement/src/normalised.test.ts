import { createHash } from "node:crypto";
import { LABEL, encodeCbor, type CborMap } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { encodeNormalised, entryOf, formatEntryId, parseEntryId } from "./normalised.js";
import { SignedStatement } from "./statement.js";
import { attachReceipts } from "./transparent.js";
import { VerifiedStatement } from "./verified.js";
import {
  ISSUER,
  PAYLOAD,
  VENDOR,
  byteString,
  fromHex,
  headerWith,
  signed,
} from "./testing/sample.js";
import { IssuerKeys } from "./issuers.js";

const bytes = await signed();
const plain = SignedStatement.decode(bytes);

/** N1, written out: tag 18, four elements, the unprotected header empty. */
function spliced(
  protectedBytes: Uint8Array,
  payload: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  return Uint8Array.of(
    ...[0xd2, 0x84, ...byteString(protectedBytes), 0xa0],
    ...[...byteString(payload), ...byteString(signature)],
  );
}

describe("the normalised statement", () => {
  test("N1, N3: is tag 18, four elements, empty unprotected header, shortest heads", () => {
    const { protectedBytes, signature } = plain.message;
    expect(plain.normalised).toStrictEqual(spliced(protectedBytes, PAYLOAD, signature));
    expect(plain.normalised).toStrictEqual(bytes);
  });

  test("N2: protected bytes are not encoded again, though their order is not deterministic", async () => {
    // {15: …, 4: …, 1: -8}, highest label first
    const kid = Buffer.from(VENDOR.publicKey.kid).toString("hex");
    const issuer = Buffer.from(ISSUER).toString("hex");
    const protectedBytes = fromHex(`a3 0f a2 02 6173 01 76${issuer} 04 5820${kid} 01 27`);
    const statement = SignedStatement.decode(await signed({ protectedBytes }));
    expect(statement.claims.issuer).toBe(ISSUER);
    expect(encodeCbor(statement.message.protectedHeader)).not.toStrictEqual(protectedBytes);
    const { signature } = statement.message;
    expect(statement.normalised).toStrictEqual(spliced(protectedBytes, PAYLOAD, signature));
    const again = SignedStatement.decode(attachReceipts(statement, [PAYLOAD]));
    expect(again.message.protectedBytes).toStrictEqual(protectedBytes);
    const keys = new IssuerKeys([{ iss: ISSUER, keys: [VENDOR.publicKey] }]);
    expect(VerifiedStatement.is(await VerifiedStatement.verify(again, keys))).toBe(true);
  });

  test("N4: a detached payload stays nil, which is another entry", async () => {
    const detached = SignedStatement.decode(await signed({ payload: null }));
    expect(detached.message.signature).toStrictEqual(plain.message.signature);
    expect(detached.entryId).not.toBe(plain.entryId);
    expect(detached.normalised.at(-67)).toBe(0xf6);
  });

  test.each<[string, CborMap]>([
    ["receipts", new Map([[LABEL.receipts, [Uint8Array.of(1)]]])],
    ["other receipts", new Map([[LABEL.receipts, [Uint8Array.of(2), Uint8Array.of(1)]]])],
    ["a certificate chain", new Map([[LABEL.x5chain, Uint8Array.of(0x30)]])],
    [
      "anything at all",
      new Map<number | string, string>([
        [-70_000, "x"],
        ["note", "y"],
      ]),
    ],
    ["much of it", new Map(Array.from({ length: 300 }, (_, i) => [1000 + i, PAYLOAD]))],
  ])("N7, N8, T22: is the same with %s in the unprotected header", async (_name, header) => {
    const statement = SignedStatement.decode(await signed({ unprotectedHeader: header }));
    expect(statement.normalised).toStrictEqual(plain.normalised);
    expect(statement.entryId).toBe(plain.entryId);
  });

  test("normalising twice changes nothing", () => {
    const again = SignedStatement.decode(plain.normalised);
    expect(encodeNormalised(again.message)).toStrictEqual(plain.normalised);
  });

  test("what the signature covers changes the entry", async () => {
    const ids = await Promise.all([
      signed(),
      signed({ payload: Uint8Array.of(1) }),
      signed({ protectedHeader: headerWith([[LABEL.contentType, "text/plain"]]) }),
    ]);
    expect(new Set(ids.map((id) => SignedStatement.decode(id).entryId)).size).toBe(3);
  });
});

describe("the entry", () => {
  test("N5: is the SHA-256 of the normalised statement, by node:crypto as well", () => {
    const { protectedBytes, signature } = plain.message;
    const hash = createHash("sha256").update(spliced(protectedBytes, PAYLOAD, signature));
    const hex = hash.digest("hex");
    expect(Buffer.from(plain.entry).toString("hex")).toBe(hex);
    expect(plain.entryId).toBe(hex);
    expect(entryOf(plain.normalised)).toStrictEqual(plain.entry);
  });

  test("the EntryID is read back", () => {
    expect(parseEntryId(plain.entryId)).toStrictEqual(plain.entry);
    const all = Uint8Array.from({ length: 32 }, (_, i) => i * 8 + 7);
    expect(parseEntryId(formatEntryId(all))).toStrictEqual(all);
  });

  test.each([
    ["upper case", "A".repeat(64)],
    ["63 digits", "a".repeat(63)],
    ["65 digits", "a".repeat(65)],
    ["a letter beyond f", `${"a".repeat(63)}g`],
    ["a sign", `+${"a".repeat(63)}`],
    ["a newline behind it", `${"a".repeat(64)}\n`],
    ["blanks around it", ` ${"a".repeat(62)} `],
    ["nothing", ""],
  ])("is no EntryID: %s", (_name, text) => {
    expect(parseEntryId(text)).toBeUndefined();
  });
});
