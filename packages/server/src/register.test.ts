import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { PrivateKey, encodeHex } from "@tallystick/cose";
import { MemoryStore } from "@tallystick/log";
import { Admission } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";

import { Policies } from "./policies.js";
import { register } from "./register.js";
import { TransparencyService } from "./service.js";
import { ISSUER, ORIGIN, TIME, VENDOR, fixture, statement } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

let at: Fixture;

beforeEach(async () => {
  at = await fixture();
});

afterEach(() => at.service.close());

describe("register", () => {
  test("yields an index and a receipt that verifies for the statement's entry", async () => {
    const bytes = await at.sign("one");
    const { entryId, index, receipt, isDuplicate } = await at.service.register(bytes);
    const { entry } = SignedStatement.decode(bytes);
    expect(entryId).toBe(encodeHex(entry));
    expect(index).toBe(2);
    expect(isDuplicate).toBe(false);
    const decoded = Receipt.decode(receipt ?? new Uint8Array());
    const key = at.receiptKey.publicKey;
    const inclusion = await VerifiedInclusion.verify(decoded, { entry, key });
    expect({ size: inclusion.size, index: inclusion.index }).toEqual({ size: 3, index: 2 });
    expect(decoded.issuer).toBe(ISSUER);
    expect(decoded.subject).toBe(ORIGIN);
    expect(decoded.issuedAt).toBe(TIME);
  });

  test("keeps the normalised statement: unprotected headers never reach the log", async () => {
    const bytes = await at.sign("one");
    const { entryId } = await at.service.register(bytes);
    const { entry } = SignedStatement.decode(bytes);
    const transparent = await at.service.transparentStatement(entry);
    const again = await at.service.register(transparent);
    expect(again).toMatchObject({ entryId, index: 2, isDuplicate: true });
    expect(await at.service.log.body(entry)).toEqual(SignedStatement.decode(bytes).normalised);
  });

  test("records when it was admitted and by which policy", async () => {
    const bytes = await at.sign("one");
    const { entryId } = await at.service.policyInForce();
    await at.service.register(bytes);
    const found = await at.service.log.lookup(SignedStatement.decode(bytes).entry);
    const text = encodeHex(found?.collateral ?? new Uint8Array());
    expect(text).toContain(entryId);
    expect(text).toContain(TIME.toString(16));
  });

  test("I6: records no time before the newest checkpoint's, when the clock has stepped back", async () => {
    let clock = TIME;
    const store = new MemoryStore();
    const stepping = await fixture(store, () => clock);
    clock = TIME - 500;
    const bytes = await stepping.sign("back");
    await stepping.service.register(bytes);
    const found = await stepping.service.log.lookup(SignedStatement.decode(bytes).entry);
    expect(encodeHex(found?.collateral ?? new Uint8Array())).toContain(TIME.toString(16));
    await stepping.service.close();
  });

  test("gives one index to the same statement sent a hundred times at once", async () => {
    const bytes = await at.sign("one");
    const registrations = await Promise.all(
      Array.from({ length: 100 }, () => at.service.register(bytes)),
    );
    expect(new Set(registrations.map(({ index }) => index))).toEqual(new Set([2]));
    expect(registrations.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
    expect(at.service.size()).toBe(3);
  });

  test("I8: asks again before the append whether witnesses hold the log", async () => {
    const { log } = at.service;
    const asked: boolean[] = [];
    const held = (): string | undefined => {
      asked.push(true);
      return asked.length === 1 ? undefined : "they spoke while it was verified";
    };
    const verified = jest.fn();
    const registrar = {
      ...{ log, policies: new Policies(log), now: () => TIME },
      ...{ held, onVerified: verified, recent: () => undefined },
    };
    await expect(register(registrar, await at.sign("held"))).rejects.toMatchObject({
      code: "SERVER_HELD",
      message: "they spoke while it was verified",
    });
    expect([asked.length, verified.mock.calls.length, at.service.size()]).toEqual([2, 1, 2]);
  });

  test("refuses a key that the policy does not list, and logs nothing", async () => {
    const stranger = await PrivateKey.generate("ES256");
    await expect(at.service.register(await statement("x", stranger))).rejects.toMatchObject({
      code: "STATEMENT_KEY_UNKNOWN",
    });
    expect(at.service.size()).toBe(2);
  });

  test("refuses an operator's key for anything but a policy", async () => {
    await expect(
      at.service.register(await statement("x", at.operator, ISSUER)),
    ).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
  });
});

describe("the policy in force", () => {
  test("is the first one until another is committed, then that one from the next entry on", async () => {
    const before = await at.service.policyInForce();
    await at.service.register(await at.propose({ issuers: [] }));
    const after = await at.service.policyInForce();
    expect([before.index, after.index]).toEqual([1, 2]);
    await expect(at.service.register(await at.sign("late"))).rejects.toMatchObject({
      code: "STATEMENT_KEY_UNKNOWN",
    });
  });

  test("does not unregister: a statement that is logged is answered under any later policy", async () => {
    const bytes = await at.sign("one");
    const first = await at.service.register(bytes);
    await at.service.register(await at.propose({ issuers: [] }));
    expect(await at.service.register(bytes)).toMatchObject({
      index: first.index,
      isDuplicate: true,
    });
  });

  test("that is logged is looked up when it comes again, and neither verified nor read", async () => {
    const bytes = await at.propose({ issuers: [] });
    const { entryId, index } = await at.service.register(bytes);
    const admit = jest.spyOn(Admission, "admit");
    const again = await at.service.register(bytes);
    expect(again).toMatchObject({ entryId, index, isDuplicate: true });
    expect(admit).not.toHaveBeenCalled();
    admit.mockRestore();
  });

  test("refuses a proposal that was made from a policy no longer in force", async () => {
    const proposals = [
      await at.propose({ maxStatementBytes: 500 }),
      await at.propose({ maxStatementBytes: 600 }),
    ];
    const outcomes = await Promise.allSettled(proposals.map((one) => at.service.register(one)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [refused] = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused?.reason).toMatchObject({ code: "POLICY_STALE" });
  });

  /** Lets a policy be committed after the next admission and before its append. */
  function commitBeforeNextAppend(change: Partial<PolicyDocument>): void {
    const { log } = at.service;
    const append = log.append.bind(log);
    log.append = async (request) => {
      log.append = append;
      await at.service.register(await at.propose(change));
      return append(request);
    };
  }

  test("T12: decides again, and refuses, when it changes between admission and sequencing", async () => {
    commitBeforeNextAppend({ issuers: [] });
    await expect(at.service.register(await at.sign("raced"))).rejects.toMatchObject({
      code: "STATEMENT_KEY_UNKNOWN",
    });
    expect(at.service.size()).toBe(3);
  });

  test("T12: decides again, and records the newer policy, when that admits it too", async () => {
    commitBeforeNextAppend({ maxStatementBytes: 10_000 });
    const bytes = await at.sign("raced");
    expect(await at.service.register(bytes)).toMatchObject({ index: 3, isDuplicate: false });
    const found = await at.service.log.lookup(SignedStatement.decode(bytes).entry);
    const { entryId, index } = await at.service.policyInForce();
    expect(index).toBe(2);
    expect(encodeHex(found?.collateral ?? new Uint8Array())).toContain(entryId);
  });

  test("T12: decides again, and refuses, when the policy gives the issuer another key", async () => {
    const { publicKey } = await PrivateKey.generate("EdDSA");
    const jwk = { ...publicKey.toJwk(), kid: at.vendor.publicKey.toJwk().kid ?? "" };
    commitBeforeNextAppend({ issuers: [{ iss: VENDOR, keys: [jwk] }] });
    await expect(at.service.register(await at.sign("raced"))).rejects.toMatchObject({
      code: "STATEMENT_SIGNATURE_INVALID",
    });
    expect(at.service.size()).toBe(3);
  });

  test("I6: decides again as often as checkpoints of later seconds come between", async () => {
    let clock = TIME;
    const racing = await fixture(new MemoryStore(), () => clock);
    const { log } = racing.service;
    const append = log.append.bind(log);
    const bytes = await racing.sign("raced");
    const { entry } = SignedStatement.decode(bytes);
    const others = await Promise.all(Array.from({ length: 8 }, (_, i) => racing.sign(`${i}`)));
    const admittedAt: (number | undefined)[] = [];
    const goesFirst: (boolean | undefined)[] = [];
    log.append = async (request) => {
      if (encodeHex(request.entry) !== encodeHex(entry)) return append(request);
      admittedAt.push(request.admittedAt);
      goesFirst.push(request.isAgain);
      const other = others.pop();
      if (other !== undefined) {
        clock++;
        await racing.service.register(other);
      }
      return append(request);
    };
    const verify = jest.spyOn(VerifiedStatement, "verify");
    expect(await racing.service.register(bytes)).toMatchObject({ index: 10, isDuplicate: false });
    // Decided nine times, of which the signature was verified once.
    expect(verify.mock.calls.filter(([{ entryId }]) => entryId === encodeHex(entry))).toHaveLength(
      1,
    );
    verify.mockRestore();
    expect(admittedAt).toEqual(Array.from({ length: 9 }, (_, i) => TIME + i));
    // Else whoever comes later keeps going before it.
    expect(goesFirst).toEqual(Array.from({ length: 9 }, (_, i) => i > 0));
    const found = await log.lookup(entry);
    expect(encodeHex(found?.collateral ?? new Uint8Array())).toContain((TIME + 8).toString(16));
    await racing.service.close();
  });

  test("is found again when the log is opened", async () => {
    const store = new MemoryStore();
    const { service, anchor, receiptKey } = await fixture(store);
    const { entryId } = await service.policyInForce();
    const bytes = await statement("x", await PrivateKey.generate("ES256"), VENDOR);
    await service.close();
    const kept = { store: store.reopen(), anchor: anchor.reopen() };
    const options = { ...kept, issuer: ISSUER, origin: ORIGIN, signer: receiptKey };
    const reopened = await TransparencyService.open({ ...options, now: () => TIME });
    expect((await reopened.policyInForce()).entryId).toBe(entryId);
    await expect(reopened.register(bytes)).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
    await reopened.close();
  });
});
