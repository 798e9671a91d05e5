import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeCborMap, encodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { decodeCollateral } from "./collateral.js";
import { AuditorError } from "./error.js";

const POLICY = new Uint8Array(32).fill(7);
const DER = Uint8Array.of(0x30, 0);

const encoded = (...entries: readonly (readonly [string, CborValue])[]): Uint8Array =>
  encodeCbor(new Map(entries));

/** Puts items one behind the other, in a map of so many entries, whatever their order. */
const written = (count: number, ...items: readonly CborValue[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(0xa0 + count), ...items.map((item) => encodeCbor(item))]);

const GOOD = encoded(["time", 1_790_000_000], ["policy", POLICY], ["x5chain", [DER, DER]]);

describe("collateral", () => {
  test("is read as it was recorded", () => {
    expect(decodeCollateral(GOOD, {})).toEqual({
      time: 1_790_000_000,
      policy: POLICY,
      chain: [DER, DER],
    });
    expect(decodeCollateral(encoded(["time", 0], ["policy", null]), {})).toEqual({
      time: 0,
      policy: null,
      chain: undefined,
    });
  });

  test.each<[string, Uint8Array, string]>([
    ["no CBOR", Uint8Array.of(0xff), "break"],
    ["no map", encodeCbor([]), "map"],
    ["another member", encoded(["time", 1], ["policy", null], ["note", 1]), "the member note"],
    ["a member by number", written(3, "time", 1, "policy", null, 3, 1), "the member 3"],
    ["the policy first", written(2, "policy", null, "time", 1), "not in the one encoding"],
    [
      "the chain in the middle",
      written(3, "time", 1, "x5chain", [DER], "policy", null),
      "not in the one encoding",
    ],
    ["a member twice", written(2, "time", 1, "time", 1), "duplicate"],
    ["no time", encoded(["policy", null]), "lacks its time"],
    ["a time before 1970", encoded(["time", -1], ["policy", null]), "lacks its time"],
    ["a time beyond 2^53", encoded(["time", 2n ** 60n], ["policy", null]), "lacks its time"],
    ["no policy", encoded(["time", 1]), "lacks its policy"],
    ["a short policy", encoded(["time", 1], ["policy", DER]), "lacks its policy"],
    ["an empty chain", encoded(["time", 1], ["policy", null], ["x5chain", []]), "in x5chain"],
    ["a text in it", encoded(["time", 1], ["policy", null], ["x5chain", ["a"]]), "in x5chain"],
    ["a chain of one, bare", encoded(["time", 1], ["policy", null], ["x5chain", DER]), "x5chain"],
  ])("with %s is refused: AUDITOR_COLLATERAL_MALFORMED", (_name, bytes, reason) => {
    expect(() => decodeCollateral(bytes, {})).toThrow(
      expect.objectContaining({
        code: "AUDITOR_COLLATERAL_MALFORMED",
        message: expect.stringContaining(reason) as unknown,
      }),
    );
  });

  test("is taken in the one encoding of what it says, and in no other", () => {
    const changed = fc.tuple(fc.nat(GOOD.length - 1), fc.uint8Array({ maxLength: 4 }), fc.nat(4));
    fc.assert(
      fc.property(changed, ([at, bytes, dropped]) => {
        const spliced = Buffer.concat([GOOD.subarray(0, at), bytes, GOOD.subarray(at + dropped)]);
        try {
          decodeCollateral(spliced, {});
        } catch (error) {
          expect(error).toBeInstanceOf(AuditorError);
          return;
        }
        expect(encodeCbor(decodeCborMap(spliced))).toEqual(new Uint8Array(spliced));
      }),
      { numRuns: 2000 },
    );
  });
});
