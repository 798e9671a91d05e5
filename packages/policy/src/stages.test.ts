import { SignedStatement, VerifiedStatement } from "@tallystick/statement";
import { expect, test } from "@jest/globals";
import { Admission } from "./admission.js";
import type { Policy } from "./policy.js";
import { PolicyState, type PolicyInForce } from "./state.js";
import { TIME, stateWith, statement } from "./testing/sample.js";

// The compiler runs these tests: a stage that could be skipped leaves an expected error out.

type Admit<T extends Parameters<typeof Admission.admit>[0]> = T;
type Bootstrap<T extends Parameters<typeof Admission.bootstrap>[0]> = T;
type State<T extends Parameters<typeof Admission.admit>[1]> = T;
type InForce<T extends PolicyInForce["policy"]> = T;
type Admitted<T extends Admission> = T;
type Made<T extends abstract new (...args: never) => unknown> = T;
/** What `{ ...value }` is. */
type Spread<T> = { [K in keyof T]: T[K] };

export type FromVerified = Admit<VerifiedStatement>;
// @ts-expect-error a decoded statement is not verified
export type FromDecoded = Admit<SignedStatement>;
// @ts-expect-error a copy is not verified, as anything may have been changed in it
export type FromCopy = Admit<Spread<VerifiedStatement>>;
// @ts-expect-error bytes are not a statement
export type FromBytes = Bootstrap<Uint8Array>;
// @ts-expect-error a document is not a policy before it is parsed
export type FromDocument = InForce<Policy["document"]>;
// @ts-expect-error nor is a copy of one
export type PolicyCopy = InForce<Spread<Policy>>;
// @ts-expect-error a policy in force is no state that was reached
export type FromPolicy = State<PolicyInForce>;
// @ts-expect-error nor is a copy of a state
export type StateCopy = State<Spread<PolicyState>>;
// @ts-expect-error a verified statement is not admitted
export type Unadmitted = Admitted<VerifiedStatement>;
// @ts-expect-error a copy is not admitted
export type AdmittedCopy = Admitted<Spread<Admission>>;
// @ts-expect-error admit and bootstrap alone make one
export type MadeAdmission = Made<typeof Admission>;
// @ts-expect-error genesis and next alone make one
export type MadeState = Made<typeof PolicyState>;
// @ts-expect-error parse alone makes one
export type MadePolicy = Made<typeof Policy>;

test("stages are told apart at run time, copies included", async () => {
  const state = await stateWith();
  const decoded = await statement();
  const verified = await VerifiedStatement.verify(decoded, state.inForce.policy);
  const admission = Admission.admit(verified, state, TIME);
  expect(SignedStatement.is(decoded)).toBe(true);
  expect(Admission.is(admission)).toBe(true);
  expect(Admission.is(verified)).toBe(false);
  expect(Admission.is(Object.assign({}, admission))).toBe(false);
  expect(PolicyState.is(state)).toBe(true);
  expect(PolicyState.is(Object.assign({}, state))).toBe(false);
  expect(Admission.is(Object.create(Admission.prototype) as object)).toBe(false);
});
