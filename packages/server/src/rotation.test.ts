import { describe, expect, test } from "@jest/globals";
import { KEY_LABEL, PrivateKey, decodeCbor, encodeBase64url, isCborArray } from "@tallystick/cose";
import type { CborMap, PublicKey } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import {
  Admission,
  firstPolicy,
  signApproval,
  signPolicy,
  withReceiptKeys,
} from "@tallystick/policy";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";
import request from "supertest";

import { createApp } from "./app.js";
import { appendRequest } from "./register.js";
import { TransparencyService } from "./service.js";
import type { Registration } from "./service.js";
import { ISSUER, ORIGIN, TIME, VENDOR, statement } from "./testing/service.js";
import { bodyOf, bytes, problemIn } from "./testing/wire.js";

const TWO = "https://two.example";
const [first, next, operator, second, vendor] = await Promise.all([
  PrivateKey.generate("ES256"),
  PrivateKey.generate("EdDSA"),
  PrivateKey.generate("ES256"),
  PrivateKey.generate("ES256"),
  PrivateKey.generate("EdDSA"),
]);
const OLD = first.publicKey;
const NEW = next.publicKey;

const code = (code: string): unknown => expect.objectContaining({ code });

/** A service in memory that can be closed and opened with another key. */
class Site {
  #store: MemoryStore;
  #anchor: MemoryAnchor;
  service: TransparencyService;

  private constructor(service: TransparencyService, store: MemoryStore, anchor: MemoryAnchor) {
    this.service = service;
    this.#store = store;
    this.#anchor = anchor;
  }

  static async create(approvals = 1): Promise<Site> {
    const [store, anchor] = [new MemoryStore(), new MemoryAnchor()];
    const document = firstPolicy({ iss: ISSUER, key: operator.publicKey });
    const other = { iss: TWO, keys: [second.publicKey.toJwk()] };
    const service = await TransparencyService.create(
      { store, anchor, issuer: ISSUER, origin: ORIGIN, signer: first, now: () => TIME },
      operator,
      {
        ...document,
        operators: [...document.operators, other],
        approvals,
        issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }],
      },
    );
    return new Site(service, store, anchor);
  }

  /** Proposes the policy in force with these receipt keys. */
  async name(...keys: readonly PublicKey[]): Promise<Registration> {
    return this.service.register(await this.proposal(...keys));
  }

  async proposal(...keys: readonly PublicKey[]): Promise<Uint8Array> {
    const { policy, entryId } = await this.service.policyInForce();
    const document = withReceiptKeys(policy.document, entryId, keys);
    return signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, operator);
  }

  async approve(proposal: string): Promise<Registration> {
    const about = { issuer: TWO, issuedAt: TIME };
    return this.service.register(await signApproval(proposal, about, second));
  }

  async reopen(signer: PrivateKey, formerKeys: readonly PublicKey[] = []): Promise<void> {
    await this.service.close();
    this.#store = this.#store.reopen();
    this.#anchor = this.#anchor.reopen();
    const kept = { store: this.#store, anchor: this.#anchor };
    const named = { issuer: ISSUER, origin: ORIGIN, signer, formerKeys, now: () => TIME };
    this.service = await TransparencyService.open({ ...kept, ...named });
  }
}

async function holds({ receipt }: Registration, body: Uint8Array, key: PublicKey): Promise<number> {
  const { entry } = SignedStatement.decode(body);
  const decoded = Receipt.decode(receipt ?? new Uint8Array());
  const { size = 0 } = await VerifiedInclusion.verify(decoded, { key, entry });
  return size;
}

describe("a rotation of the receipt key", () => {
  test("S7: leaves receipts that hold under both keys, and serves both", async () => {
    const site = await Site.create();
    const [before, after] = await Promise.all(["before", "after"].map((x) => statement(x, vendor)));
    if (before === undefined || after === undefined) throw new Error("no statements");
    const old = await site.service.register(before);
    await site.name(OLD, NEW);
    expect(site.service.keys).toEqual([OLD]);
    await site.reopen(next, [OLD]);
    const fresh = await site.service.register(after);
    const again = await site.service.register(before);
    expect(await holds(old, before, OLD)).toBe(2);
    expect(await holds(fresh, after, NEW)).toBe(4);
    expect(await holds(again, before, NEW)).toBe(4);
    await site.name(NEW);
    expect((await site.service.register(after)).isDuplicate).toBe(true);

    const app = createApp(site.service);
    const set = decodeCbor(bodyOf(await bytes(request(app).get("/.well-known/scitt-keys"))));
    const listed = (isCborArray(set) ? (set as CborMap[]) : []).map((key) => [
      key.get(KEY_LABEL.kid),
      key.get("tallystick-status"),
    ]);
    expect(listed).toEqual([
      [NEW.thumbprint(), undefined],
      [OLD.thumbprint(), "retired"],
    ]);
    for (const key of [OLD, NEW]) {
      const path = `/.well-known/scitt-keys/${encodeBase64url(key.thumbprint())}`;
      expect((await request(app).get(path)).status).toBe(200);
    }
    await site.service.close();
  });

  test("cannot begin with the key: a policy has to name it first", async () => {
    const site = await Site.create();
    await expect(site.reopen(next, [OLD])).rejects.toEqual(code("LOG_KEY_MISMATCH"));
    await expect(site.reopen(next)).rejects.toEqual(code("LOG_KEY_MISMATCH"));
    await site.reopen(first);
    expect(site.service.isWritable()).toBe(true);
    await site.service.close();
  });

  test("cannot end before the log signs with the new key", async () => {
    const site = await Site.create();
    await site.name(OLD, NEW);
    const app = createApp(site.service);
    const answer = await bytes(
      request(app).post("/entries").set("content-type", "application/cose"),
    ).send(Buffer.from(await site.proposal(NEW)));
    expect([answer.status, problemIn(answer).title]).toEqual([400, "Rejected"]);
    expect(problemIn(answer).detail).toMatch(/receipt key in use/);
    expect((await site.service.policyInForce()).policy.receiptKeys).toEqual([OLD, NEW]);
    await site.service.close();
  });

  test("of two at once the one that is sequenced later is stale", async () => {
    const site = await Site.create();
    const other = await PrivateKey.generate("EdDSA");
    const [one, two] = [await site.proposal(OLD, NEW), await site.proposal(OLD, other.publicKey)];
    const outcomes = await Promise.allSettled(
      [one, two].map((each) => site.service.register(each)),
    );
    // Both are verified at the same time, so either may come first.
    const [stale, ...others] = outcomes.filter(({ status }) => status === "rejected");
    expect(stale).toMatchObject({ reason: code("POLICY_STALE") });
    expect(others).toEqual([]);
    const named = outcomes[0]?.status === "fulfilled" ? NEW : other.publicKey;
    expect((await site.service.policyInForce()).policy.receiptKeys).toEqual([OLD, named]);
    await site.service.close();
  });

  test("takes as many operators as any other change", async () => {
    const site = await Site.create(2);
    const both = await site.name(OLD, NEW);
    expect(site.service.log.control().receiptKeys).toBeUndefined();
    await expect(site.reopen(next, [OLD])).rejects.toEqual(code("LOG_KEY_MISMATCH"));
    await site.reopen(first);
    await site.approve(both.entryId);
    await site.reopen(next, [OLD]);
    await site.name(NEW);
    expect(site.service.log.control().receiptKeys).toHaveLength(2);
    await site.service.close();
  });

  test("the approval that would drop the key in use is refused, and can be made later", async () => {
    const site = await Site.create(2);
    await site.approve((await site.name(OLD, NEW)).entryId);
    const alone = await site.name(NEW);
    await expect(site.approve(alone.entryId)).rejects.toEqual(code("LOG_KEY_IN_USE"));
    const { state } = await site.service.policyInForce();
    expect([...state.proposals.keys()]).toEqual([alone.entryId]);
    await site.reopen(next, [OLD]);
    await site.approve(alone.entryId);
    expect((await site.service.policyInForce()).policy.receiptKeys).toEqual([NEW]);
    await site.service.close();
  });

  test("is what the policies say, and not what the log has recorded beside them", async () => {
    const site = await Site.create();
    const { state, policy } = await site.service.policyInForce();
    const signed = SignedStatement.decode(await site.proposal(OLD, NEW));
    const verified = await VerifiedStatement.verify(signed, policy, { time: TIME });
    const request = appendRequest(Admission.admit(verified, state, TIME), state);
    await site.service.log.append({ ...request, receiptKeys: [OLD.thumbprint()] });
    await expect(site.service.policyInForce()).rejects.toThrow(
      /other receipt keys than its policy/,
    );
    await site.service.close();
  });
});
