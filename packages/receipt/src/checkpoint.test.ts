import {
  CLAIM,
  LABEL,
  encodeCbor,
  encodeSigStructure,
  type CborMap,
  type Signer,
} from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { SignedCheckpoint, type Checkpoint } from "./checkpoint.js";
import { flipBit, fromHex, rejection } from "./testing/refusal.js";
import {
  CLAIMS,
  ISSUER,
  ORIGIN,
  SERVICE,
  STRANGER,
  TIME,
  checkpointOf,
  headerWith,
  sizeEntry,
  type Entry,
} from "./testing/sample.js";
import { rootOf } from "./testing/tree.js";

const key = SERVICE.publicKey;
const root = rootOf(9);
const CHECKPOINT: Checkpoint = { issuer: ISSUER, origin: ORIGIN, size: 9, root, time: TIME };

/** Encodes a checkpoint whose signature holds over whatever header is given. */
async function encoded(header: CborMap): Promise<Uint8Array> {
  const protectedBytes = encodeCbor(header);
  const covered = encodeSigStructure(protectedBytes, new Uint8Array(), root);
  return encodeCbor([root, protectedBytes, await SERVICE.sign(covered)]);
}

function withHeader(set: readonly Entry[] = [], leftOut: readonly (number | string)[] = []) {
  return encoded(headerWith([sizeEntry(9), ...set], leftOut));
}

describe("a signed checkpoint", () => {
  test("is read back as it was signed", async () => {
    const signed = await SignedCheckpoint.sign(CHECKPOINT, SERVICE);
    const read = await SignedCheckpoint.verify(signed.encode(), key);
    expect(read.checkpoint).toStrictEqual(CHECKPOINT);
    expect(read.protectedBytes).toStrictEqual(signed.protectedBytes);
    expect(read.signature).toStrictEqual(signed.signature);
    expect(read.encode()).toStrictEqual(signed.encode());
  });

  test("has the header of the receipt profile, in deterministic order", async () => {
    const { protectedBytes } = await SignedCheckpoint.sign(CHECKPOINT, SERVICE);
    const kid = Buffer.from(key.thumbprint()).toString("hex");
    const text = (value: string) => Buffer.from(value).toString("hex");
    expect(protectedBytes).toStrictEqual(
      fromHex(
        `a5 01 26 04 5820 ${kid} 0f a3 01 73 ${text(ISSUER)} 02 6d ${text(ORIGIN)} 06 1a 6b49d200 ` +
          `19018b 01 6a ${text("tallystick")} a1 64 ${text("size")} 09`,
      ),
    );
  });

  test("takes sizes and times up to 2^53 - 1", async () => {
    const largest = { ...CHECKPOINT, size: 2 ** 53 - 1, time: 2 ** 53 - 1 };
    const signed = await SignedCheckpoint.sign(largest, SERVICE);
    expect((await SignedCheckpoint.verify(signed.encode(), key)).checkpoint).toStrictEqual(largest);
  });

  test("states the root as it was at the call", async () => {
    const changing = root.slice();
    const signer: Signer = {
      algorithm: SERVICE.algorithm,
      publicKey: key,
      sign: (message) => {
        changing.fill(0);
        return SERVICE.sign(message);
      },
    };
    const signed = await SignedCheckpoint.sign({ ...CHECKPOINT, root: changing }, signer);
    expect(signed.checkpoint.root).toStrictEqual(root);
    expect((await SignedCheckpoint.verify(signed.encode(), key)).checkpoint.root).toStrictEqual(
      root,
    );
  });

  test.each<[string, Partial<Checkpoint>]>([
    ["a size of zero", { size: 0 }],
    ["a size with a fraction", { size: 1.5 }],
    ["a size of 2^53", { size: 2 ** 53 }],
    ["a time below zero", { time: -1 }],
    ["a time with a fraction", { time: 0.5 }],
    ["a time that is no number", { time: Number.NaN }],
    ["a root of 31 bytes", { root: root.subarray(1) }],
    ["no root", { root: new Uint8Array() }],
  ])("is not made of %s", async (_name, change) => {
    await expect(SignedCheckpoint.sign({ ...CHECKPOINT, ...change }, SERVICE)).rejects.toThrow(
      TypeError,
    );
  });
});

describe("refused", () => {
  test("every flipped bit", async () => {
    const bytes = (await checkpointOf(9)).encode();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const code = await rejection(SignedCheckpoint.verify(flipBit(bytes, bit), key));
      expect(code).toMatch(/^RECEIPT_(MALFORMED|SIGNATURE_INVALID|VDS|ALG|CRIT|KEY)/);
    }
  });

  test("every truncation", async () => {
    const bytes = (await checkpointOf(9)).encode();
    for (let length = 0; length < bytes.length; length++) {
      const pending = SignedCheckpoint.verify(bytes.subarray(0, length), key);
      expect(await rejection(pending)).toBe("RECEIPT_MALFORMED");
    }
  });

  test("another key", async () => {
    const bytes = (await checkpointOf(9)).encode();
    expect(await rejection(SignedCheckpoint.verify(bytes, STRANGER.publicKey))).toBe(
      "RECEIPT_SIGNATURE_INVALID",
    );
  });

  test.each<[string, Uint8Array]>([
    ["an array of two", encodeCbor([root, root])],
    ["an array of four", encodeCbor([root, root, root, root])],
    ["a root of 31 bytes", encodeCbor([root.subarray(1), root, root])],
    ["text for a part", encodeCbor([root, "header", root])],
    ["text between the parts", encodeCbor([root, root, "x"])],
    ["a map", encodeCbor(new Map([[1, root]]))],
    ["a header that is no map", encodeCbor([root, encodeCbor([1]), root])],
    ["a header that is no CBOR", encodeCbor([root, fromHex("ff"), root])],
  ])("%s", async (_name, bytes) => {
    expect(await rejection(SignedCheckpoint.verify(bytes, key))).toBe("RECEIPT_MALFORMED");
  });

  test.each<[string, Promise<Uint8Array>, string]>([
    ["no size", encoded(headerWith()), "RECEIPT_MALFORMED"],
    ["a size of zero", encoded(headerWith([sizeEntry(0)])), "RECEIPT_MALFORMED"],
    ["no claims", withHeader([], [LABEL.cwtClaims]), "RECEIPT_MALFORMED"],
    ["no sub", withHeader([[15, new Map([[CLAIM.iss, ISSUER]])]]), "RECEIPT_MALFORMED"],
    [
      "no iat",
      withHeader([
        [
          15,
          new Map([
            [1, ISSUER],
            [2, ORIGIN],
          ]),
        ],
      ]),
      "RECEIPT_MALFORMED",
    ],
    ["a time of bytes", withHeader([[15, withTime(fromHex("00"))]]), "RECEIPT_MALFORMED"],
    ["a time below zero", withHeader([[15, withTime(-1)]]), "RECEIPT_MALFORMED"],
    ["no alg", withHeader([], [LABEL.alg]), "RECEIPT_ALG_UNSUPPORTED"],
    ["an alg of another key", withHeader([[LABEL.alg, -8]]), "RECEIPT_KEY_MISMATCH"],
    [
      "an unknown critical label",
      withHeader([
        [LABEL.crit, [99]],
        [99, 1],
      ]),
      "RECEIPT_CRIT_UNKNOWN",
    ],
    ["no vds", withHeader([], [LABEL.vds]), "RECEIPT_VDS_UNSUPPORTED"],
    ["vds 2", withHeader([[LABEL.vds, 2]]), "RECEIPT_VDS_UNSUPPORTED"],
  ])("a signed header with %s", async (_name, bytes, code) => {
    expect(await rejection(SignedCheckpoint.verify(await bytes, key))).toBe(code);
  });
});

function withTime(time: number | Uint8Array): CborMap {
  return new Map([...CLAIMS, [CLAIM.iat, time]]);
}
