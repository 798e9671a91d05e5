import { LABEL, PrivateKey, encodeCbor, encodeSign1, encodeSigStructure } from "@tallystick/cose";
import {
  SignedStatement,
  attachReceipts,
  signHashEnvelope,
  signStatement,
} from "@tallystick/statement";
import { describe, expect, test } from "@jest/globals";
import { VerifiedTransparentStatement, verifyTransparentStatement } from "./transparent.js";
import { TrustStore } from "./trust.js";
import { flipBit, rejection } from "./testing/refusal.js";
import { ARTIFACT, ISSUERS, STATEMENT, VENDOR, VENDOR_ISS, transparent } from "./testing/sample.js";
import { makeService, pinned, receiptFor, trustIn } from "./testing/service.js";

const [alpha, beta, gamma] = await Promise.all(
  ["alpha", "beta", "gamma"].map((n) => makeService(n)),
);
if (alpha === undefined || beta === undefined || gamma === undefined)
  throw new Error("no services");
const receipts = await Promise.all([alpha, beta].map((s) => receiptFor(s, STATEMENT.entry)));
const [ofAlpha = new Uint8Array(), ofBeta = new Uint8Array()] = receipts;
const laterOfAlpha = await receiptFor(alpha, STATEMENT.entry, { size: 9 });
const aboutAnother = await receiptFor(alpha, new Uint8Array(32));
const two = trustIn([alpha, beta], { requireReceipts: 2 });

const outcomes = (steps: readonly { step: string; outcome: string }[]) =>
  steps.map(({ step, outcome }) => `${step} ${outcome}`);

describe("a transparent statement", () => {
  test("verifies, step by step, and says that the issuer was not looked at", async () => {
    const verified = await verifyTransparentStatement(await transparent([alpha]), trustIn([alpha]));
    expect(verified.statement.entryId).toBe(STATEMENT.entryId);
    expect(verified.isIssuerVerified).toBe(false);
    expect(verified.receipts).toHaveLength(1);
    expect(verified.receipts[0]?.service.issuer).toBe(alpha.issuer);
    expect(verified.receipts[0]?.inclusion).toMatchObject({ size: 6, index: 3 });
    const root = Buffer.from(verified.receipts[0]?.inclusion.root ?? []).toString("hex");
    expect(verified.steps).toStrictEqual([
      {
        step: "statement",
        outcome: "verified",
        detail: `well-formed, entry ${STATEMENT.entryId}`,
      },
      {
        step: "receipt",
        outcome: "verified",
        detail: `${alpha.issuer} vouches: entry at index 3 of a tree of size 6, root ${root}`,
      },
      {
        step: "issuer",
        outcome: "skipped",
        detail: "no issuer keys are pinned, the statement's own signature is not checked",
      },
    ]);
    expect(JSON.parse(JSON.stringify(verified.steps))).toStrictEqual(verified.steps);
  });

  test("verifies with the issuer's signature and the artifact, in that order", async () => {
    const trust = trustIn([alpha], { issuers: ISSUERS });
    const bytes = await transparent([alpha]);
    const verified = await verifyTransparentStatement(bytes, trust, { artifact: ARTIFACT });
    expect(verified.isIssuerVerified).toBe(true);
    expect(outcomes(verified.steps)).toStrictEqual([
      "statement verified",
      "receipt verified",
      "issuer verified",
      "artifact verified",
    ]);
  });

  test("is told from anything else at run time", async () => {
    const verified = await verifyTransparentStatement(await transparent([alpha]), trustIn([alpha]));
    expect(VerifiedTransparentStatement.is(verified)).toBe(true);
    expect(VerifiedTransparentStatement.is(Object.assign({}, verified))).toBe(false);
    expect(VerifiedTransparentStatement.is(verified.statement)).toBe(false);
    expect(Object.isFrozen(verified)).toBe(true);
  });

  test("keeps verifying after the key that signed was retired, as long as it is pinned", async () => {
    const newer = await makeService("alpha");
    const trust = TrustStore.parse(
      JSON.stringify({ services: [pinned(newer, [alpha.key.publicKey.toJwk()])] }),
    );
    const verified = await verifyTransparentStatement(await transparent([alpha]), trust);
    expect(verified.receipts).toHaveLength(1);
  });
});

describe("the threshold counts distinct services", () => {
  test("two services make two", async () => {
    const verified = await verifyTransparentStatement(await transparent([alpha, beta]), two);
    expect(verified.receipts.map(({ service }) => service.issuer)).toStrictEqual([
      alpha.issuer,
      beta.issuer,
    ]);
  });

  test.each<[string, readonly Uint8Array[]]>([
    ["the same receipt twice", [ofAlpha, ofAlpha]],
    ["the same receipt 64 times", Array.from({ length: 64 }, () => ofAlpha)],
    ["two receipts of one service", [ofAlpha, laterOfAlpha]],
  ])("%s make one", async (_name, given) => {
    const error = await rejection(
      verifyTransparentStatement(attachReceipts(STATEMENT, given), two),
    );
    expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
    expect(error.message).toBe("trusted services that vouch: 1, want 2");
    expect(outcomes(error.steps)).toStrictEqual([
      "statement verified",
      ...given.map(() => "receipt verified"),
    ]);
  });

  test("two logs, or two keys, of one service make one", async () => {
    const other = await makeService("alpha", "2");
    const rotated = { ...alpha, key: beta.key };
    const services = [pinned(alpha, [beta.key.publicKey.toJwk()]), pinned(other), pinned(gamma)];
    const trust = TrustStore.parse(JSON.stringify({ services, requireReceipts: 2 }));
    const bytes = await transparent([alpha, other, rotated]);
    const error = await rejection(verifyTransparentStatement(bytes, trust));
    expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
    expect(outcomes(error.steps)).toStrictEqual([
      "statement verified",
      "receipt verified",
      "receipt verified",
      "receipt verified",
    ]);
    const enough = await verifyTransparentStatement(await transparent([other, gamma]), trust);
    expect(enough.receipts).toHaveLength(2);
  });

  test("the first receipt of a service stands for it", async () => {
    const bytes = attachReceipts(STATEMENT, [laterOfAlpha, ofAlpha]);
    const verified = await verifyTransparentStatement(bytes, trustIn([alpha]));
    expect(verified.receipts.map(({ inclusion }) => inclusion.size)).toStrictEqual([9]);
    expect(verified.steps.filter(({ step }) => step === "receipt")).toHaveLength(2);
  });
});

describe("a receipt that does not count", () => {
  const trust = trustIn([alpha]);

  test("of a service that is not pinned is skipped, and others count", async () => {
    const verified = await verifyTransparentStatement(await transparent([gamma, alpha]), trust);
    expect(outcomes(verified.steps).slice(1, 3)).toStrictEqual([
      "receipt skipped",
      "receipt verified",
    ]);
    expect(verified.steps[1]?.detail).toBe("receipt 0 is of a service or key that is not pinned");
    const error = await rejection(verifyTransparentStatement(await transparent([gamma]), trust));
    expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
  });

  test("of a pinned service by a key that is not pinned is skipped", async () => {
    const bytes = await transparent([{ ...alpha, key: gamma.key }]);
    const error = await rejection(verifyTransparentStatement(bytes, trust));
    expect(outcomes(error.steps)).toStrictEqual(["statement verified", "receipt skipped"]);
  });

  test("of another log of a pinned service is skipped, even with the same root", async () => {
    const bytes = await transparent([{ ...alpha, origin: "alpha.example/other" }, alpha]);
    const verified = await verifyTransparentStatement(bytes, trust);
    expect(verified.steps[1]).toMatchObject({
      outcome: "skipped",
      detail: `receipt 0 is of another log than ${alpha.origin}`,
    });
    expect(verified.receipts).toHaveLength(1);
  });

  test("that claims a pinned name and key, and is signed by another, fails", async () => {
    const forged = await receiptFor({ ...alpha, key: gamma.key }, STATEMENT.entry);
    // Puts the pinned kid where the forger's is; the header is then not what was signed.
    const header = Buffer.from(forged);
    header.set(alpha.key.publicKey.kid, header.indexOf(Buffer.from(gamma.key.publicKey.kid)));
    const bytes = attachReceipts(STATEMENT, [new Uint8Array(header)]);
    const error = await rejection(verifyTransparentStatement(bytes, trust));
    expect(error.steps[1]).toMatchObject({ outcome: "failed", code: "RECEIPT_SIGNATURE_INVALID" });
  });

  test.each<[string, Uint8Array, string]>([
    ["rubbish", Uint8Array.of(0xff), "RECEIPT_MALFORMED"],
    ["nothing", new Uint8Array(), "RECEIPT_MALFORMED"],
    ["truncated", ofAlpha.subarray(0, -1), "RECEIPT_MALFORMED"],
    ["its last bit flipped", flipBit(ofAlpha, ofAlpha.length * 8 - 8), "RECEIPT_SIGNATURE_INVALID"],
    ["about another statement", aboutAnother, "RECEIPT_SIGNATURE_INVALID"],
    ["the statement itself", STATEMENT.normalised, "RECEIPT_VDS_UNSUPPORTED"],
  ])("%s, fails and others count", async (_name, bad, code) => {
    for (const given of [
      [bad, ofBeta],
      [ofBeta, bad],
    ]) {
      const bytes = attachReceipts(STATEMENT, given);
      const verified = await verifyTransparentStatement(bytes, trustIn([alpha, beta]));
      expect(verified.receipts.map(({ service }) => service.issuer)).toStrictEqual([beta.issuer]);
      expect(verified.steps.find(({ outcome }) => outcome === "failed")).toMatchObject({
        step: "receipt",
        code,
      });
    }
    const alone = attachReceipts(STATEMENT, [bad]);
    const error = await rejection(verifyTransparentStatement(alone, trust));
    expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
    expect(error.steps.at(-1)).toMatchObject({ outcome: "failed", code });
  });

  test("every flipped bit of a lone receipt is refused", async () => {
    for (let bit = 0; bit < ofAlpha.length * 8; bit++) {
      const bytes = attachReceipts(STATEMENT, [flipBit(ofAlpha, bit)]);
      const error = await rejection(verifyTransparentStatement(bytes, trust));
      expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
    }
  });

  test("without a signed size counts, and its index is not told", async () => {
    const protectedBytes = encodeCbor(
      new Map<number, number | Uint8Array | Map<number, string>>([
        [LABEL.alg, alpha.key.algorithm.id],
        [LABEL.kid, alpha.key.publicKey.kid],
        [
          LABEL.cwtClaims,
          new Map([
            [1, alpha.issuer],
            [2, alpha.origin],
          ]),
        ],
        [LABEL.vds, 1],
      ]),
    );
    const verifiedOnce = await verifyTransparentStatement(await transparent([alpha]), trust);
    const inclusion = verifiedOnce.receipts[0]?.inclusion;
    if (inclusion === undefined) throw new Error("no receipt");
    const { unprotectedHeader } = inclusion.receipt.message;
    const covered = encodeSigStructure(protectedBytes, new Uint8Array(), inclusion.root);
    const signature = await alpha.key.sign(covered);
    const bare = encodeSign1({ protectedBytes, unprotectedHeader, payload: null, signature });
    const verified = await verifyTransparentStatement(attachReceipts(STATEMENT, [bare]), trust);
    expect(verified.steps[1]?.detail).toMatch(/vouches: entry of a tree, root [0-9a-f]{64}$/);
  });
});

describe("refused as a whole", () => {
  const trust = trustIn([alpha], { issuers: ISSUERS });

  test("what is no statement", async () => {
    const error = await rejection(verifyTransparentStatement(Uint8Array.of(1), trust));
    expect(error.code).toBe("VERIFIER_STATEMENT_REFUSED");
    expect(error.steps).toStrictEqual([
      expect.objectContaining({
        step: "statement",
        outcome: "failed",
        code: "STATEMENT_MALFORMED",
      }),
    ]);
    expect(error.cause).toMatchObject({ code: "STATEMENT_MALFORMED" });
  });

  test("a critical header that is not understood, though its signature would not be checked", async () => {
    const { message } = STATEMENT;
    const protectedBytes = encodeCbor(
      new Map([...message.protectedHeader, [LABEL.crit, [99]], [99, 1]]),
    );
    const bytes = encodeSign1({ ...message, protectedBytes });
    const error = await rejection(verifyTransparentStatement(bytes, trustIn([alpha])));
    expect(error.code).toBe("VERIFIER_STATEMENT_REFUSED");
    expect(error.steps[0]?.code).toBe("STATEMENT_CRIT_UNKNOWN");
  });

  test("a statement without a receipt", async () => {
    const error = await rejection(verifyTransparentStatement(STATEMENT.normalised, trust));
    expect(error.code).toBe("VERIFIER_RECEIPTS_MISSING");
    expect(outcomes(error.steps)).toStrictEqual(["statement verified"]);
  });

  test("an issuer that is not pinned, and one whose signature does not hold", async () => {
    const others = [
      [],
      [{ iss: "https://other.example", keys: [VENDOR.publicKey.toJwk()] }],
      [{ iss: VENDOR_ISS, keys: [] }],
    ];
    for (const issuers of others) {
      const pinnedOthers = trustIn([alpha], { issuers });
      const error = await rejection(
        verifyTransparentStatement(await transparent([alpha]), pinnedOthers),
      );
      expect(error.code).toBe("VERIFIER_ISSUER_UNVERIFIED");
      expect(error.steps.at(-1)).toMatchObject({ step: "issuer", code: "STATEMENT_KEY_UNKNOWN" });
    }
    const forged = SignedStatement.decode(
      flipBit(STATEMENT.normalised, STATEMENT.normalised.length * 8 - 200),
    );
    const bytes = await transparent([alpha], forged);
    const error = await rejection(verifyTransparentStatement(bytes, trust));
    expect(error.code).toBe("VERIFIER_ISSUER_UNVERIFIED");
    expect(error.steps.at(-1)?.code).toBe("STATEMENT_SIGNATURE_INVALID");
    // A service that registered it vouches for the registration alone.
    const unpinned = await verifyTransparentStatement(bytes, trustIn([alpha]));
    expect(unpinned.isIssuerVerified).toBe(false);
  });

  test("enough receipts come before the issuer", async () => {
    const error = await rejection(
      verifyTransparentStatement(await transparent([gamma]), trustIn([alpha], { issuers: [] })),
    );
    expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
  });

  test("every flipped bit of the statement under its receipts", async () => {
    const bytes = await transparent([alpha]);
    const start = Buffer.from(bytes).indexOf(Buffer.from(STATEMENT.message.protectedBytes));
    const { length } = STATEMENT.message.protectedBytes;
    for (let bit = start * 8; bit < (start + length) * 8; bit++) {
      const pending = verifyTransparentStatement(flipBit(bytes, bit), trustIn([alpha]));
      expect((await rejection(pending)).code).toMatch(/STATEMENT_REFUSED|RECEIPTS_INSUFFICIENT/);
    }
    for (let bit = (bytes.length - 64) * 8; bit < bytes.length * 8; bit += 7) {
      const pending = verifyTransparentStatement(flipBit(bytes, bit), trustIn([alpha]));
      expect((await rejection(pending)).code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
    }
  });
});

describe("the artifact", () => {
  const trust = trustIn([alpha]);

  test("is compared with a payload inside", async () => {
    const bytes = await transparent([alpha]);
    const verified = await verifyTransparentStatement(bytes, trust, { artifact: ARTIFACT.slice() });
    expect(verified.steps.at(-1)).toMatchObject({ step: "artifact", outcome: "verified" });
    for (const artifact of [new Uint8Array(), flipBit(ARTIFACT, 0)]) {
      const error = await rejection(verifyTransparentStatement(bytes, trust, { artifact }));
      expect(error.code).toBe("VERIFIER_ARTIFACT_MISMATCH");
      expect(error.steps.at(-1)).toMatchObject({
        step: "artifact",
        outcome: "failed",
        code: "STATEMENT_PREIMAGE_MISMATCH",
      });
    }
  });

  test.each(["sha-256", "sha-384", "sha-512"] as const)(
    "is hashed for an envelope: %s",
    async (hash) => {
      const envelope = SignedStatement.decode(
        await signHashEnvelope(
          { issuer: VENDOR_ISS, subject: "s", hash, preimage: ARTIFACT },
          VENDOR,
        ),
      );
      const bytes = await transparent([alpha], envelope);
      const verified = await verifyTransparentStatement(bytes, trust, { artifact: ARTIFACT });
      expect(verified.statement.hashEnvelope?.hash.name).toBe(hash);
      for (const artifact of [flipBit(ARTIFACT, 9), envelope.payload ?? ARTIFACT]) {
        const error = await rejection(verifyTransparentStatement(bytes, trust, { artifact }));
        expect(error.code).toBe("VERIFIER_ARTIFACT_MISMATCH");
      }
    },
  );

  test("is not asked for, and then nothing is said of it", async () => {
    const verified = await verifyTransparentStatement(await transparent([alpha]), trust);
    expect(verified.steps.some(({ step }) => step === "artifact")).toBe(false);
  });

  test("cannot stand in for a detached payload", async () => {
    const { message } = STATEMENT;
    const detached = SignedStatement.decode(encodeSign1({ ...message, payload: null }));
    const bytes = await transparent([alpha], detached);
    const error = await rejection(verifyTransparentStatement(bytes, trust, { artifact: ARTIFACT }));
    expect(error.steps.at(-1)?.code).toBe("STATEMENT_PAYLOAD_MISSING");
  });
});

test("statements of every kind of key verify", async () => {
  for (const name of ["ES256", "ES384", "ES512", "EdDSA", "PS256"] as const) {
    const key = await PrivateKey.generate(name);
    const content = { issuer: "v", subject: "s", payload: ARTIFACT, contentType: 50 };
    const statement = SignedStatement.decode(await signStatement(content, key));
    const issuers = [{ iss: "v", keys: [key.publicKey.toJwk()] }];
    const bytes = await transparent([alpha], statement);
    const verified = await verifyTransparentStatement(bytes, trustIn([alpha], { issuers }));
    expect(verified.isIssuerVerified).toBe(true);
  }
});
