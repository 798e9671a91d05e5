import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CLAIM, LABEL, PrivateKey, decodeCborMap, encodeHex, signSign1 } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { firstPolicy, signApproval, signPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { SignedStatement } from "@tallystick/statement";
import request from "supertest";

import { createApp } from "./app.js";
import { TransparencyService } from "./service.js";
import { ISSUER, ORIGIN, TIME, VENDOR, statement } from "./testing/service.js";
import { bodyOf, bytes, problemIn } from "./testing/wire.js";

const OPERATORS = [ISSUER, "https://two.example", "https://three.example"] as const;
type Operator = (typeof OPERATORS)[number];

let keys: ReadonlyMap<Operator, PrivateKey>;
let vendor: PrivateKey;
let store: MemoryStore;
let anchor: MemoryAnchor;
let receiptKey: PrivateKey;
let service: TransparencyService;

const named = (): { issuer: string; origin: string; signer: PrivateKey; now: () => number } => ({
  issuer: ISSUER,
  origin: ORIGIN,
  signer: receiptKey,
  now: () => TIME,
});

function keyOf(operator: Operator): PrivateKey {
  const key = keys.get(operator);
  if (key === undefined) throw new Error(operator);
  return key;
}

/** A first policy of three operators, of whom so many have to sign a change. */
function ofThree(approvals: number): PolicyDocument {
  const first = firstPolicy({ iss: ISSUER, key: keyOf(ISSUER).publicKey });
  const operators = OPERATORS.map((iss) => ({ iss, keys: [keyOf(iss).publicKey.toJwk()] }));
  const issuers = [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }];
  return { ...first, operators, issuers, approvals };
}

beforeEach(async () => {
  const made = await Promise.all(OPERATORS.map(() => PrivateKey.generate("ES256")));
  keys = new Map(
    OPERATORS.flatMap((iss, i) => {
      const key = made[i];
      return key === undefined ? [] : [[iss, key] as const];
    }),
  );
  vendor = await PrivateKey.generate("EdDSA");
  receiptKey = await PrivateKey.generate("ES256");
  store = new MemoryStore();
  anchor = new MemoryAnchor();
  const options = { store, anchor, ...named() };
  service = await TransparencyService.create(options, keyOf(ISSUER), ofThree(3));
});

afterEach(() => service.close());

async function proposed(
  change: Partial<PolicyDocument>,
  operator: Operator = ISSUER,
): Promise<Uint8Array> {
  const { policy, entryId } = await service.policyInForce();
  const document = { ...policy.document, previous: entryId, ...change };
  return signPolicy(document, { issuer: operator, issuedAt: TIME }, keyOf(operator));
}

function approval(proposal: string, operator: Operator): Promise<Uint8Array> {
  return signApproval(proposal, { issuer: operator, issuedAt: TIME }, keyOf(operator));
}

async function read(path: string): Promise<request.Response> {
  return bytes(request(createApp(service)).get(path));
}

async function policyRead(): Promise<Record<string, unknown>> {
  return JSON.parse(new TextDecoder().decode(bodyOf(await read("/policy")))) as Record<
    string,
    unknown
  >;
}

async function reopened(): Promise<TransparencyService> {
  await service.close();
  store = store.reopen();
  anchor = anchor.reopen();
  return TransparencyService.open({ store, anchor, ...named() });
}

/** Registers a proposal and one approval of it; a third operator is still to come. */
async function halfApproved(): Promise<string> {
  const { entryId } = await service.register(await proposed({ maxStatementBytes: 5000 }));
  await service.register(await approval(entryId, OPERATORS[1]));
  return entryId;
}

describe("a policy that several operators have to sign", () => {
  test("is open until the last approval, which puts it in force", async () => {
    const first = await service.policyInForce();
    const proposal = await halfApproved();
    expect((await service.policyInForce()).entryId).toBe(first.entryId);
    expect(await policyRead()).toMatchObject({
      entryId: first.entryId,
      proposals: [{ entryId: proposal, index: 1, approvers: [ISSUER, OPERATORS[1]] }],
    });
    const last = await service.register(await approval(proposal, OPERATORS[2]));
    const after = await service.policyInForce();
    expect(after).toMatchObject({ entryId: last.entryId, index: 3 });
    expect(after.policy.document.maxStatementBytes).toBe(5000);
    expect(await policyRead()).toMatchObject({ entryId: last.entryId, proposals: [] });
  });

  test("is found again, and open proposals too, when the log is opened", async () => {
    const proposal = await halfApproved();
    service = await reopened();
    const { state } = await service.policyInForce();
    expect([...state.proposals.keys()]).toEqual([proposal]);
    const last = await service.register(await approval(proposal, OPERATORS[2]));
    service = await reopened();
    expect((await service.policyInForce()).entryId).toBe(last.entryId);
  });

  test("two approvals at once are each counted once, and the policy comes into force once", async () => {
    const { entryId: proposal } = await service.register(
      await proposed({ maxStatementBytes: 700 }),
    );
    const approvals = [
      await approval(proposal, OPERATORS[1]),
      await approval(proposal, OPERATORS[2]),
    ];
    const made = await Promise.all(approvals.map((one) => service.register(one)));
    expect(made.map(({ index }) => index).sort()).toEqual([2, 3]);
    const { index, policy, state } = await service.policyInForce();
    expect([index, policy.document.maxStatementBytes]).toEqual([3, 700]);
    expect(state.proposals.size).toBe(0);
    expect(service.size()).toBe(4);
  });

  test("the same approval twice at once is one entry, and counted once", async () => {
    const { entryId: proposal } = await service.register(
      await proposed({ maxStatementBytes: 700 }),
    );
    const one = await approval(proposal, OPERATORS[1]);
    const made = await Promise.all([service.register(one), service.register(one)]);
    expect(made.map(({ index }) => index)).toEqual([2, 2]);
    const { state } = await service.policyInForce();
    expect(state.proposals.get(proposal)?.approvers.size).toBe(2);
  });

  test("of two that are completed at once, one comes into force and the other is stale", async () => {
    const first = await halfApproved();
    const { entryId: second } = await service.register(
      await proposed({ maxStatementBytes: 600 }, OPERATORS[1]),
    );
    await service.register(await approval(second, ISSUER));
    const last = [await approval(first, OPERATORS[2]), await approval(second, OPERATORS[2])];
    const outcomes = await Promise.allSettled(last.map((one) => service.register(one)));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.map(({ reason }) => reason as unknown)).toEqual([
      expect.objectContaining({ code: "POLICY_STALE" }),
    ]);
  });

  test.each<[string, () => Promise<Uint8Array>, string]>([
    [
      "by who has signed it before",
      () => halfApproved().then((id) => approval(id, ISSUER)),
      "POLICY_REJECTED",
    ],
    ["of no proposal", () => approval("00".repeat(32), ISSUER), "POLICY_STALE"],
  ])("an approval %s is refused and not logged", async (_name, made, code) => {
    const approved = await made();
    const size = service.size();
    await expect(service.register(approved)).rejects.toMatchObject({ code });
    expect(service.size()).toBe(size);
  });
});

describe("T12: between admission and sequencing", () => {
  /** Lets a control entry be committed after the next admission and before its append. */
  function commitBeforeNextAppend(control: Uint8Array): void {
    const { log } = service;
    const append = log.append.bind(log);
    log.append = async (asked) => {
      log.append = append;
      await service.register(control);
      return append(asked);
    };
  }

  test("an approval that puts a policy in force makes a statement be admitted again under it", async () => {
    const proposal = await halfApproved();
    commitBeforeNextAppend(await approval(proposal, OPERATORS[2]));
    const raced = await statement("raced", vendor);
    expect(await service.register(raced)).toMatchObject({ index: 4, isDuplicate: false });
    const { entryId } = await service.policyInForce();
    const { entry } = SignedStatement.decode(raced);
    const found = await service.log.lookup(entry);
    const policy = decodeCborMap(found?.collateral ?? new Uint8Array()).get("policy");
    expect(policy instanceof Uint8Array && encodeHex(policy)).toBe(entryId);
  });

  test("a proposal alone leaves the policy as it was, and the statement records that one", async () => {
    const { entryId } = await service.policyInForce();
    commitBeforeNextAppend(await proposed({ issuers: [] }));
    const raced = await statement("raced", vendor);
    await service.register(raced);
    const found = await service.log.lookup(SignedStatement.decode(raced).entry);
    const policy = decodeCborMap(found?.collateral ?? new Uint8Array()).get("policy");
    expect(policy instanceof Uint8Array && encodeHex(policy)).toBe(entryId);
  });
});

describe("GET /policies/{id}", () => {
  test("is the document that a control entry proposes or has put in force, as signed", async () => {
    const { entryId: first } = await service.policyInForce();
    const proposal = await halfApproved();
    const { entryId: last } = await service.register(await approval(proposal, OPERATORS[2]));
    const sizes: unknown[] = [];
    for (const id of [first, proposal, last]) {
      const response = await read(`/policies/${id}`);
      expect(response.status).toBe(200);
      expect(response.headers["content-type"]).toBe("application/json");
      expect(response.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
      const document = JSON.parse(new TextDecoder().decode(bodyOf(response))) as PolicyDocument;
      sizes.push(document.maxStatementBytes);
    }
    expect(sizes).toEqual([1_048_576, 5000, 5000]);
    const signed = await service.log.body(
      SignedStatement.decode(await service.log.body(await service.log.entryAt(1))).entry,
    );
    expect(bodyOf(await read(`/policies/${last}`))).toEqual(
      new Uint8Array(SignedStatement.decode(signed).payload ?? []),
    );
  });

  test("is 404 for what is no policy, an approval that completed none included, and 400 for no ID", async () => {
    const proposal = await halfApproved();
    const halfway = encodeHex(await service.log.entryAt(2));
    const { entryId } = await service.register(await statement("one", vendor));
    for (const id of [halfway, entryId, "00".repeat(32)]) {
      const response = await read(`/policies/${id}`);
      expect([response.status, problemIn(response).title]).toEqual([404, "Not Found"]);
    }
    for (const id of ["none", proposal.toUpperCase(), `${proposal}0`]) {
      expect((await read(`/policies/${id}`)).status).toBe(400);
    }
  });
});

describe("sub", () => {
  const without = (): Promise<Uint8Array> =>
    signSign1(
      {
        protectedHeader: new Map<number, CborValue>([
          [LABEL.contentType, "text/plain"],
          [LABEL.kid, vendor.publicKey.kid],
          [LABEL.cwtClaims, new Map([[CLAIM.iss, VENDOR]])],
        ]),
        payload: Uint8Array.of(1),
      },
      vendor,
    );

  test("IS7: may be missing where the policy in force says so, and only there", async () => {
    const bare = await without();
    await expect(service.register(bare)).rejects.toMatchObject({
      code: "STATEMENT_CLAIMS_MISSING",
    });
    const { entryId: id } = await service.register(await proposed({ isSubjectOptional: true }));
    await service.register(await approval(id, OPERATORS[1]));
    await service.register(await approval(id, OPERATORS[2]));
    const { entryId, index } = await service.register(bare);
    expect(index).toBe(4);
    const strict = await service.register(await proposed({ isSubjectOptional: false }));
    await service.register(await approval(strict.entryId, OPERATORS[1]));
    await service.register(await approval(strict.entryId, OPERATORS[2]));
    expect(await service.register(bare)).toMatchObject({ entryId, isDuplicate: true });
    expect((await read(`/entries/${entryId}/statement`)).status).toBe(200);
  });
});

describe("the control entries of a log", () => {
  test("are judged again at opening: one that was not allowed stops it", async () => {
    const { log } = service;
    const stranger = await PrivateKey.generate("ES256");
    const { policy, entry, entryId } = await service.policyInForce();
    const document = { ...policy.document, previous: entryId };
    const forged = SignedStatement.decode(
      await signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, stranger),
    );
    const found = await log.lookup(entry);
    await log.append({
      entry: forged.entry,
      body: forged.normalised,
      collateral: found?.collateral ?? new Uint8Array(),
      control: true,
    });
    await expect(service.policyInForce()).rejects.toMatchObject({ code: "LOG_CORRUPT" });
    await expect(reopened()).rejects.toMatchObject({ code: "LOG_CORRUPT" });
  });
});
