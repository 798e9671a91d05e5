import { beforeAll, describe, expect, test } from "@jest/globals";
import { concatBytes, digest } from "@tallystick/cose";
import fc from "fast-check";

import { EvidenceError } from "./error.js";
import { decodeEvidence } from "./evidence.js";
import { prefixed } from "./spdm/signature.js";
import { makeDevice, type Device } from "./testing/device.js";
import { refusalOf } from "./testing/refusal.js";
import { block, exchange, negotiation } from "./testing/spdm.js";
import { VerifiedEvidence } from "./verified.js";

const TIME = 1_790_000_000;
const SIGNATURE: Uint8Array = new Uint8Array(96);
const rom = block({ index: 1, type: 0, value: new Uint8Array(48).fill(1) });
const firmware = block({ index: 2, type: 1, value: new Uint8Array(48).fill(2) });
const words = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [value & 0xff, value >> 8, 0, 0]));
const mode = (...values: readonly number[]): Uint8Array =>
  block({ index: 0xfe, type: 0x85, value: words(...values) });

let device: Device;

beforeAll(async () => {
  device = await makeDevice();
});

const withSignature = (message: Uint8Array, signature = SIGNATURE): Uint8Array =>
  concatBytes([message, signature]);

/** Yields a transcript under the signature of the device. */
async function signed(message: Uint8Array): Promise<Uint8Array> {
  const isNew = message[0] === 0x10;
  const over = isNew ? prefixed(digest("sha-384", message)) : message;
  return withSignature(message, await device.sign(over));
}

const verify = (bytes: Uint8Array): Promise<VerifiedEvidence> =>
  VerifiedEvidence.verify(decodeEvidence(bytes), {
    chain: [device.leaf],
    anchors: [device.root],
    time: TIME,
    nonce: new Uint8Array(32).fill(7),
  });

describe("an SPDM transcript", () => {
  test.each([
    ["1.1", (): Uint8Array => exchange([rom, firmware])],
    ["1.2", (): Uint8Array => concatBytes([negotiation(), exchange([rom], { version: 0x12 })])],
  ])("of %s is verified", async (_name, make) => {
    const { evidence, isFresh } = await verify(await signed(make()));
    expect(isFresh).toBe(true);
    expect(evidence.elements[0]?.measurement.digests).toStrictEqual([
      { alg: "sha-384", value: "01".repeat(48) },
    ]);
  });

  test("of 1.2 is not verified by a signature in the manner of 1.1", async () => {
    const message = concatBytes([negotiation(), exchange([rom], { version: 0x12 })]);
    const bytes = withSignature(message, await device.sign(message));
    expect(await refusalOf(() => verify(bytes))).toBe("EVIDENCE_SIGNATURE_INVALID");
  });

  test("of 1.2 is not verified with what was negotiated changed", async () => {
    const answer = exchange([rom], { version: 0x12 });
    const bytes = await signed(concatBytes([negotiation(), answer]));
    const other = concatBytes([negotiation(8), bytes.subarray(negotiation().length)]);
    expect(await refusalOf(() => verify(other))).toBe("EVIDENCE_SIGNATURE_INVALID");
  });

  test("of 1.2 that agreed on another curve than the certificate's is refused", async () => {
    const message = concatBytes([negotiation(2, 16, 1), exchange([rom], { version: 0x12 })]);
    expect(await refusalOf(async () => verify(await signed(message)))).toBe(
      "EVIDENCE_SIGNATURE_INVALID",
    );
  });

  test.each([
    ["no signature", exchange([rom]), "EVIDENCE_MALFORMED"],
    [
      "half a signature",
      withSignature(exchange([rom]), SIGNATURE.subarray(48)),
      "EVIDENCE_MALFORMED",
    ],
    ["version 1.0", withSignature(exchange([rom], { version: 0x10 })), "EVIDENCE_UNSUPPORTED"],
    ["version 1.3", withSignature(exchange([rom], { version: 0x13 })), "EVIDENCE_UNSUPPORTED"],
    ["1.2 alone", withSignature(exchange([rom], { version: 0x12 })), "EVIDENCE_MALFORMED"],
    [
      "1.1 negotiated",
      withSignature(concatBytes([negotiation(), exchange([rom])])),
      "EVIDENCE_MALFORMED",
    ],
    [
      "an answer of another version",
      withSignature(exchange([rom], { answerVersion: 0x12 })),
      "EVIDENCE_MALFORMED",
    ],
    ["another answer", withSignature(exchange([rom], { answerCode: 0x7f })), "EVIDENCE_MALFORMED"],
    [
      "no signature asked for",
      withSignature(exchange([rom], { attributes: 0 })),
      "EVIDENCE_MALFORMED",
    ],
    ["another count", withSignature(exchange([rom], { count: 2 })), "EVIDENCE_MALFORMED"],
    ["one block twice", withSignature(exchange([rom, rom])), "EVIDENCE_MALFORMED"],
    [
      "hash of nobody",
      withSignature(concatBytes([negotiation(128), exchange([rom], { version: 0x12 })])),
      "EVIDENCE_UNSUPPORTED",
    ],
    [
      "RSA",
      withSignature(concatBytes([negotiation(4, 1, 2), exchange([rom], { version: 0x12 })])),
      "EVIDENCE_UNSUPPORTED",
    ],
    [
      "P-384 with SHA-256",
      withSignature(concatBytes([negotiation(4, 128, 1), exchange([rom], { version: 0x12 })])),
      "EVIDENCE_UNSUPPORTED",
    ],
    ["too many bytes", new Uint8Array(1_048_577), "EVIDENCE_TOO_LARGE"],
    ["nothing", new Uint8Array(0), "EVIDENCE_MALFORMED"],
    ["odd hexadecimal text", new TextEncoder().encode("11e001ff2"), "EVIDENCE_MALFORMED"],
  ])("is refused with %s", async (_name, bytes, code) => {
    expect(await refusalOf(() => decodeEvidence(bytes))).toBe(code);
  });

  test("says what speaks against the device", () => {
    const concerns = (...blocks: readonly Uint8Array[]): readonly string[] =>
      decodeEvidence(withSignature(exchange(blocks))).concerns;
    expect(concerns(rom, mode(63, 4, 31, 0))).toStrictEqual([]);
    expect(concerns(mode(63, 8, 31, 2))).toStrictEqual([
      "the device is not in normal operation: recovery",
      "invasive debug is active",
    ]);
    expect(concerns(mode(63, 6, 31, 32))).toStrictEqual([
      "the device is not in normal operation: state 6",
      "mode bits 32 that are not known",
    ]);
    const changed = exchange([rom], { version: 0x12, change: 0x10 });
    expect(
      decodeEvidence(withSignature(concatBytes([negotiation(), changed]))).concerns,
    ).toHaveLength(1);
  });

  test("tells whether all blocks were asked for", () => {
    const { proof } = decodeEvidence(withSignature(exchange([rom], { operation: 1 })));
    expect(proof).toMatchObject({ transcript: { isWhole: false } });
  });

  test("has opaque data of any form", () => {
    for (const opaque of [[1], [6, 0, 9, 0], [6, 0, 0, 0, 6, 0, 0, 0], [1, 0, 1, 0, 1]]) {
      const bytes = withSignature(exchange([rom], { opaque: Uint8Array.from(opaque) }));
      expect(decodeEvidence(bytes).gpu).toBeUndefined();
    }
  });
});

describe("a measurement record", () => {
  test.each([
    ["an index of 0", block({ index: 0, type: 0, value: SIGNATURE }), "EVIDENCE_MALFORMED"],
    ["an index of 255", block({ index: 255, type: 0, value: SIGNATURE }), "EVIDENCE_MALFORMED"],
    ["another size", block({ index: 1, type: 0, value: SIGNATURE, size: 9 }), "EVIDENCE_MALFORMED"],
    ["an SVN of 4 bytes", block({ index: 1, type: 0x87, value: words(7) }), "EVIDENCE_MALFORMED"],
    ["a mode of 12 bytes", mode(1, 2, 3), "EVIDENCE_MALFORMED"],
    [
      "another specification behind a good block",
      concatBytes([rom, block({ index: 2, type: 0, value: SIGNATURE, specification: 2 })]),
      "EVIDENCE_UNSUPPORTED",
    ],
  ])("is refused with %s", async (_name, bytes, code) => {
    expect(await refusalOf(() => decodeEvidence(bytes))).toBe(code);
  });

  test("has versions, raw values and hashes of no known length", () => {
    const { elements } = decodeEvidence(
      concatBytes([
        block({ index: 1, type: 0x86, value: new TextEncoder().encode("1.2\0") }),
        block({ index: 2, type: 0x82, value: Uint8Array.of(1, 2) }),
        block({ index: 3, type: 1, value: Uint8Array.of(1, 2) }),
        block({ index: 4, type: 12, value: Uint8Array.of(1, 2) }),
      ]),
    );
    const [version, raw, short, other] = elements;
    expect(version?.measurement.version).toStrictEqual({ text: "1.2", scheme: undefined });
    expect(raw?.measurement.raw?.value).toStrictEqual(Uint8Array.of(1, 2));
    expect(short?.measurement.digests).toStrictEqual([{ alg: "16 bits", value: "0102" }]);
    expect(other?.kind).toBe("other");
  });
});

describe("any bytes", () => {
  const outcome = (bytes: Uint8Array): unknown => {
    try {
      return decodeEvidence(bytes).elements;
    } catch (error) {
      return error;
    }
  };
  const isTyped = (found: unknown): boolean =>
    Array.isArray(found) || found instanceof EvidenceError;

  test("cut short at any place are refused by a typed error, or are whole", () => {
    const whole = withSignature(
      concatBytes([negotiation(), exchange([rom, firmware], { version: 0x12 })]),
    );
    for (const bytes of [
      whole,
      withSignature(exchange([rom, firmware])),
      concatBytes([rom, firmware]),
    ]) {
      for (let length = 0; length < bytes.length; length++) {
        const found = outcome(bytes.subarray(0, length));
        expect({ length, isTyped: isTyped(found) }).toStrictEqual({ length, isTyped: true });
      }
    }
  });

  test("are elements or a typed error", () => {
    const starts = [[0x11, 0xe0, 1, 0xff], [0x10, 0x84, 0, 0, 0x10, 4], [1, 1], [0x30, 0x82], []];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 600 }), (start, rest) =>
        isTyped(outcome(Uint8Array.from([...start, ...rest]))),
      ),
      { numRuns: 400 },
    );
  });

  test("with any few bytes changed are elements or a typed error", () => {
    const base = withSignature(
      concatBytes([negotiation(), exchange([rom, mode(63, 4, 31, 0)], { version: 0x12 })]),
    );
    const change = fc.tuple(fc.nat(base.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = new Uint8Array(base);
        for (const [at, value] of changes) bytes[at] = value;
        return isTyped(outcome(bytes));
      }),
      { numRuns: 400 },
    );
  });
});
