import { LABEL } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { IssuerKeys } from "./issuers.js";
import { SignedStatement } from "./statement.js";
import { attachReceipts } from "./transparent.js";
import { VerifiedStatement } from "./verified.js";
import { ISSUER, VENDOR, fromHex, headerWith, signed } from "./testing/sample.js";

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

  test("IS3: replaces receipts and keeps the chain, and drops whatever else was unprotected", async () => {
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
    expect(again.message.unprotectedHeader).toStrictEqual(
      new Map<number, unknown>([
        [LABEL.x5chain, FIRST],
        [LABEL.receipts, [SECOND]],
      ]),
    );
    expect(again.entryId).toBe(statement.entryId);
  });

  test.each<[string, readonly Uint8Array[], Uint8Array | readonly Uint8Array[]]>([
    ["one certificate as a bare byte string", [FIRST], FIRST],
    ["several as an array", [FIRST, SECOND], [FIRST, SECOND]],
  ])("puts back a chain that was kept elsewhere: %s", (_name, chain, header) => {
    const again = SignedStatement.decode(attachReceipts(statement, [SECOND], { chain }));
    expect(again.message.unprotectedHeader.get(LABEL.x5chain)).toStrictEqual(header);
  });

  test("attaches no chain beside a protected one", async () => {
    const protectedHeader = headerWith([[LABEL.x5chain, FIRST]]);
    const unprotectedHeader = new Map<number | string, Uint8Array>();
    const given = SignedStatement.decode(await signed({ protectedHeader, unprotectedHeader }));
    const again = SignedStatement.decode(attachReceipts(given, [SECOND], { chain: [FIRST] }));
    expect([...again.message.unprotectedHeader.keys()]).toStrictEqual([LABEL.receipts]);
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
