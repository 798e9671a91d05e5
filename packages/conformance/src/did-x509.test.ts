import { readFileSync } from "node:fs";
import { join } from "node:path";

import { decodeBase64url } from "@tallystick/cose";
import { Certificate, CertificatePath, DidX509, StatementError } from "@tallystick/statement";
import { expect, test } from "@jest/globals";

import { describeShared } from "./testing/shared.js";

interface Case {
  readonly id: string;
  readonly input: { readonly did: string; readonly chain: readonly string[] };
  readonly output: { readonly error?: string };
}

/** What each refusal says, by the case: its code, and the words that name what is at fault. */
const REASONS: Readonly<Record<string, readonly [code: string, says: string]>> = {
  "broken-signature-is-rejected": ["STATEMENT_CHAIN_INVALID", "signature does not hold"],
  "chain-shorter-than-two-certificates": [
    "STATEMENT_CHAIN_INVALID",
    "a trust anchor cannot sign as a leaf",
  ],
  "critical-fulcio-issuer-extension-is-rejected": [
    "STATEMENT_CHAIN_INVALID",
    "critical extension 1.3.6.1.4.1.57264.1.1",
  ],
  "issuer-with-ca-false-is-rejected": [
    "STATEMENT_CHAIN_INVALID",
    "certificate 1 (CN=Inter): it is not a CA",
  ],
  "issuer-without-basic-constraints-is-rejected": [
    "STATEMENT_CHAIN_INVALID",
    "certificate 2 (CN=Root): it is not a CA",
  ],
  "path-length-zero-rejects-intermediate": ["STATEMENT_CHAIN_INVALID", "path length is 0"],
  "san-outside-permitted-subtree-is-rejected": [
    "STATEMENT_CHAIN_INVALID",
    "not permitted by the name constraints",
  ],
  "unrelated-candidate-is-rejected-with-valid-ca-fingerprint": [
    "STATEMENT_CHAIN_INVALID",
    "its issuer is not CN=Unrelated CA",
  ],
  "did-url-query-not-supported": ["STATEMENT_DID_INVALID", "a path or a query"],
  "eku-predicate-requires-extension": ["STATEMENT_DID_INVALID", "no extended key usage"],
  "san-invalid-value": ["STATEMENT_DID_INVALID", "no such email"],
  "subject-duplicate-field": ["STATEMENT_DID_INVALID", "an attribute twice"],
  "subject-predicate-rejects-unknown-key": ["STATEMENT_DID_INVALID", "an unknown attribute"],
  "unsupported-fingerprint-algorithm": ["STATEMENT_DID_INVALID", "fingerprint is not by"],
};

/** When all certificates of the cases are valid: 2026-06-01. */
const TIME = 1_780_272_000;

// A DID document also lists keys for key agreement, so the path is judged for either use here; a
// statement's signer has to have digitalSignature.
async function resolve({ did, chain }: Case["input"]): Promise<CertificatePath> {
  const certificates = chain.map((text) => Certificate.decode(decodeBase64url(text)));
  const parsed = DidX509.parse(did);
  const usages = ["digitalSignature", "keyAgreement"] as const;
  const anchors = certificates.slice(-1);
  return parsed.verify(await CertificatePath.verify(certificates, anchors, { time: TIME, usages }));
}

describeShared("did:x509 (microsoft/did-x509)", "vectors/did-x509", (folder) => {
  const cases = JSON.parse(readFileSync(join(folder, "vectors.json"), "utf8")) as readonly Case[];

  test("there are cases of both kinds", () => {
    const refused = cases.filter(({ output }) => output.error !== undefined);
    expect([refused.length, cases.length]).toStrictEqual([14, 29]);
  });

  test.each(cases.map((one) => [one.id, one] as const))("%s", async (id, { input, output }) => {
    if (output.error === undefined) {
      expect(CertificatePath.is(await resolve(input))).toBe(true);
      return;
    }
    const error = await resolve(input).catch((thrown: unknown) => thrown);
    if (!(error instanceof StatementError)) throw new Error(`no refusal: ${String(error)}`);
    const [code, says] = REASONS[id] ?? [];
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(says ?? id)]);
  });
});
