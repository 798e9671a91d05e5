import { describe, expect, test } from "@jest/globals";
import { decodeSign1, encodeSign1 } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import fc from "fast-check";

import type { NoteSignature } from "./note.js";
import { NOTE_SIGNATURES_LABEL, noteSignaturesIn, withNoteSignatures } from "./receipt-header.js";
import { refusal } from "./testing/refusal.js";

const RECEIPT = encodeSign1({
  protectedBytes: Uint8Array.of(0xa1, 0x01, 0x26),
  unprotectedHeader: new Map([[396, new Map([[-1, [Uint8Array.of(1)]]])]]),
  payload: null,
  signature: new Uint8Array(64),
});

function signatureOf(name: string, length = 72): NoteSignature {
  return { name, keyId: 0xfffefdfc, signature: new Uint8Array(length).fill(7) };
}

function read(receipt: Uint8Array): readonly NoteSignature[] {
  return noteSignaturesIn(decodeSign1(receipt).unprotectedHeader);
}

describe("signatures of a note in a receipt", () => {
  test("come back as they were, and change nothing that is signed", () => {
    const line = fc.record({
      name: fc.stringMatching(/^[a-zäß./]{1,40}$/),
      keyId: fc.nat(0xffffffff),
      signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const carrying = withNoteSignatures(RECEIPT, lines);
        expect(read(carrying)).toEqual(lines);
        expect(withNoteSignatures(carrying, [])).toEqual(RECEIPT);
        const { protectedBytes, payload, signature } = decodeSign1(carrying);
        const { protectedBytes: own, signature: signed } = decodeSign1(RECEIPT);
        expect([protectedBytes, payload, signature]).toEqual([own, null, signed]);
      }),
      { numRuns: 50 },
    );
  });

  test("take the place of those that were there", () => {
    const first = withNoteSignatures(RECEIPT, [signatureOf("a")]);
    expect(read(withNoteSignatures(first, [signatureOf("b")]))).toEqual([signatureOf("b")]);
  });

  test("stay within what verifiers read, however many there are", () => {
    const many = Array.from({ length: 60 }, (_, at) => signatureOf(`w${String(at)}`, 2428));
    const carrying = withNoteSignatures(RECEIPT, many);
    expect(carrying.length).toBeLessThan(50_000);
    expect(read(carrying)).toEqual(many.slice(0, read(carrying).length));
    expect(read(carrying).length).toBeGreaterThanOrEqual(16);
  });

  test.each<[string, CborValue]>([
    ["no array", 1],
    ["an empty array", []],
    ["101 signatures", Array.from({ length: 101 }, () => ["a", new Uint8Array(5)])],
    ["text for a signature", ["— a aGVsbG8h"]],
    ["a name alone", [["a"]]],
    ["three parts", [["a", new Uint8Array(5), 1]]],
    ["a name that is none", [["a b", new Uint8Array(5)]]],
    ["an empty name", [["", new Uint8Array(5)]]],
    ["a number for a name", [[1, new Uint8Array(5)]]],
    ["no more than a key id", [["a", new Uint8Array(4)]]],
  ])("are refused as %s", (_name, value) => {
    expect(refusal(() => noteSignaturesIn(new Map([[NOTE_SIGNATURES_LABEL, value]])))).toBe(
      "TLOG_NOTE_MALFORMED",
    );
  });

  test("cannot be put into what is no message", () => {
    for (const bytes of [new Uint8Array(), Uint8Array.of(0xf6), new Uint8Array(70_000)]) {
      expect(refusal(() => withNoteSignatures(bytes, []))).toBe("TLOG_NOTE_MALFORMED");
    }
  });
});
