import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SignedCheckpoint } from "./checkpoint.js";
import { ReceiptError } from "./error.js";
import { issueConsistencyReceipt, issueInclusionReceipt } from "./issue.js";
import { Receipt } from "./receipt.js";
import { VerifiedConsistency, VerifiedInclusion } from "./verify.js";
import { ISSUER, ORIGIN, SERVICE, checkpointOf, inclusions, signed } from "./testing/sample.js";
import { consistencyProof, entryAt, inclusionProof, rootOf } from "./testing/tree.js";

const key = SERVICE.publicKey;

/** Decodes and verifies, and fails the test on anything but a value or this package's error. */
async function verifyOrRefuse(input: Uint8Array): Promise<boolean> {
  try {
    const receipt = Receipt.decode(input);
    if (receipt.kind === "inclusion") {
      await VerifiedInclusion.verify(receipt, { entry: entryAt(1), key });
    } else {
      await VerifiedConsistency.verify(receipt, { old: { size: 2, root: rootOf(2) }, key });
    }
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ReceiptError);
    return false;
  }
}

describe("round trip", () => {
  test("of inclusion and consistency, at any size and place", async () => {
    const sizes = fc
      .integer({ min: 2, max: 300 })
      .chain((size) =>
        fc.tuple(fc.constant(size), fc.nat(size - 1), fc.integer({ min: 1, max: size - 1 })),
      );
    await fc.assert(
      fc.asyncProperty(sizes, async ([size, index, oldSize]) => {
        const checkpoint = await checkpointOf(size);
        const inclusion = Receipt.decode(
          issueInclusionReceipt(checkpoint, inclusionProof(index, size)),
        );
        const included = await VerifiedInclusion.verify(inclusion, { entry: entryAt(index), key });
        const consistency = Receipt.decode(
          issueConsistencyReceipt(checkpoint, consistencyProof(oldSize, size)),
        );
        const old = { size: oldSize, root: rootOf(oldSize) };
        const extended = await VerifiedConsistency.verify(consistency, { old, key });
        expect(extended.newRoot).toStrictEqual(included.root);
      }),
      { numRuns: 30 },
    );
  });

  test("of checkpoints", async () => {
    const text = fc.string({ maxLength: 40 });
    const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    const size = number.filter((value) => value > 0);
    await fc.assert(
      fc.asyncProperty(text, text, fc.tuple(number, size), async (issuer, origin, [time, size]) => {
        const checkpoint = { issuer, origin, size, root: rootOf(1), time };
        const signedOne = await SignedCheckpoint.sign(checkpoint, SERVICE);
        const read = await SignedCheckpoint.verify(signedOne.encode(), key);
        expect(read.checkpoint).toStrictEqual(checkpoint);
      }),
    );
  });
});

describe("any bytes", () => {
  test("give a value or this package's error, as a receipt", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (input) => {
        expect(await verifyOrRefuse(input)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test("give a value or this package's error, as a proof", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (proof) => {
        const bytes = await signed({ unprotectedHeader: inclusions(proof) });
        expect(await verifyOrRefuse(bytes)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test("in the place of good ones verify only if they are the good ones", async () => {
    const checkpoint = await checkpointOf(6);
    const good = issueInclusionReceipt(checkpoint, inclusionProof(1, 6));
    const at = fc.nat({ max: good.length - 1 });
    await fc.assert(
      fc.asyncProperty(
        at,
        fc.uint8Array({ minLength: 1, maxLength: 6 }),
        async (offset, splice) => {
          const changed = Uint8Array.of(
            ...good.subarray(0, offset),
            ...splice,
            ...good.subarray(offset + splice.length),
          );
          const isSame = Buffer.from(changed).equals(Buffer.from(good));
          expect(await verifyOrRefuse(changed)).toBe(isSame);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("give a checkpoint or this package's error", async () => {
    const good = (await checkpointOf(6)).encode();
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat({ max: good.length }), fc.uint8Array({ maxLength: 20 }))
        .map(([cut, rest]) => Uint8Array.of(...good.subarray(0, cut), ...rest)),
    );
    await fc.assert(
      fc.asyncProperty(input, async (bytes) => {
        const isSame = Buffer.from(bytes).equals(Buffer.from(good));
        const pending = SignedCheckpoint.verify(bytes, key);
        if (isSame)
          expect((await pending).checkpoint).toMatchObject({ issuer: ISSUER, origin: ORIGIN });
        else await expect(pending).rejects.toThrow(ReceiptError);
      }),
      { numRuns: 1000 },
    );
  });
});
