import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { decodeHex, encodeHex } from "./hex.js";
import { decodeSign1, encodeSign1, encodeSigStructure } from "./sign1.js";
import { refusal } from "./testing/refusal.js";
import type { CborMap, CborValue } from "./value.js";

const codeOf = (hex: string): string => refusal(() => decodeSign1(decodeHex(hex)));

/** A message with these headers, the protected one as given or encoded. */
function message(protectedHeader: Uint8Array | CborMap, unprotectedHeader: CborMap): Uint8Array {
  const isBytes = protectedHeader instanceof Uint8Array;
  return encodeSign1({
    protectedBytes: isBytes ? protectedHeader : encodeCbor(protectedHeader),
    unprotectedHeader,
    payload: Uint8Array.of(1),
    signature: Uint8Array.of(2),
  });
}

describe("decodeSign1", () => {
  test("yields the parts", () => {
    const decoded = decodeSign1(decodeHex("d28443a10126a1044111430102034211ff"));
    expect(decoded.protectedBytes).toEqual(decodeHex("a10126"));
    expect(decoded.protectedHeader).toEqual(new Map([[1, -7]]));
    expect(decoded.unprotectedHeader).toEqual(new Map([[4, Uint8Array.of(0x11)]]));
    expect(decoded.payload).toEqual(Uint8Array.of(1, 2, 3));
    expect(decoded.signature).toEqual(Uint8Array.of(0x11, 0xff));
  });

  test("a detached payload is null, an empty one is not", () => {
    expect(decodeSign1(decodeHex("d28443a10126a0f640")).payload).toBeNull();
    expect(decodeSign1(decodeHex("d28443a10126a04040")).payload).toEqual(new Uint8Array(0));
  });

  test("both forms of an empty protected header are taken", () => {
    expect(decodeSign1(decodeHex("d28440a0f640")).protectedHeader.size).toBe(0);
    expect(decodeSign1(decodeHex("d28441a0a0f640")).protectedHeader.size).toBe(0);
  });

  test("the parts do not share memory with the input", () => {
    const bytes = decodeHex("d28443a10126a1044111430102034211ff");
    const decoded = decodeSign1(bytes);
    bytes.fill(0);
    expect(encodeSign1(decoded)).toEqual(decodeHex("d28443a10126a1044111430102034211ff"));
  });

  test.each([
    ["nothing", "", "COSE_CBOR_MALFORMED"],
    ["no tag", "8443a10126a04040", "COSE_TAG"],
    ["tag 98, COSE_Sign", "d8628443a10126a04040", "COSE_TAG"],
    ["tag 17, COSE_Mac0", "d18443a10126a04040", "COSE_TAG"],
    ["tag 61 around it", "d83dd28443a10126a04040", "COSE_TAG"],
    ["tag 18 in two bytes", "d8128443a10126a04040", "COSE_CBOR_NOT_SHORTEST"],
    ["tag 18 twice", "d2d28443a10126a04040", "COSE_CBOR_UNSUPPORTED"],
    ["a tag without content", "d2", "COSE_CBOR_MALFORMED"],
    ["a byte after the end", "d28443a10126a0404000", "COSE_CBOR_MALFORMED"],
    ["a truncated signature", "d28443a10126a04041", "COSE_CBOR_MALFORMED"],
    ["an indefinite array", "d29f43a10126a04040ff", "COSE_CBOR_INDEFINITE"],
    ["an array head that is too long", "d2980443a10126a04040", "COSE_CBOR_NOT_SHORTEST"],
    ["three elements", "d28343a10126a040", "COSE_MALFORMED"],
    ["five elements", "d28543a10126a0404040", "COSE_MALFORMED"],
    ["a map", "d2a10140", "COSE_MALFORMED"],
    ["a protected header that is no byte string", "d284a10126a04040", "COSE_MALFORMED"],
    ["an unprotected header that is no map", "d28443a10126804040", "COSE_MALFORMED"],
    ["an unprotected header in a byte string", "d28443a1012641a04040", "COSE_MALFORMED"],
    ["a text payload", "d28443a10126a06040", "COSE_MALFORMED"],
    ["an undefined payload", "d28443a10126a0f740", "COSE_MALFORMED"],
    ["a nil signature", "d28443a10126a040f6", "COSE_MALFORMED"],
    ["a protected header that is an array", "d2844180a04040", "COSE_MALFORMED"],
    ["bytes after the protected map", "d28444a1012600a04040", "COSE_CBOR_MALFORMED"],
    ["a protected duplicate", "d28445a201260126a04040", "COSE_CBOR_DUPLICATE_KEY"],
    [
      "a protected duplicate in another width",
      "d28446a20126180126a04040",
      "COSE_CBOR_NOT_SHORTEST",
    ],
    ["a protected indefinite map", "d28444bf0126ffa04040", "COSE_CBOR_INDEFINITE"],
    ["a protected integer that is too long", "d28444a1013806a04040", "COSE_CBOR_NOT_SHORTEST"],
    ["an unprotected duplicate", "d28443a10126a2044004404040", "COSE_CBOR_DUPLICATE_KEY"],
    ["a label in both headers", "d28445a201260440a104404040", "COSE_MALFORMED"],
    ["alg in both headers", "d28443a10126a101264040", "COSE_MALFORMED"],
  ])("refuses %s", (_name, hex, code) => {
    expect(codeOf(hex)).toBe(code);
  });

  test.each<[string, number, CborValue]>([
    ["alg as bytes", 1, Uint8Array.of(0x26)],
    ["alg as nil", 1, null],
    ["alg as an array", 1, [-7]],
    ["content type below zero", 3, -1],
    ["content type as bytes", 3, Uint8Array.of(1)],
    ["kid as text", 4, "key"],
    ["kid as an integer", 4, 7],
  ])("refuses %s in either header", (_name, label, value) => {
    const header = new Map([[label, value]]);
    const empty = new Map<number, CborValue>();
    expect(refusal(() => decodeSign1(message(header, empty)))).toBe("COSE_MALFORMED");
    expect(refusal(() => decodeSign1(message(empty, header)))).toBe("COSE_MALFORMED");
  });

  test.each<[string, number, CborValue]>([
    ["content type as a CoAP number", 3, 277],
    ["content type as text", 3, "text/plain"],
    ["an empty kid", 4, new Uint8Array(0)],
    ["an alg of text", 1, "ES256"],
    ["an unknown label", 1000, [null, true]],
  ])("takes %s", (_name, label, value) => {
    const decoded = decodeSign1(message(new Map([[label, value]]), new Map()));
    expect(decoded.protectedHeader.get(label)).toEqual(value);
  });

  test("limits hold for the whole and for each layer", () => {
    const bytes = message(new Map([[1, -7]]), new Map());
    expect(decodeSign1(bytes, { maxBytes: bytes.length }).payload).not.toBeNull();
    const few = { maxBytes: bytes.length - 1 };
    expect(refusal(() => decodeSign1(bytes, few))).toBe("COSE_CBOR_LIMIT");
    const deep = message(new Map<number, CborValue>([[5, [[[[1]]]]]]), new Map());
    expect(refusal(() => decodeSign1(deep, { maxDepth: 3 }))).toBe("COSE_CBOR_LIMIT");
  });

  test("any bytes give a message or a CoseError", () => {
    const start = decodeHex("d28443a10126a1044111430102034211ff");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.uint8Array({ maxLength: 20 }).map((tail) => Uint8Array.of(0xd2, 0x84, ...tail)),
          fc.tuple(fc.nat(start.length - 1), fc.nat(255)).map(([at, byte]) => start.with(at, byte)),
        ),
        (bytes) => {
          try {
            const decoded = decodeSign1(bytes);
            expect(encodeSign1(decoded).length).toBe(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(CoseError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("encodeSign1", () => {
  test("splices the protected bytes and sorts the unprotected header", () => {
    const bytes = encodeSign1({
      protectedBytes: decodeHex("a20126044100"),
      unprotectedHeader: new Map<number, CborValue>([
        [394, []],
        [5, 1],
      ]),
      payload: null,
      signature: new Uint8Array(300),
    });
    expect(encodeHex(bytes.subarray(0, 23))).toBe(
      "d28446a20126044100a20501" + "19018a80f659012c" + "000000",
    );
  });

  test("is undone by decodeSign1", () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.option(bytes), bytes, (kid, payload, signature) => {
        const parts = {
          protectedBytes: encodeCbor(new Map([[1, -7]])),
          unprotectedHeader: new Map([[4, kid]]),
          payload,
          signature,
        };
        expect(decodeSign1(encodeSign1(parts))).toMatchObject(parts);
      }),
    );
  });
});

describe("encodeSigStructure (RFC 9052 §4.4)", () => {
  test("is the deterministic array of four", () => {
    const [header, aad, payload] = [decodeHex("a10126"), Uint8Array.of(1), new Uint8Array(70_000)];
    const bytes = encodeSigStructure(header, aad, payload);
    expect(bytes).toEqual(encodeCbor(["Signature1", header, aad, payload]));
    expect(encodeHex(bytes.subarray(0, 23))).toBe("846a5369676e61747572653143a1012641015a00011170");
  });

  test("an empty protected header is a zero-length string, in either form", () => {
    const empty = new Uint8Array(0);
    const want = decodeHex("846a5369676e617475726531404040");
    expect(encodeSigStructure(empty, empty, empty)).toEqual(want);
    expect(encodeSigStructure(Uint8Array.of(0xa0), empty, empty)).toEqual(want);
  });
});
