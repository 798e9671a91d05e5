import { LABEL, PublicKey } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { IssuerKeys } from "./issuers.js";
import { SignedStatement } from "./statement.js";
import { ISSUER, OTHER, VENDOR, headerWith, unsigned } from "./testing/sample.js";

const named = PublicKey.fromJwk({ ...VENDOR.publicKey.toJwk(), kid: "release key!" });

function about(kid: Uint8Array, iss: string = ISSUER): SignedStatement {
  const claims = new Map([
    [1, iss],
    [2, "s"],
  ]);
  return SignedStatement.decode(
    unsigned({
      protectedHeader: headerWith([
        [LABEL.kid, kid],
        [LABEL.cwtClaims, claims],
      ]),
    }),
  );
}

describe("IssuerKeys", () => {
  test("a key answers to the kid it was given and to its thumbprint", () => {
    const keys = new IssuerKeys([{ iss: ISSUER, keys: [named] }]);
    expect(keys.resolve(about(new TextEncoder().encode("release key!")))).toBe(named);
    expect(keys.resolve(about(named.thumbprint()))).toBe(named);
    expect(keys.resolve(about(new TextEncoder().encode("release key")))).toBeUndefined();
  });

  test.each([
    ["the text of its kid", (key: PublicKey) => new TextEncoder().encode(key.toJwk().kid)],
    ["the bytes that the text encodes", () => Uint8Array.of(1, 2, 3)],
    ["the thumbprint", (key: PublicKey) => key.thumbprint()],
  ])("a key answers to %s, whichever its length", (_name, kidOf) => {
    const key = PublicKey.fromJwk({ ...VENDOR.publicKey.toJwk(), kid: "AQID" });
    const keys = new IssuerKeys([{ iss: ISSUER, keys: [key] }]);
    expect(keys.resolve(about(kidOf(key)))).toBe(key);
  });

  test("two keys that answer to one kid in different forms are refused", () => {
    const encoded = PublicKey.fromJwk({ ...VENDOR.publicKey.toJwk(), kid: "cmVsZWFzZSBrZXkh" });
    const impostor = PublicKey.fromJwk({ ...OTHER.publicKey.toJwk(), kid: "release key!" });
    expect(() => new IssuerKeys([{ iss: ISSUER, keys: [encoded, impostor] }])).toThrow(TypeError);
  });

  test("a kid of one issuer never vouches for another", () => {
    const iss = "https://other.example";
    const keys = new IssuerKeys([
      { iss: ISSUER, keys: [VENDOR.publicKey] },
      { iss, keys: [OTHER.publicKey] },
    ]);
    expect(keys.resolve(about(OTHER.publicKey.kid))).toBeUndefined();
    expect(keys.resolve(about(VENDOR.publicKey.kid, iss))).toBeUndefined();
    expect(keys.resolve(about(OTHER.publicKey.kid, iss))).toBe(OTHER.publicKey);
  });

  test("issuer and kid are never run together", () => {
    const keys = new IssuerKeys([{ iss: "b c", keys: [VENDOR.publicKey] }]);
    expect(keys.resolve(about(VENDOR.publicKey.kid, "c"))).toBeUndefined();
    expect(keys.resolve(about(VENDOR.publicKey.kid, "b  c"))).toBeUndefined();
  });

  test("a statement that names no kid has no key", () => {
    const keys = new IssuerKeys([{ iss: ISSUER, keys: [VENDOR.publicKey] }]);
    const protectedHeader = headerWith([[LABEL.x5t, [-16, VENDOR.publicKey.kid]]], [LABEL.kid]);
    expect(keys.resolve(SignedStatement.decode(unsigned({ protectedHeader })))).toBeUndefined();
  });

  test("two keys of one issuer under one kid are refused, one key twice is not", () => {
    const impostor = PublicKey.fromJwk({ ...OTHER.publicKey.toJwk(), kid: "release key!" });
    expect(() => new IssuerKeys([{ iss: ISSUER, keys: [named, impostor] }])).toThrow(TypeError);
    const apart = [
      { iss: ISSUER, keys: [named] },
      { iss: ISSUER, keys: [impostor] },
    ];
    expect(() => new IssuerKeys(apart)).toThrow(TypeError);
    const twice = new IssuerKeys([{ iss: ISSUER, keys: [named, VENDOR.publicKey] }]);
    expect(twice.resolve(about(named.thumbprint()))?.thumbprint()).toStrictEqual(
      named.thumbprint(),
    );
  });

  test("a kid that is the thumbprint of another key is refused", () => {
    const kid = VENDOR.publicKey.toJwk().kid ?? "";
    const impostor = PublicKey.fromJwk({ ...OTHER.publicKey.toJwk(), kid });
    expect(() => new IssuerKeys([{ iss: ISSUER, keys: [named, impostor] }])).toThrow(TypeError);
  });

  test("no issuers know no key", () => {
    expect(new IssuerKeys([]).resolve(about(VENDOR.publicKey.kid))).toBeUndefined();
  });
});
