import { createHash } from "node:crypto";
import { HASH_ALGORITHMS, LABEL, digest, type CborValue, type HashName } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { signHashEnvelope, signStatement } from "./sign.js";
import { SignedStatement } from "./statement.js";
import { verifyArtifact } from "./transparent.js";
import { refusal } from "./testing/refusal.js";
import {
  ISSUER,
  PAYLOAD,
  SUBJECT,
  VENDOR,
  headerWith,
  unsigned,
  type Entry,
} from "./testing/sample.js";

const ARTIFACT = new TextEncoder().encode("the image of the firmware");
const claims = { issuer: ISSUER, subject: SUBJECT };
const NAMES = HASH_ALGORITHMS.map((hash): HashName => hash.name);

describe.each(NAMES)("a hash envelope with %s", (hash) => {
  const want = new Uint8Array(createHash(hash.replace("-", "")).update(ARTIFACT).digest());

  test("made of the file, states its digest and nothing of it", async () => {
    const bytes = await signHashEnvelope(
      {
        ...claims,
        hash,
        preimage: ARTIFACT,
        contentType: "application/octet-stream",
        location: "https://vendor.example/fw",
      },
      VENDOR,
    );
    const statement = SignedStatement.decode(bytes);
    expect(statement.payload).toStrictEqual(want);
    expect(statement.hashEnvelope).toStrictEqual({
      hash: HASH_ALGORITHMS.find(({ name }) => name === hash),
      preimageContentType: "application/octet-stream",
      location: "https://vendor.example/fw",
    });
    expect(statement.contentType).toBeUndefined();
    expect(statement.message.protectedHeader.has(LABEL.contentType)).toBe(false);
    expect(Buffer.from(bytes).includes(Buffer.from(ARTIFACT))).toBe(false);
  });

  test("made of the digest, is the same statement", async () => {
    const ofFile = await signHashEnvelope({ ...claims, hash, preimage: ARTIFACT }, VENDOR);
    const ofDigest = await signHashEnvelope(
      { ...claims, hash, preimage: { digest: want } },
      VENDOR,
    );
    expect(ofDigest).toStrictEqual(ofFile);
  });

  test("vouches for the file alone", async () => {
    const bytes = await signHashEnvelope({ ...claims, hash, preimage: ARTIFACT }, VENDOR);
    const statement = SignedStatement.decode(bytes);
    expect(verifyArtifact(statement, ARTIFACT)).toBe(ARTIFACT);
    for (const wrong of [
      new Uint8Array(),
      want,
      ARTIFACT.subarray(1),
      Uint8Array.of(...ARTIFACT, 0),
    ]) {
      expect(refusal(() => verifyArtifact(statement, wrong))).toBe("STATEMENT_PREIMAGE_MISMATCH");
    }
  });

  test.each([0, 31, 33, 47, 63, 65, 128])("is not made of a digest of %d bytes", async (length) => {
    const preimage = { digest: new Uint8Array(length) };
    await expect(signHashEnvelope({ ...claims, hash, preimage }, VENDOR)).rejects.toThrow(
      TypeError,
    );
  });
});

test("an inline payload vouches for itself byte for byte", async () => {
  const statement = SignedStatement.decode(
    await signStatement({ ...claims, payload: PAYLOAD, contentType: "application/json" }, VENDOR),
  );
  expect(verifyArtifact(statement, PAYLOAD.slice())).toStrictEqual(PAYLOAD);
  for (const wrong of [new Uint8Array(), PAYLOAD.subarray(1), Uint8Array.of(...PAYLOAD, 0)]) {
    expect(refusal(() => verifyArtifact(statement, wrong))).toBe("STATEMENT_PREIMAGE_MISMATCH");
  }
  const changed = Uint8Array.from(PAYLOAD, (byte, i) => (i === 3 ? byte ^ 1 : byte));
  expect(refusal(() => verifyArtifact(statement, changed))).toBe("STATEMENT_PREIMAGE_MISMATCH");
});

test("a digest as an ordinary payload is no envelope", () => {
  const payload = digest("sha-256", ARTIFACT);
  const statement = SignedStatement.decode(unsigned({ payload }));
  expect(statement.hashEnvelope).toBeUndefined();
  expect(refusal(() => verifyArtifact(statement, ARTIFACT))).toBe("STATEMENT_PREIMAGE_MISMATCH");
});

test("a detached payload vouches for nothing", () => {
  const statement = SignedStatement.decode(unsigned({ payload: null }));
  expect(refusal(() => verifyArtifact(statement, PAYLOAD))).toBe("STATEMENT_PAYLOAD_MISSING");
});

describe("headers 258 to 260", () => {
  const envelope = [LABEL.payloadHashAlg, -16] as const;
  const payload = new Uint8Array(32);

  function decode(
    set: readonly Entry[],
    unprotected: readonly Entry[] = [],
    leftOut: readonly number[] = [LABEL.contentType],
  ): SignedStatement {
    const protectedHeader = headerWith(set, leftOut);
    return SignedStatement.decode(
      unsigned({ protectedHeader, unprotectedHeader: new Map(unprotected), payload }),
    );
  }

  test.each<[string, readonly Entry[]]>([
    ["258 alone", [envelope]],
    ["259 as a content format", [envelope, [LABEL.preimageContentType, 0]]],
    ["259 as text", [envelope, [LABEL.preimageContentType, "a/b"]]],
    ["260", [envelope, [LABEL.payloadLocation, ""]]],
    ["258 to 260 critical", [envelope, [259, 0], [260, ""], [LABEL.crit, [258, 259, 260]]]],
  ])("are taken: %s", (_name, set) => {
    expect(decode(set).hashEnvelope?.hash.name).toBe("sha-256");
  });

  test.each<[string, readonly Entry[], (readonly Entry[])?]>([
    ["H1: 258 unprotected", [], [envelope]],
    ["H2, H3: 259 unprotected", [envelope], [[LABEL.preimageContentType, "a/b"]]],
    ["H2, H3: 260 unprotected", [envelope], [[LABEL.payloadLocation, "x"]]],
    ["H4: 3 unprotected beside 258", [envelope], [[LABEL.contentType, "a/b"]]],
    ["259 without 258", [[LABEL.preimageContentType, "a/b"]]],
    ["260 without 258", [[LABEL.payloadLocation, "x"]]],
    ["a hash that is unknown", [[258, -17]]],
    ["a hash that is a signature algorithm", [[258, -7]]],
    ["a hash by name", [[258, "sha-256"]]],
    ["a hash of undefined", [[258, undefined]]],
    ["a hash of nil", [[258, null]]],
    ["a payload shorter than the hash", [[258, -43]]],
    ["a payload much shorter than the hash", [[258, -44]]],
    ["259 below zero", [envelope, [259, -1]]],
    ["259 beyond 2^53", [envelope, [259, 2n ** 60n]]],
    ["259 as bytes", [envelope, [259, payload]]],
    ["259 of undefined", [envelope, [259, undefined]]],
    ["260 as bytes", [envelope, [260, payload]]],
    ["260 of undefined", [envelope, [260, undefined]]],
  ])("are refused: %s", (_name, set, unprotected = []) => {
    expect(refusal(() => decode(set, unprotected))).toBe("STATEMENT_HASH_ENVELOPE_INVALID");
  });

  test.each<[string, CborValue]>([
    ["text", "application/json"],
    ["a content format", 50],
  ])("H4: 3 protected beside 258 is refused: %s", (_name, type) => {
    const set: readonly Entry[] = [envelope, [LABEL.contentType, type]];
    expect(refusal(() => decode(set, [], []))).toBe("STATEMENT_HASH_ENVELOPE_INVALID");
  });

  test("a payload longer than the hash is refused", () => {
    const bytes = unsigned({
      protectedHeader: headerWith([envelope], [LABEL.contentType]),
      payload: new Uint8Array(33),
    });
    expect(refusal(() => SignedStatement.decode(bytes))).toBe("STATEMENT_HASH_ENVELOPE_INVALID");
  });
});
