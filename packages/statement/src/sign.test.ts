import { CLAIM, LABEL, algorithmByName, type Signer } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { signHashEnvelope, signStatement, type InlineStatement } from "./sign.js";
import { MAX_STATEMENT_BYTES, SignedStatement } from "./statement.js";
import { ISSUER, OTHER, PAYLOAD, SUBJECT, VENDOR } from "./testing/sample.js";

const INLINE: InlineStatement = {
  issuer: ISSUER,
  subject: SUBJECT,
  payload: PAYLOAD,
  contentType: "application/json",
};

describe("signStatement", () => {
  test("protects alg, content type, kid and claims, and nothing else", async () => {
    const statement = SignedStatement.decode(
      await signStatement({ ...INLINE, issuedAt: 7 }, OTHER),
    );
    const { protectedHeader, unprotectedHeader } = statement.message;
    expect(protectedHeader).toStrictEqual(
      new Map<number, unknown>([
        [LABEL.alg, -7],
        [LABEL.contentType, "application/json"],
        [LABEL.kid, OTHER.publicKey.thumbprint()],
        [
          LABEL.cwtClaims,
          new Map<number, unknown>([
            [CLAIM.iss, ISSUER],
            [CLAIM.sub, SUBJECT],
            [CLAIM.iat, 7],
          ]),
        ],
      ]),
    );
    expect(unprotectedHeader.size).toBe(0);
    expect(statement.payload).toStrictEqual(PAYLOAD);
  });

  test("leaves out a time that was not given", async () => {
    const statement = SignedStatement.decode(await signStatement(INLINE, VENDOR));
    expect(statement.claims.issuedAt).toBeUndefined();
    expect(statement.claims.all.has(CLAIM.iat)).toBe(false);
  });

  test("takes an empty payload and a content format", async () => {
    const bytes = await signStatement(
      { ...INLINE, payload: new Uint8Array(), contentType: 0 },
      VENDOR,
    );
    const statement = SignedStatement.decode(bytes);
    expect(statement.payload).toHaveLength(0);
    expect(statement.contentType).toBe(0);
  });

  test("signs the payload as it was at the call", async () => {
    const payload = PAYLOAD.slice();
    const pending = signStatement({ ...INLINE, payload }, VENDOR);
    payload.fill(0);
    expect(SignedStatement.decode(await pending).payload).toStrictEqual(PAYLOAD);
  });

  test.each<[string, Partial<InlineStatement>]>([
    ["an empty issuer", { issuer: "" }],
    ["an empty subject", { subject: "" }],
    ["an issuer that is too long", { issuer: "i".repeat(8193) }],
    ["an issuer with a colon that is no URI", { issuer: "vendor one: two" }],
    ["a content format below zero", { contentType: -1 }],
    ["a content format with a fraction", { contentType: 1.5 }],
    ["a time below zero", { issuedAt: -1 }],
    ["a time with a fraction", { issuedAt: 1.5 }],
    ["a time that is no number", { issuedAt: Number.NaN }],
    ["a payload beyond the limit", { payload: new Uint8Array(MAX_STATEMENT_BYTES) }],
  ])("rejects what no service would take: %s", async (_name, change) => {
    await expect(signStatement({ ...INLINE, ...change }, VENDOR)).rejects.toThrow(TypeError);
  });

  test("rejects a hash envelope for the same reasons", async () => {
    const envelope = {
      issuer: ISSUER,
      subject: SUBJECT,
      hash: "sha-256",
      preimage: PAYLOAD,
    } as const;
    for (const change of [
      { issuer: "" },
      { subject: "" },
      { contentType: -1 },
      { issuer: ": x" },
    ]) {
      await expect(signHashEnvelope({ ...envelope, ...change }, VENDOR)).rejects.toThrow(TypeError);
    }
  });

  test("passes on what a signer fails with", async () => {
    const signer: Signer = {
      algorithm: algorithmByName("ES256"),
      publicKey: OTHER.publicKey,
      sign: () => Promise.reject(new Error("the card was pulled")),
    };
    await expect(signStatement(INLINE, signer)).rejects.toThrow("the card was pulled");
  });
});
