import { expect, test } from "@jest/globals";
import { SignedCheckpoint } from "./checkpoint.js";
import { issueConsistencyReceipt, issueInclusionReceipt } from "./issue.js";
import { Receipt } from "./receipt.js";
import { VerifiedConsistency, VerifiedInclusion } from "./verify.js";
import { SERVICE, checkpointOf } from "./testing/sample.js";
import { consistencyProof, entryAt, inclusionProof, rootOf } from "./testing/tree.js";

// The compiler runs these tests: a stage that could be skipped leaves an expected error out.

type Issue<T extends Parameters<typeof issueInclusionReceipt>[0]> = T;
type Verify<T extends Parameters<typeof VerifiedInclusion.verify>[0]> = T;
type Inclusion<T extends VerifiedInclusion> = T;
type Consistency<T extends VerifiedConsistency> = T;
type Made<T extends abstract new (...args: never) => unknown> = T;
/** What `{ ...value }` is. */
type Spread<T> = { [K in keyof T]: T[K] };

export type FromSigned = Issue<SignedCheckpoint>;
export type FromDecoded = Verify<Receipt>;
// @ts-expect-error a checkpoint that is not signed gives no receipt
export type Unsigned = Issue<SignedCheckpoint["checkpoint"]>;
// @ts-expect-error nor does a copy of one that is
export type SignedCopy = Issue<Spread<SignedCheckpoint>>;
// @ts-expect-error bytes are not a decoded receipt
export type FromBytes = Verify<Uint8Array>;
// @ts-expect-error nor is a copy
export type DecodedCopy = Verify<Spread<Receipt>>;
// @ts-expect-error a decoded receipt proves nothing
export type Unverified = Inclusion<Receipt>;
// @ts-expect-error nor does a copy of a proven fact
export type VerifiedCopy = Inclusion<Spread<VerifiedInclusion>>;
// @ts-expect-error consistency is not inclusion
export type OtherFact = Consistency<VerifiedInclusion>;
// @ts-expect-error sign and verify alone make one
export type MadeCheckpoint = Made<typeof SignedCheckpoint>;
// @ts-expect-error decode alone makes one
export type MadeReceipt = Made<typeof Receipt>;
// @ts-expect-error verify alone makes one
export type MadeInclusion = Made<typeof VerifiedInclusion>;
// @ts-expect-error verify alone makes one
export type MadeConsistency = Made<typeof VerifiedConsistency>;

test("stages are told apart at run time, copies included", async () => {
  const key = SERVICE.publicKey;
  const signed = await checkpointOf(5);
  const receipt = Receipt.decode(issueInclusionReceipt(signed, inclusionProof(1, 5)));
  const inclusion = await VerifiedInclusion.verify(receipt, { entry: entryAt(1), key });
  const newer = Receipt.decode(issueConsistencyReceipt(signed, consistencyProof(2, 5)));
  const old = { size: 2, root: rootOf(2) };
  const consistency = await VerifiedConsistency.verify(newer, { old, key });
  const classes = [SignedCheckpoint, Receipt, VerifiedInclusion, VerifiedConsistency];
  const values = [signed, receipt, inclusion, consistency];
  for (const [i, stage] of classes.entries()) {
    expect(values.map((value) => stage.is(value))).toStrictEqual(values.map((_, j) => i === j));
    expect(values.some((value) => stage.is(Object.assign({}, value)))).toBe(false);
  }
});
