import { describe, expect, test } from "@jest/globals";
import { Contradiction, SignedCheckpoint } from "@tallystick/receipt";

import { verifyCheckpoint } from "./checkpoint.js";
import { verifyEvidence } from "./evidence.js";
import { TrustStore } from "./trust.js";
import { flipBit, rejection } from "./testing/refusal.js";
import { STATEMENT } from "./testing/sample.js";
import { TestTree, makeService, pinned, trustIn } from "./testing/service.js";
import type { TestService } from "./testing/service.js";

const [alpha, beta] = await Promise.all([makeService("alpha"), makeService("beta")]);
const place = { entry: STATEMENT.entry, index: 2 };
const [tree, other] = [new TestTree(9, place), new TestTree(9, { ...place, index: 3 })];

async function evidenceOf(service: TestService): Promise<Uint8Array> {
  const found = Contradiction.between(
    await tree.checkpoint(service),
    await other.checkpoint(service),
  );
  return new TextEncoder().encode(found?.format() ?? "");
}

describe("evidence", () => {
  test("shows that a pinned log contradicts itself", async () => {
    const found = await verifyEvidence(await evidenceOf(alpha), trustIn([beta, alpha]));
    expect(found).toMatchObject({ kind: "split" });
    expect(found.larger.checkpoint.issuer).toBe(alpha.issuer);
  });

  test.each<[string, () => Promise<Uint8Array>, TrustStore]>([
    ["of a log that is not pinned", () => evidenceOf(alpha), trustIn([beta])],
    [
      "signed with the key of another log (T23)",
      () => evidenceOf({ ...alpha, key: beta.key }),
      trustIn([alpha, beta]),
    ],
    [
      "under a key that is pinned for another tree algorithm",
      () => evidenceOf(alpha),
      TrustStore.parse(JSON.stringify({ services: [{ ...pinned(alpha), vds: 2 }] })),
    ],
    ["that is none", () => Promise.resolve(new Uint8Array(3)), trustIn([alpha])],
  ])("%s is refused", async (_, file, trust) => {
    const error = await rejection(verifyEvidence(await file(), trust));
    expect(error.code).toBe("VERIFIER_EVIDENCE_REFUSED");
  });
});

describe("a checkpoint", () => {
  test("of a pinned log is read", async () => {
    const signed = await tree.checkpoint(alpha);
    const read = await verifyCheckpoint(signed.encode(), trustIn([beta, alpha]));
    expect(SignedCheckpoint.is(read)).toBe(true);
    expect(read.checkpoint).toStrictEqual(signed.checkpoint);
  });

  test.each<[string, TestService, TrustStore]>([
    ["of a log that is not pinned", alpha, trustIn([beta])],
    [
      "signed with the key of another log (T23)",
      { ...alpha, key: beta.key },
      trustIn([alpha, beta]),
    ],
    ["of another log of the service", { ...alpha, origin: "alpha.example/2" }, trustIn([alpha])],
  ])("%s is refused", async (_, service, trust) => {
    const signed = await tree.checkpoint(service);
    const error = await rejection(verifyCheckpoint(signed.encode(), trust));
    expect(error.code).toBe("VERIFIER_CHECKPOINT_REFUSED");
  });

  test("with one bit changed is refused, wherever it is", async () => {
    const encoded = (await tree.checkpoint(alpha)).encode();
    for (let bit = 0; bit < encoded.length * 8; bit += 37) {
      const refused = verifyCheckpoint(flipBit(encoded, bit), trustIn([alpha]));
      expect((await rejection(refused)).code).toBe("VERIFIER_CHECKPOINT_REFUSED");
    }
  });
});
