import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL, PrivateKey } from "@tallystick/cose";
import { APPROVAL_MEDIA_TYPE, POLICY_MEDIA_TYPE, signApproval } from "@tallystick/policy";
import { SignedStatement } from "@tallystick/statement";

import { VENDOR, signed } from "../testing/vendor.js";
import { Engine, ISSUER, TIME } from "./engine.js";
import { post, refusal } from "./tally-service.js";

const SECOND = "https://second.example";
const NOTHING = "00".repeat(32);

let engine: Engine;
let vendor: PrivateKey;
let second: PrivateKey;
let former: string;
let waiting: string;

async function registered(bytes: Uint8Array): Promise<string> {
  expect(await post(engine.url, bytes)).toMatchObject({ status: 201 });
  return SignedStatement.decode(bytes).entryId;
}

beforeAll(async () => {
  [vendor, second] = await Promise.all([
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("EdDSA"),
  ]);
  engine = await Engine.start({ issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }] });
  ({ entryId: former } = await engine.policy());
  const operators = [
    { iss: ISSUER, keys: [engine.operator.publicKey.toJwk()] },
    { iss: SECOND, keys: [second.publicKey.toJwk()] },
  ];
  await registered(await engine.propose({ operators, approvals: 2 }));
  waiting = await registered(await engine.propose({ maxStatementBytes: 4096 }));
});

afterAll(async () => {
  await engine.close();
});

interface Change {
  readonly payload: string;
  readonly contentType: string;
  readonly iss: string;
  readonly key: PrivateKey;
}

function signedChange({ key, ...headers }: Change): Promise<Uint8Array> {
  return signed(key, { ...headers, set: [[LABEL.kid, key.publicKey.kid]] });
}

function approval(document: object, iss = SECOND, key = second): Promise<Uint8Array> {
  const payload = JSON.stringify({ format: "tallystick-approval/1", ...document });
  return signedChange({ payload, contentType: APPROVAL_MEDIA_TYPE, iss, key });
}

async function proposal(change: object, iss = SECOND, key = second): Promise<Uint8Array> {
  const { entryId, policy } = await engine.policy();
  const payload = JSON.stringify({ ...policy, previous: entryId, ...change });
  return signedChange({ payload, contentType: POLICY_MEDIA_TYPE, iss, key });
}

const ROWS: readonly (readonly [string, () => Promise<Uint8Array>, () => string])[] = [
  [
    "an approval by who has proposed it",
    () => signApproval(waiting, { issuer: ISSUER, issuedAt: TIME }, engine.operator),
    () => "proposal: this operator has approved it before",
  ],
  [
    "an approval of what nobody has proposed",
    () => approval({ proposal: NOTHING }),
    () => `proposal: ${NOTHING} does not wait for approvals`,
  ],
  [
    "an approval of what is in force",
    async () => approval({ proposal: (await engine.policy()).entryId }),
    () => "does not wait for approvals",
  ],
  [
    "an approval by an issuer who is no operator",
    () => approval({ proposal: waiting }, VENDOR, vendor),
    () => "no key for this iss and kid",
  ],
  [
    "an approval under an operator's name by another key",
    () => approval({ proposal: waiting }, SECOND, vendor),
    () => "no key for this iss and kid",
  ],
  [
    "an approval of no EntryID",
    () => approval({ proposal: waiting.toUpperCase() }),
    () => "proposal is not an EntryID",
  ],
  [
    "an approval with an unknown member",
    () => approval({ proposal: waiting, reason: "fine" }),
    () => 'approval has the unknown member "reason"',
  ],
  [
    "a proposal in the place of a policy that is not in force any more",
    () => proposal({ previous: former }),
    () => "previous: the policy in force is ",
  ],
  [
    "a proposal as if it were the first policy",
    () => proposal({ previous: null }),
    () => "previous: the policy in force is ",
  ],
  [
    "a proposal that wants more approvals than there are operators",
    () => proposal({ approvals: 3 }),
    () => "approvals is 3",
  ],
];

describe("a change of policy that operators have to sign together is refused, and says why:", () => {
  test.each(ROWS)("%s", async (_name, make, detail) => {
    const bytes = await make();
    const { size } = engine;
    const refused = await refusal(engine.url, bytes);
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain(detail());
    expect(engine.size).toBe(size);
    expect((await engine.policy()).policy.maxStatementBytes).not.toBe(4096);
  });

  test("and the second signature puts it in force", async () => {
    await registered(await approval({ proposal: waiting }));
    expect((await engine.policy()).policy.maxStatementBytes).toBe(4096);
  });
});
