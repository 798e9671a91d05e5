import { PrivateKey, decodeHex, encodeHex } from "@tallystick/cose";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Admission } from "./admission.js";
import {
  APPROVAL_FORMAT,
  APPROVAL_MEDIA_TYPE,
  formatApproval,
  parseApproval,
  signApproval,
} from "./approval.js";
import type { PolicyDocument } from "./document.js";
import { PolicyState, type ControlEntry } from "./state.js";
import { refusal, rejection } from "./testing/refusal.js";
import { TIME, VENDOR, bytesOf, documentWith, proposal, statement } from "./testing/sample.js";

/** Four operators, of whom a policy may ask for several. */
const KEYS = await Promise.all([0, 1, 2, 3].map(() => PrivateKey.generate("Ed25519")));
const NAMES = KEYS.map((_key, i) => `https://operator-${i}.example`);
const operators = KEYS.map((key, i) => ({ iss: nameOf(i), keys: [key.publicKey.toJwk()] }));

function keyOf(operator: number): PrivateKey {
  return KEYS[operator] ?? VENDOR;
}

function nameOf(operator: number): string {
  return NAMES[operator] ?? "https://stranger.example";
}

function document(changes: Partial<PolicyDocument> = {}): PolicyDocument {
  return documentWith({ operators, ...changes });
}

/** A log's control entries with the state that they lead to. */
class Chain {
  #state: PolicyState;
  readonly entries: ControlEntry[];

  private constructor(state: PolicyState, first: ControlEntry) {
    this.#state = state;
    this.entries = [first];
  }

  static of(first: SignedStatement, state: PolicyState): Chain {
    return new Chain(state, { statement: first, index: 0, time: TIME });
  }

  static async start(approvals: number): Promise<Chain> {
    const first = await proposal(document({ approvals }), { issuer: nameOf(0) }, keyOf(0));
    const state = PolicyState.genesis(await Admission.bootstrap(first, TIME));
    return Chain.of(first, state);
  }

  get state(): PolicyState {
    return this.#state;
  }

  get current(): string {
    return encodeHex(this.#state.inForce.entry);
  }

  async admit(decoded: SignedStatement): Promise<Admission> {
    const verified = await VerifiedStatement.verify(decoded, this.#state.inForce.policy);
    return Admission.admit(verified, this.#state, TIME);
  }

  /** Admits and sequences, and yields the EntryID. */
  async add(decoded: SignedStatement): Promise<string> {
    const index = this.entries.length * 2;
    this.#state = this.#state.next(await this.admit(decoded), index);
    this.entries.push({ statement: decoded, index, time: TIME });
    return decoded.entryId;
  }

  propose(operator: number, changes: Partial<PolicyDocument> = {}): Promise<SignedStatement> {
    const next = document({
      previous: this.current,
      approvals: this.#state.inForce.policy.approvals,
      ...changes,
    });
    return proposal(next, { issuer: nameOf(operator) }, keyOf(operator));
  }
}

async function approval(id: string, operator: number): Promise<SignedStatement> {
  const claims = { issuer: nameOf(operator), issuedAt: TIME };
  return SignedStatement.decode(await signApproval(id, claims, keyOf(operator)));
}

/** The order of the group of P-256 (SEC 2 §2.4.2). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** Yields the statement with (r, n - s) in the place of the signature (r, s), which is as valid. */
function otherForm({ normalised }: SignedStatement): SignedStatement {
  const [head, s] = [normalised.subarray(0, -32), normalised.subarray(-32)];
  const other = (N - BigInt(`0x${encodeHex(s)}`)).toString(16).padStart(64, "0");
  return SignedStatement.decode(Uint8Array.from([...head, ...decodeHex(other)]));
}

describe("a change with one approval", () => {
  test("is in force with its proposal", async () => {
    const chain = await Chain.start(1);
    const id = await chain.add(await chain.propose(1, { issuers: [] }));
    expect(chain.state.inForce).toMatchObject({ index: 2, policy: { issuers: [] } });
    expect(chain.current).toBe(id);
    expect(encodeHex(chain.state.control)).toBe(id);
    expect(chain.state.proposals.size).toBe(0);
  });
});

describe("a change with three approvals", () => {
  test.each([
    [0, 1, 2],
    [2, 1, 0],
    [3, 0, 1],
  ])("is in force once %i, %i and %i have signed it, not before", async (...order) => {
    const chain = await Chain.start(3);
    const before = chain.current;
    const [first, second, third] = order;
    const id = await chain.add(await chain.propose(first, { issuers: [] }));
    expect(chain.current).toBe(before);
    expect(encodeHex(chain.state.control)).toBe(id);
    await chain.add(await approval(id, second));
    expect(chain.current).toBe(before);
    expect([...(chain.state.proposals.get(id)?.approvers ?? [])]).toStrictEqual([
      nameOf(first),
      nameOf(second),
    ]);
    const last = await chain.add(await approval(id, third));
    expect(chain.current).toBe(last);
    expect(chain.state.inForce).toMatchObject({ index: 6, policy: { issuers: [] } });
    expect(chain.state.proposals.size).toBe(0);
    // What comes next replaces the policy by the approval that put it in force.
    await chain.add(await chain.propose(0));
    expect((await rejection(chain.admit(await approval(id, 3)))).code).toBe("POLICY_STALE");
  });

  test("counts no operator twice, the one that proposed it included", async () => {
    const chain = await Chain.start(3);
    const id = await chain.add(await chain.propose(0));
    await chain.add(await approval(id, 1));
    for (const operator of [0, 1]) {
      const claims = { issuer: nameOf(operator), issuedAt: TIME + 1 };
      const again = SignedStatement.decode(await signApproval(id, claims, keyOf(operator)));
      const error = await rejection(chain.admit(again));
      expect(error.code).toBe("POLICY_REJECTED");
      expect(error.reasons).toStrictEqual(["proposal: this operator has approved it before"]);
    }
  });

  test("takes no approval by anybody else", async () => {
    const chain = await Chain.start(3);
    const id = await chain.add(await chain.propose(0));
    await expect(chain.admit(await approval(id, 9))).rejects.toMatchObject({
      code: "STATEMENT_KEY_UNKNOWN",
    });
    const payload = formatApproval({ format: APPROVAL_FORMAT, proposal: id });
    const byVendor = await statement({ payload, contentType: APPROVAL_MEDIA_TYPE });
    await expect(chain.admit(byVendor)).rejects.toMatchObject({ code: "STATEMENT_KEY_UNKNOWN" });
  });

  test("takes no approval of what nobody proposed, or of another entry", async () => {
    const chain = await Chain.start(3);
    await chain.add(await chain.propose(0));
    for (const id of ["00".repeat(32), chain.current]) {
      expect((await rejection(chain.admit(await approval(id, 1)))).code).toBe("POLICY_STALE");
    }
  });

  test("drops every other proposal when it comes in force", async () => {
    const chain = await Chain.start(3);
    const loser = await chain.add(await chain.propose(3, { maxStatementBytes: 5 }));
    const winner = await chain.add(await chain.propose(0, { issuers: [] }));
    await chain.add(await approval(loser, 2));
    await chain.add(await approval(winner, 1));
    await chain.add(await approval(winner, 2));
    expect((await rejection(chain.admit(await approval(loser, 1)))).code).toBe("POLICY_STALE");
  });

  test("is counted by the policy in force, not by the one that is proposed", async () => {
    const chain = await Chain.start(3);
    const before = chain.current;
    const id = await chain.add(await chain.propose(0, { approvals: 1 }));
    await chain.add(await approval(id, 1));
    expect(chain.current).toBe(before);
    await chain.add(await approval(id, 2));
    expect(chain.state.inForce.policy.approvals).toBe(1);
  });

  test("takes the place of the older one by the same operator, and of no other's", async () => {
    const chain = await Chain.start(3);
    const older = await chain.add(await chain.propose(0, { maxStatementBytes: 1 }));
    const other = await chain.add(await chain.propose(1, { issuers: [] }));
    await chain.add(await approval(older, 1));
    await chain.add(await approval(other, 0));
    const newer = await chain.add(await chain.propose(0, { maxStatementBytes: 2 }));
    expect([...chain.state.proposals.keys()]).toStrictEqual([other, newer]);
    expect([...(chain.state.proposals.get(newer)?.approvers ?? [])]).toStrictEqual([nameOf(0)]);
    expect((await rejection(chain.admit(await approval(older, 2)))).code).toBe("POLICY_STALE");
    await chain.add(await approval(other, 2));
    expect(chain.state.inForce.policy.issuers).toStrictEqual([]);
  });

  test("cannot be made again by anybody who changes the form of its signature", async () => {
    const key = await PrivateKey.generate("ES256");
    const own = { iss: nameOf(0), keys: [key.publicKey.toJwk()] };
    const members = { operators: [own, ...operators.slice(1)], approvals: 3 };
    const first = await proposal(document(members), { issuer: nameOf(0) }, key);
    const chain = Chain.of(first, PolicyState.genesis(await Admission.bootstrap(first, TIME)));
    const next = document({ ...members, previous: chain.current });
    const real = await proposal(next, { issuer: nameOf(0) }, key);
    const id = await chain.add(real);
    await chain.add(await approval(id, 1));
    const refused = async (): Promise<void> => {
      const { code, message } = await rejection(chain.admit(otherForm(real)));
      expect([code, message]).toEqual(["POLICY_STALE", expect.stringContaining("signed the same")]);
    };
    await refused();
    expect(chain.state.proposals.get(id)?.approvers.size).toBe(2);
    // Nor does what its operator took back return.
    const other = { ...next, maxStatementBytes: 7 };
    const newer = await chain.add(await proposal(other, { issuer: nameOf(0) }, key));
    await refused();
    expect([...chain.state.proposals.keys()]).toEqual([newer]);
    const entry = { statement: otherForm(real), index: 99, time: TIME };
    await expect(PolicyState.replay([...chain.entries, entry])).rejects.toMatchObject({
      code: "POLICY_STALE",
    });
  });

  test("can be made however many one operator has made before", async () => {
    const chain = await Chain.start(2);
    for (let i = 1; i <= 20; i++) {
      await chain.add(await chain.propose(0, { maxStatementBytes: i }));
    }
    const id = await chain.add(await chain.propose(1, { issuers: [] }));
    expect(chain.state.proposals.size).toBe(2);
    expect(chain.current).not.toBe(id);
    await chain.add(await approval(id, 2));
    expect(chain.state.inForce.policy.issuers).toStrictEqual([]);
  });

  test("is malformed before it is counted, never when it is applied", async () => {
    const chain = await Chain.start(3);
    const broken = await proposal(
      { ...document({ previous: chain.current }), rules: [{ name: "r" }] },
      { issuer: nameOf(0) },
      keyOf(0),
    );
    expect((await rejection(chain.admit(broken))).code).toBe("POLICY_MALFORMED");
  });
});

describe("an approval document", () => {
  const good = { format: APPROVAL_FORMAT, proposal: "ab".repeat(32) };

  test("is read back as it was written", () => {
    expect(parseApproval(formatApproval({ ...good, format: APPROVAL_FORMAT }))).toStrictEqual(good);
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["another format", { ...good, format: "tallystick-approval/2" }],
    ["no proposal", { format: APPROVAL_FORMAT }],
    ["a proposal in upper case", { ...good, proposal: "AB".repeat(32) }],
    ["an unknown member", { ...good, reason: "x" }],
    ["over 1024 bytes", { ...good, proposal: "a".repeat(1024) }],
  ])("is malformed with %s", async (_name, value) => {
    expect(refusal(() => parseApproval(bytesOf(value))).code).toBe("POLICY_MALFORMED");
    const chain = await Chain.start(2);
    const changes = {
      issuer: nameOf(0),
      payload: bytesOf(value),
      contentType: APPROVAL_MEDIA_TYPE,
    };
    const error = await rejection(chain.admit(await statement(changes, keyOf(0))));
    expect(error.code).toBe("POLICY_MALFORMED");
  });
});

describe("misuse", () => {
  test("an admission of another state is not sequenced", async () => {
    const chain = await Chain.start(2);
    const early = await chain.admit(await chain.propose(1));
    await chain.add(await chain.propose(0, { issuers: [] }));
    expect(() => chain.state.next(early, 9)).toThrow(TypeError);
    expect(() => PolicyState.genesis(early)).toThrow(TypeError);
  });

  test("an index that does not grow is refused", async () => {
    const chain = await Chain.start(2);
    const admission = await chain.admit(await chain.propose(1));
    expect(() => chain.state.next(admission, 0)).toThrow(TypeError);
    expect(chain.state.next(admission, 1).proposals.size).toBe(1);
  });

  test("a statement leaves the state as it is", async () => {
    const chain = await Chain.start(2);
    expect(chain.state.next(await chain.admit(await statement()), 1)).toBe(chain.state);
  });
});

describe("T13: a replay", () => {
  test("leads to the same state", async () => {
    const chain = await Chain.start(2);
    const id = await chain.add(await chain.propose(0, { issuers: [] }));
    await chain.add(await approval(id, 3));
    await chain.add(await chain.propose(1, { maxStatementBytes: 1 }));
    await chain.add(await chain.propose(1));
    const { inForce, control, proposals } = await PolicyState.replay(chain.entries);
    expect(inForce.entry).toStrictEqual(chain.state.inForce.entry);
    expect(inForce.policy.document).toStrictEqual(chain.state.inForce.policy.document);
    expect(control).toStrictEqual(chain.state.control);
    expect([...proposals.keys()]).toStrictEqual([...chain.state.proposals.keys()]);
  });

  test("refuses entries that are missing, out of order, or no changes", async () => {
    const chain = await Chain.start(2);
    const id = await chain.add(await chain.propose(0, { issuers: [] }));
    await chain.add(await approval(id, 3));
    const [first, second, third] = chain.entries;
    if (first === undefined || second === undefined || third === undefined) throw new Error();
    await expect(PolicyState.replay([])).rejects.toThrow(TypeError);
    await expect(PolicyState.replay([second])).rejects.toThrow(TypeError);
    await expect(PolicyState.replay([first, { ...second, index: 0 }])).rejects.toThrow(TypeError);
    await expect(PolicyState.replay([first, third])).rejects.toMatchObject({
      code: "POLICY_STALE",
    });
    const plain = { statement: await statement(), index: 9, time: TIME };
    await expect(PolicyState.replay([first, plain])).rejects.toThrow(TypeError);
  });
});

test("no policy comes in force without enough distinct operators, and each names the one before", async () => {
  const step = fc.record({
    operator: fc.nat(3),
    /** Which of the proposals made so far is approved; none means a new one. */
    of: fc.option(fc.nat(3)),
    approvals: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 12 }), follow),
    { numRuns: 40 },
  );
});

interface Step {
  readonly operator: number;
  readonly of: number | null;
  readonly approvals: number;
}

/** Plays the steps beside a ledger of its own that counts who signed what. */
async function follow(approvals: number, steps: readonly Step[]): Promise<void> {
  const chain = await Chain.start(approvals);
  const signers = new Map<string, Set<number>>();
  const proposed: string[] = [];
  for (const [at, { operator, of, approvals: wanted }] of steps.entries()) {
    const id = of === null ? undefined : proposed.at(-1 - of);
    const decoded =
      id === undefined
        ? await chain.propose(operator, { approvals: wanted, maxStatementBytes: 1000 + at })
        : await approval(id, operator);
    const { inForce: before } = chain.state;
    try {
      await chain.add(decoded);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^POLICY_(STALE|REJECTED)$/) });
      expect(chain.state.inForce).toBe(before);
      continue;
    }
    const subject = id ?? decoded.entryId;
    if (id === undefined) proposed.push(subject);
    const by = (signers.get(subject) ?? new Set()).add(operator);
    signers.set(subject, by);
    const open = [...chain.state.proposals.values()];
    const proposers = open.map(({ approvers: [proposer] }) => proposer);
    expect(new Set(proposers).size).toBe(open.length);
    const isEnough = by.size >= before.policy.approvals;
    expect(chain.state.inForce === before).toBe(!isEnough);
    if (isEnough) {
      const { policy, entry } = chain.state.inForce;
      expect(policy.document.previous).toBe(encodeHex(before.entry));
      expect(entry).toStrictEqual(decoded.entry);
    }
  }
}
