import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeCborMap, encodeHex } from "@tallystick/cose";
import { Admission, Policy, PolicyState, isPolicyStatement } from "@tallystick/policy";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { ISSUER, TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

// What an auditor does, with nothing but the resources of the service and its receipt key.

let at: Fixture;
let server: RunningServer;
let early: string;
let late: string;

beforeAll(async () => {
  at = await fixture();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  ({ entryId: early } = await at.service.register(await at.sign("early")));
  await at.service.register(await at.propose({ maxStatementBytes: 4096 }));
  ({ entryId: late } = await at.service.register(await at.sign("late")));
  await at.service.register(await at.propose({ issuers: [] }));
});

afterAll(async () => {
  await server.close();
  await at.service.close();
});

async function fetched(path: string): Promise<Uint8Array> {
  const response = await fetch(`${server.url}${path}`);
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}

async function statementOf(entryId: string): Promise<SignedStatement> {
  const statement = SignedStatement.decode(await fetched(`/statements/${entryId}`));
  expect(statement.entryId).toBe(entryId);
  return statement;
}

/** Yields the place of an entry, shown by a receipt whose size is signed. */
async function indexOf({ entry, entryId }: SignedStatement): Promise<number> {
  const receipt = Receipt.decode(await fetched(`/entries/${entryId}`));
  expect(receipt.signedSize).toBe(at.service.size());
  const key = at.receiptKey.publicKey;
  const { index = -1 } = await VerifiedInclusion.verify(receipt, { entry, key });
  return index;
}

/** Yields the policy that the collateral names, and the time. */
async function collateralOf(entryId: string): Promise<{ time: number; policy: Uint8Array | null }> {
  const collateral = decodeCborMap(await fetched(`/entries/${entryId}/collateral`));
  const [time, policy] = [collateral.get("time"), collateral.get("policy")];
  if (typeof time !== "number") throw new Error("no time");
  if (policy !== null && !(policy instanceof Uint8Array)) throw new Error("no policy");
  return { time, policy };
}

function policyIn({ payload }: SignedStatement): Policy {
  return Policy.parse(payload ?? new Uint8Array());
}

/** Yields the state that a control entry led to, from all those before it. */
async function stateAt(control: Uint8Array): Promise<PolicyState> {
  const all = await policies();
  const wanted = all.slice(0, all.findIndex(({ entryId }) => entryId === encodeHex(control)) + 1);
  return PolicyState.replay(
    await Promise.all(
      wanted.map(async (statement) => {
        const { time } = await collateralOf(statement.entryId);
        return { statement, time, index: await indexOf(statement) };
      }),
    ),
  );
}

async function replayed(entryId: string): Promise<Admission> {
  const { time, policy: entry } = await collateralOf(entryId);
  const state = await stateAt(entry ?? new Uint8Array());
  const { policy } = state.inForce;
  const verified = await VerifiedStatement.verify(await statementOf(entryId), policy, { time });
  return Admission.admit(verified, state, time);
}

/** Yields the policies of the log, oldest first: each names the one before it. */
async function policies(): Promise<readonly SignedStatement[]> {
  const inForce = JSON.parse(new TextDecoder().decode(await fetched("/policy"))) as {
    entryId: string;
  };
  const found: SignedStatement[] = [];
  for (let id: string | null = inForce.entryId; id !== null;) {
    const statement: SignedStatement = await statementOf(id);
    found.unshift(statement);
    id = policyIn(statement).document.previous;
  }
  return found;
}

describe("an audit over HTTP", () => {
  test("T13, S31: replays a decision from statement, collateral and the policy then in force", async () => {
    for (const entryId of [early, late]) {
      const admission = await replayed(entryId);
      expect(admission.statement.entryId).toBe(entryId);
      expect(admission.time).toBe(TIME);
    }
    const today = policyIn(await statementOf((await at.service.policyInForce()).entryId));
    await expect(VerifiedStatement.verify(await statementOf(late), today)).rejects.toMatchObject({
      code: "STATEMENT_KEY_UNKNOWN",
    });
  });

  test("T12, D8: the policy that an entry names is the newest one below its index", async () => {
    const all = await policies();
    const indexes = await Promise.all(all.map(indexOf));
    expect(indexes).toEqual([0, 1, 3, 5]);
    for (const [entryId, expected] of [
      [early, 1],
      [late, 3],
    ] as const) {
      const index = await indexOf(await statementOf(entryId));
      const newest = all[indexes.filter((below) => below < index).length - 1];
      const { policy } = await collateralOf(entryId);
      expect(encodeHex(policy ?? new Uint8Array())).toBe(newest?.entryId);
      expect(indexes[all.findIndex((one) => one === newest)]).toBe(expected);
    }
  });

  test("T3, T7, T11: policies and the keys that they trust are statements on the log", async () => {
    const [first, ...others] = await policies();
    expect(others).toHaveLength(3);
    let before = first;
    for (const statement of others) {
      expect(isPolicyStatement(statement)).toBe(true);
      expect(statement.claims.issuer).toBe(ISSUER);
      // Each is signed by an operator that the one before it names.
      if (before === undefined) throw new Error("no first policy");
      await VerifiedStatement.verify(statement, policyIn(before));
      before = statement;
    }
    const anchors = others.flatMap((one) => policyIn(one).issuers.flatMap(({ keys }) => keys));
    const vendor = at.vendor.publicKey.thumbprint();
    expect(anchors.map((key) => key.thumbprint())).toEqual([vendor, vendor]);
  });

  test("T14: the first policy stands at index 0 and is signed by an operator that it names", async () => {
    const [first] = await policies();
    if (first === undefined) throw new Error("no first policy");
    expect(await indexOf(first)).toBe(0);
    const { time, policy } = await collateralOf(first.entryId);
    expect(policy).toBeNull();
    const admission = await Admission.bootstrap(first, time);
    expect(PolicyState.genesis(admission).inForce.policy.document.operators).toHaveLength(1);
  });
});
