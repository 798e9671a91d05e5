import { LABEL } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { IssuerKeys } from "./issuers.js";
import { SignedStatement } from "./statement.js";
import { attachReceipts } from "./transparent.js";
import { VerifiedStatement } from "./verified.js";
import { ISSUER, VENDOR, fromHex, signed } from "./testing/sample.js";

const keys = new IssuerKeys([{ iss: ISSUER, keys: [VENDOR.publicKey] }]);
const statement = SignedStatement.decode(await signed());
const FIRST = fromHex("d2 84 40 a0 f6 40");
const SECOND = new Uint8Array(300).fill(7);

describe("attachReceipts", () => {
  test("puts byte strings under 394, in the order given, and changes nothing else", async () => {
    const bytes = attachReceipts(statement, [FIRST, SECOND]);
    const transparent = SignedStatement.decode(bytes);
    expect(transparent.receipts).toStrictEqual([FIRST, SECOND]);
    expect(transparent.message).toStrictEqual({
      ...statement.message,
      unprotectedHeader: new Map([[LABEL.receipts, [FIRST, SECOND]]]),
    });
    expect(transparent.entryId).toBe(statement.entryId);
    expect((await VerifiedStatement.verify(transparent, keys)).statement).toBe(transparent);
  });

  test("writes [+ bstr .cbor Receipt], not arrays inside", () => {
    const bytes = attachReceipts(statement, [FIRST]);
    const header = fromHex("a1 19018a 81 46 d2 84 40 a0 f6 40");
    expect(Buffer.from(bytes).includes(Buffer.from(header))).toBe(true);
  });

  test("replaces receipts and drops whatever else was unprotected", async () => {
    const given = SignedStatement.decode(
      await signed({
        unprotectedHeader: new Map<number | string, Uint8Array | Uint8Array[]>([
          [LABEL.receipts, [FIRST]],
          [LABEL.x5chain, FIRST],
          ["note", FIRST],
        ]),
      }),
    );
    const again = SignedStatement.decode(attachReceipts(given, [SECOND]));
    expect([...again.message.unprotectedHeader.keys()]).toStrictEqual([LABEL.receipts]);
    expect(again.receipts).toStrictEqual([SECOND]);
    expect(again.entryId).toBe(statement.entryId);
  });

  test("keeps a detached payload detached", async () => {
    const detached = SignedStatement.decode(await signed({ payload: null }));
    const again = SignedStatement.decode(attachReceipts(detached, [FIRST]));
    expect(again.payload).toBeNull();
    expect(again.entryId).toBe(detached.entryId);
  });

  test("wants a receipt", () => {
    expect(() => attachReceipts(statement, [])).toThrow(TypeError);
  });
});
