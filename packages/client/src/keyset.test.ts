import { beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, encodeCbor, encodeHex } from "@tallystick/cose";
import type { CborMap, CborValue, PublicKey } from "@tallystick/cose";
import fc from "fast-check";

import { ClientError } from "./error.js";
import { decodeKey, decodeKeySet } from "./keyset.js";
import { refusalOf } from "./testing/refusal.js";

let es256: PublicKey;
let edDsa: PublicKey;

beforeAll(async () => {
  es256 = (await PrivateKey.generate("ES256")).publicKey;
  edDsa = (await PrivateKey.generate("EdDSA")).publicKey;
});

function thumbprints(keys: readonly PublicKey[]): string[] {
  return keys.map((key) => encodeHex(key.thumbprint()));
}

describe("decodeKeySet", () => {
  test("yields the keys in order", () => {
    const keys = decodeKeySet(encodeCbor([es256.toCoseKey(), edDsa.toCoseKey()]));
    expect(thumbprints(keys)).toEqual(thumbprints([es256, edDsa]));
    expect(keys.map((key) => encodeHex(key.kid))).toEqual(thumbprints([es256, edDsa]));
  });

  test("leaves out what is malformed or unknown, and keeps the others", () => {
    const unknownType: CborMap = new Map<number, CborValue>([
      [1, 7],
      [2, Uint8Array.of(1)],
      [3, -48],
    ]);
    const offCurve = new Map(es256.toCoseKey()).set(-2, new Uint8Array(32));
    const keys = decodeKeySet(encodeCbor([unknownType, 5, offCurve, edDsa.toCoseKey()]));
    expect(thumbprints(keys)).toEqual(thumbprints([edDsa]));
  });

  test.each([
    ["a map", (): CborValue => es256.toCoseKey()],
    ["text", (): CborValue => "keys"],
  ])("refuses %s", async (_, value) => {
    const error = await refusalOf(() => decodeKeySet(encodeCbor(value())));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });

  test("any bytes give keys or its own error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (body) => {
        try {
          expect(Array.isArray(decodeKeySet(body))).toBe(true);
        } catch (error) {
          if (!(error instanceof ClientError)) throw error;
          expect(error.code).toBe("CLIENT_PROTOCOL");
        }
      }),
    );
  });
});

describe("decodeKey", () => {
  test("yields the key that was asked for", () => {
    const key = decodeKey(encodeCbor(es256.toCoseKey()), es256.kid);
    expect(thumbprints([key])).toEqual(thumbprints([es256]));
  });

  test("yields a key that answers to what was asked for under another kid", () => {
    const body = encodeCbor(new Map(es256.toCoseKey()).set(2, Uint8Array.of(1, 2)));
    expect(thumbprints([decodeKey(body, es256.thumbprint())])).toEqual(thumbprints([es256]));
  });

  test("refuses another key", async () => {
    const error = await refusalOf(() => decodeKey(encodeCbor(edDsa.toCoseKey()), es256.kid));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toContain("another kid");
  });

  test.each([
    ["a list of keys", (): CborValue => [es256.toCoseKey()]],
    ["a broken key", (): CborValue => new Map([[1, 2]])],
  ])("refuses %s", async (_, value) => {
    const error = await refusalOf(() => decodeKey(encodeCbor(value()), es256.kid));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});
