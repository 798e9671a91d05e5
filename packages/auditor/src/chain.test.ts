import { beforeAll, describe, expect, test } from "@jest/globals";
import { decodeCborMap, encodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";
import type { AnchorDocument } from "@tallystick/statement";

import { audit } from "./audit.js";
import { AuditorError } from "./error.js";
import { authority, certified, leafOf } from "./testing/chain.js";
import type { Certified, ChainPlace } from "./testing/chain.js";
import { Forge, TIME, VENDOR, flipBit, sourceOf } from "./testing/forge.js";

let root: Certified;
let middle: Certified;
let leaf: Certified;
let other: Certified;

beforeAll(async () => {
  root = await authority("CN=Root");
  middle = await authority("CN=Middle", root);
  leaf = await leafOf(middle, { from: TIME + 10, to: TIME + 20 });
  other = await leafOf(middle);
});

function anchorOf({ der }: Certified): AnchorDocument {
  return { certificate: Buffer.from(der).toString("base64"), issuers: [VENDOR] };
}

/** A log with one entry that a chain identifies, at index 1, decided on at TIME + 15. */
async function forged(place: ChainPlace = "unprotected"): Promise<Forge> {
  const forge = await Forge.make({ anchors: [anchorOf(root)] });
  forge.time = TIME + 30;
  const statement = await certified([leaf, middle], place);
  const chain = place === "unprotected" ? [leaf.der, middle.der] : undefined;
  await forge.round([statement], {
    decided: TIME + 15,
    ...(chain === undefined ? {} : { chain }),
  });
  return forge;
}

/** Sets a member of the collateral at index 1, or leaves it out. */
function record(forge: Forge, name: string, value: CborValue | undefined): void {
  const [, entry] = forge.entries;
  if (entry === undefined) throw new Error("no entry");
  const map = new Map(decodeCborMap(entry.collateral));
  if (value === undefined) map.delete(name);
  else map.set(name, value);
  forge.entries[1] = { ...entry, collateral: encodeCbor(map) };
}

/** Yields what the audit disagrees with; anything else fails the test. */
async function disagreement(forge: Forge): Promise<AuditorError> {
  try {
    await auditOf(forge);
  } catch (error) {
    if (error instanceof AuditorError) return error;
    throw error;
  }
  throw new Error("found nothing");
}

function auditOf(forge: Forge): ReturnType<typeof audit> {
  return audit(sourceOf(forge), forge.trust);
}

describe("an entry that a chain identifies", () => {
  test.each(["unprotected", "protected"] as const)("is replayed, %s", async (place) => {
    const { report } = await auditOf(await forged(place));
    expect(report).toMatchObject({ isComplete: true, counts: { entries: 2, chains: 1 } });
  });

  test.each<[string, () => Certified]>([
    ["its leaf", () => leaf],
    ["an authority between", () => middle],
    ["its anchor", () => root],
  ])("is disowned where a later policy revokes the key of %s", async (_name, of) => {
    const forge = await forged();
    const revoked = { ...of().key.publicKey.toJwk(), revoked: { from: 1 } };
    const issuers = [...forge.document.issuers, { iss: "https://ca.example", keys: [revoked] }];
    await forge.round([await forge.propose({ issuers })]);
    const { report } = await auditOf(forge);
    expect(report.counts).toMatchObject({ entries: 3, disowned: 1 });
  });

  const UNVERIFIED = "AUDITOR_STATEMENT_UNVERIFIED";
  const MALFORMED = "AUDITOR_COLLATERAL_MALFORMED";

  test.each<[string, () => CborValue | undefined, string, string]>([
    ["dropped", () => undefined, UNVERIFIED, "no certificate came with the thumbprint"],
    [
      "swapped for that of another leaf",
      () => [other.der, middle.der],
      UNVERIFIED,
      "x5t (header 34) is not the thumbprint of the first certificate",
    ],
    [
      "turned round",
      () => [middle.der, leaf.der],
      UNVERIFIED,
      "x5t (header 34) is not the thumbprint of the first certificate",
    ],
    [
      "cut short",
      () => [leaf.der],
      UNVERIFIED,
      "certificate 0 (CN=Leaf): no trust anchor has the name of its issuer",
    ],
    [
      "lengthened",
      () => [leaf.der, middle.der, middle.der],
      UNVERIFIED,
      "certificate 2 (CN=Middle): the same name and key is there twice",
    ],
    ["damaged", () => [leaf.der, middle.der.subarray(1)], UNVERIFIED, "certificate 1: "],
    ["replaced by a text", () => ["leaf"], MALFORMED, "has no certificates in x5chain"],
  ])("is a disagreement when its chain was %s", async (...[, chain, code, reason]) => {
    const forge = await forged();
    record(forge, "x5chain", chain());
    const error = await disagreement(forge);
    expect(error).toMatchObject({ code, index: 1 });
    expect(error.reason).toContain(reason);
  });

  test("is one when a CA of the chain's name is not the one that certified", async () => {
    const forge = await forged();
    record(forge, "x5chain", [leaf.der, (await authority("CN=Middle", root)).der]);
    const error = await disagreement(forge);
    expect(error).toMatchObject({ code: UNVERIFIED, index: 1 });
    expect(error.reason).toContain("certificate 0 (CN=Leaf): signature does not");
  });

  test("is one when a chain is recorded beside that under the signature", async () => {
    const forge = await forged("protected");
    record(forge, "x5chain", [leaf.der, middle.der]);
    await expect(auditOf(forge)).rejects.toMatchObject({ code: MALFORMED, index: 1 });
  });

  // All of them lie between the two checkpoints around the decision.
  test.each([
    [TIME + 9, "certificate 0 (CN=Leaf): it is not yet valid"],
    [TIME + 10, undefined],
    [TIME + 20, undefined],
    [TIME + 21, "certificate 0 (CN=Leaf): it has expired"],
  ])("is judged at the recorded time, %d", async (time, reason) => {
    const forge = await forged();
    record(forge, "time", time);
    if (reason === undefined) {
      expect((await auditOf(forge)).report.isComplete).toBe(true);
      return;
    }
    await expect(auditOf(forge)).rejects.toMatchObject({ code: UNVERIFIED, index: 1, reason });
  });

  test("is one when any bit of the recorded chain was flipped", async () => {
    const forge = await forged();
    for (const [place, { der }] of [leaf, middle].entries()) {
      for (let bit = place; bit < der.length * 8; bit += 61) {
        const chain = [leaf.der, middle.der];
        chain[place] = flipBit(der, bit);
        record(forge, "x5chain", chain);
        expect({ bit, code: (await disagreement(forge)).code }).toEqual({ bit, code: UNVERIFIED });
      }
    }
  });

  test("is one under a policy that does not have its anchor any more", async () => {
    const forge = await Forge.make({ anchors: [anchorOf(root)] });
    await forge.round([await forge.propose({ anchors: [] })]);
    forge.time = TIME + 30;
    const chain = [leaf.der, middle.der];
    const statement = await certified([leaf, middle], "unprotected");
    await forge.round([statement], { decided: TIME + 15, chain });
    await expect(auditOf(forge)).rejects.toMatchObject({ code: UNVERIFIED, index: 2 });
  });
});

describe("an entry that records a policy that was not in force", () => {
  /** A log with two policies, a proposal that waits, an entry at index 3, and a third policy. */
  async function withPolicies(): Promise<Forge> {
    const forge = await Forge.make();
    const operators = [
      ...forge.document.operators,
      { iss: "https://second.example", keys: [forge.second.publicKey.toJwk()] },
    ];
    await forge.round([await forge.propose({ operators, approvals: 2 })]);
    const proposal = await forge.propose({ maxStatementBytes: 4096 });
    await forge.round([proposal]);
    await forge.round([await forge.statement("judged")]);
    await forge.round([await forge.approve(proposal, "https://second.example")]);
    return forge;
  }

  test.each([
    ["one that was replaced", 0],
    ["a proposal that waits", 2],
    ["one that comes into force behind it", 4],
    ["itself", 3],
    ["none", undefined],
  ])("is a disagreement: %s", async (_name, named) => {
    const forge = await withPolicies();
    const [, inForce, , entry] = forge.entries;
    const policy = forge.entries[named ?? -1];
    if (inForce === undefined || entry === undefined) throw new Error("no entry");
    const map = new Map(decodeCborMap(entry.collateral));
    map.set("policy", policy === undefined ? null : SignedStatement.decode(policy.statement).entry);
    const recorded = { ...entry, collateral: encodeCbor(map) };
    const before = await auditOf(forge);
    expect(before.report.isComplete).toBe(true);
    forge.entries[3] = recorded;
    const error = await disagreement(forge);
    expect(error).toMatchObject({ code: "AUDITOR_POLICY_MISMATCH", index: 3 });
    expect(error.reason).toContain(
      `in force was ${SignedStatement.decode(inForce.statement).entryId}`,
    );
  });
});
