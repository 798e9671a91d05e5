import { LABEL, encodeCbor, encodeSign1, encodeSigStructure } from "@tallystick/cose";
import { Receipt } from "@tallystick/receipt";
import { describe, expect, test } from "@jest/globals";
import { verifyConsistency } from "./consistency.js";
import { TrustStore } from "./trust.js";
import { flipBit, rejection } from "./testing/refusal.js";
import { STATEMENT } from "./testing/sample.js";
import {
  TestTree,
  consistencyFor,
  makeService,
  pinned,
  receiptFor,
  trustIn,
  type TestService,
} from "./testing/service.js";

const [alpha, beta] = await Promise.all([makeService("alpha"), makeService("beta")]);
const tree = new TestTree(11, { entry: STATEMENT.entry, index: 4 });
const old = { size: 6, root: tree.root(6) };
const trust = trustIn([alpha]);
const good = await consistencyFor(alpha, tree, 6);

async function codeOf(bytes: Uint8Array, store: TrustStore = trust, from = old): Promise<string> {
  const error = await rejection(verifyConsistency(bytes, store, from));
  expect(error.code).toBe("VERIFIER_CONSISTENCY_UNVERIFIED");
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}

describe("a receipt of consistency", () => {
  test("leads from a tree seen before to a newer one", async () => {
    const verified = await verifyConsistency(good, trust, old);
    expect(verified).toMatchObject({ oldSize: 6, newSize: 11, newRoot: tree.root() });
    expect(verified.receipt.signedSize).toBe(11);
  });

  test("is one link of a chain", async () => {
    const larger = new TestTree(20, { entry: STATEMENT.entry, index: 4 });
    const first = await verifyConsistency(good, trust, old);
    const second = await verifyConsistency(await consistencyFor(alpha, larger, 11), trust, {
      size: first.newSize,
      root: first.newRoot,
    });
    expect(second.newRoot).toStrictEqual(larger.root());
  });
});

describe("refused", () => {
  test("D4: from a tree that is not the old one", async () => {
    expect(await codeOf(good, trust, { ...old, root: tree.root(7) })).toBe(
      "RECEIPT_CONSISTENCY_INVALID",
    );
    expect(await codeOf(good, trust, { ...old, size: 7 })).toBe("RECEIPT_CONSISTENCY_INVALID");
  });

  test("from a tree with another history: the fork shows", async () => {
    const forked = new TestTree(11, { entry: new Uint8Array(32), index: 4 });
    const receipt = await consistencyFor(alpha, forked, 6);
    expect(await codeOf(receipt)).toBe("RECEIPT_CONSISTENCY_INVALID");
  });

  test("of a service, or by a key, that is not pinned", async () => {
    expect(await codeOf(await consistencyFor(beta, tree, 6))).toBe("");
    expect(await codeOf(await consistencyFor({ ...alpha, key: beta.key }, tree, 6))).toBe("");
  });

  test("of another log of a pinned service", async () => {
    const other: TestService = { ...alpha, origin: "alpha.example/2" };
    expect(await codeOf(await consistencyFor(other, tree, 6))).toBe("");
  });

  test("what is a receipt of inclusion, a statement, or nothing", async () => {
    expect(await codeOf(await receiptFor(alpha, STATEMENT.entry))).toBe("RECEIPT_PROOF_MISSING");
    expect(await codeOf(STATEMENT.normalised)).toBe("RECEIPT_VDS_UNSUPPORTED");
    expect(await codeOf(new Uint8Array())).toBe("RECEIPT_MALFORMED");
  });

  test("vds 1 under a key that is pinned for vds 2", async () => {
    const services = [{ ...pinned(alpha), vds: 2 }];
    const other = TrustStore.parse(JSON.stringify({ services }));
    expect(await codeOf(good, other)).toBe("RECEIPT_VDS_UNSUPPORTED");
  });

  test("vds 2 under a key that is pinned for it, as it is not read yet", async () => {
    const { message } = Receipt.decode(good);
    const header = new Map([...message.protectedHeader, [LABEL.vds, 2]]);
    const protectedBytes = encodeCbor(header);
    const covered = encodeSigStructure(protectedBytes, new Uint8Array(), tree.root());
    const signature = await alpha.key.sign(covered);
    const bytes = encodeSign1({ ...message, protectedBytes, signature });
    const services = [{ ...pinned(alpha), vds: 2 }];
    const other = TrustStore.parse(JSON.stringify({ services }));
    expect(await codeOf(bytes, other)).toBe("RECEIPT_VDS_UNSUPPORTED");
    expect(await codeOf(bytes)).toBe("RECEIPT_VDS_UNSUPPORTED");
  });

  test("every flipped bit", async () => {
    for (let bit = 0; bit < good.length * 8; bit++) await codeOf(flipBit(good, bit));
  });
});
