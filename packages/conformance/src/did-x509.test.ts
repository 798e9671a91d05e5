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

  test.each(cases.map((one) => [one.id, one] as const))("%s", async (_id, { input, output }) => {
    if (output.error === undefined) {
      expect(CertificatePath.is(await resolve(input))).toBe(true);
      return;
    }
    await expect(resolve(input)).rejects.toBeInstanceOf(StatementError);
  });
});
