import { LABEL, encodeCbor, encodeSign1, encodeSigStructure } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";
import { attachReceipts } from "@tallystick/statement";
import { expect, test } from "@jest/globals";
import { verifyTransparentStatement } from "./transparent.js";
import { TrustStore } from "./trust.js";
import { rejection } from "./testing/refusal.js";
import { STATEMENT, VENDOR, VENDOR_ISS } from "./testing/sample.js";
import { makeService, pinned } from "./testing/service.js";

const SUBJECT = "scitt.ccf.signature.v1";
const made = await makeService("ledger");
const ledger = { ...made, origin: SUBJECT };
const services = [{ ...pinned(ledger), vds: 2 }];
const trust = TrustStore.parse(JSON.stringify({ services }));

/** A CCF receipt of the statement that says `sub`. */
async function receiptAbout(sub: string): Promise<Uint8Array> {
  const [transaction, sibling, evidence] = [new Uint8Array(32), sha256(Uint8Array.of(1)), "ce:2.1"];
  const hashed = sha256(new TextEncoder().encode(evidence));
  const leaf = sha256(Uint8Array.of(...transaction, ...hashed, ...STATEMENT.entry));
  const root = sha256(Uint8Array.of(...sibling, ...leaf));
  const claims = new Map([
    [1, ledger.issuer],
    [2, sub],
  ]);
  const protectedBytes = encodeCbor(
    new Map<number, CborValue>([
      [LABEL.alg, ledger.key.algorithm.id],
      [LABEL.kid, ledger.key.publicKey.kid],
      [LABEL.cwtClaims, claims],
      [LABEL.vds, 2],
    ]),
  );
  const proof = encodeCbor(
    new Map<number, CborValue>([
      [1, [transaction, evidence, STATEMENT.entry]],
      [2, [[true, sibling]]],
    ]),
  );
  const unprotectedHeader = new Map([[LABEL.vdp, new Map([[-1, [proof]]])]]);
  const signature = await ledger.key.sign(
    encodeSigStructure(protectedBytes, new Uint8Array(), root),
  );
  return encodeSign1({ protectedBytes, unprotectedHeader, payload: null, signature });
}

test("a receipt of a pinned ledger counts", async () => {
  const bytes = attachReceipts(STATEMENT, [await receiptAbout(SUBJECT)]);
  const { receipts } = await verifyTransparentStatement(bytes, trust);
  expect(receipts.map(({ service }) => service.origin)).toStrictEqual([SUBJECT]);
});

test("of another log by the same key it is skipped", async () => {
  const bytes = attachReceipts(STATEMENT, [await receiptAbout("another")]);
  const error = await rejection(verifyTransparentStatement(bytes, trust));
  expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
  expect(error.steps[1]).toStrictEqual({
    step: "receipt",
    outcome: "skipped",
    detail: `receipt 0 is of another log than ${SUBJECT}`,
  });
});

test("of a statement whose key is revoked, it says no index", async () => {
  const issuers = [
    { iss: VENDOR_ISS, keys: [{ ...VENDOR.publicKey.toJwk(), revoked: { from: 9 } }] },
  ];
  const strict = TrustStore.parse(JSON.stringify({ services, issuers }));
  const bytes = attachReceipts(STATEMENT, [await receiptAbout(SUBJECT)]);
  const error = await rejection(verifyTransparentStatement(bytes, strict));
  expect(error.code).toBe("VERIFIER_KEY_REVOKED");
});

test("of a statement whose key has a window, it says no time", async () => {
  const issuers = [{ iss: VENDOR_ISS, keys: [{ ...VENDOR.publicKey.toJwk(), nbf: 1 }] }];
  const strict = TrustStore.parse(JSON.stringify({ services, issuers }));
  const bytes = attachReceipts(STATEMENT, [await receiptAbout(SUBJECT)]);
  const error = await rejection(verifyTransparentStatement(bytes, strict));
  expect(error.code).toBe("VERIFIER_KEY_OUT_OF_TERM");
  expect(error.message).toContain("no receipt that holds says when it was issued");
});
