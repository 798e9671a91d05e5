import { describe, expect, test } from "@jest/globals";
import { IssuerKeys } from "./issuers.js";
import { SignedStatement } from "./statement.js";
import type { attachReceipts } from "./transparent.js";
import { VerifiedStatement } from "./verified.js";
import { ISSUER, VENDOR, signed } from "./testing/sample.js";

// The compiler runs these tests: a stage that could be skipped leaves an expected error out.

type Verify<T extends Parameters<typeof VerifiedStatement.verify>[0]> = T;
type Attach<T extends Parameters<typeof attachReceipts>[0]> = T;
type Verified<T extends VerifiedStatement> = T;
type Made<T extends abstract new (...args: never) => unknown> = T;
/** What `{ ...value }` is. */
type Spread<T> = { [K in keyof T]: T[K] };

export type Decoded = Verify<SignedStatement>;
// @ts-expect-error bytes are not a decoded statement
export type FromBytes = Verify<Uint8Array>;
// @ts-expect-error a copy is not a decoded statement, as anything may have been changed in it
export type FromCopy = Verify<Spread<SignedStatement>>;
// @ts-expect-error a COSE message lacks the checks of a statement
export type FromMessage = Attach<SignedStatement["message"]>;
// @ts-expect-error a decoded statement is not a verified one
export type Unverified = Verified<SignedStatement>;
// @ts-expect-error a copy is not verified
export type VerifiedCopy = Verified<Spread<VerifiedStatement>>;
// @ts-expect-error decode alone makes one
export type MadeStatement = Made<typeof SignedStatement>;
// @ts-expect-error verify alone makes one
export type MadeVerified = Made<typeof VerifiedStatement>;

describe("stages at run time", () => {
  test("are told apart, copies and empty shells included", async () => {
    const statement = SignedStatement.decode(await signed());
    const keys = new IssuerKeys([{ iss: ISSUER, keys: [VENDOR.publicKey] }]);
    const verified = await VerifiedStatement.verify(statement, keys);
    expect(SignedStatement.is(statement)).toBe(true);
    expect(SignedStatement.is(verified)).toBe(false);
    expect(SignedStatement.is(Object.assign({}, statement))).toBe(false);
    expect(SignedStatement.is(Object.create(SignedStatement.prototype) as object)).toBe(false);
    expect(VerifiedStatement.is(verified)).toBe(true);
    expect(VerifiedStatement.is(statement)).toBe(false);
    expect(VerifiedStatement.is(Object.assign({}, verified))).toBe(false);
    expect(VerifiedStatement.is(Object.create(VerifiedStatement.prototype) as object)).toBe(false);
  });

  test("cannot be changed", async () => {
    const statement = SignedStatement.decode(await signed());
    expect(() => Object.assign(statement, { entryId: "0" })).toThrow(TypeError);
    expect(statement.entryId).toMatch(/^[0-9a-f]{64}$/);
  });
});
