import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeBase64url } from "./base64url.js";
import { encodeHex } from "./hex.js";
import { PublicKey } from "./public-key.js";
import { makeTestKey } from "./testing/keys.js";
import { refusal } from "./testing/refusal.js";

const jwk = makeTestKey("EdDSA").publicKey.export({ format: "jwk" });

function withText(kid: unknown): PublicKey {
  return PublicKey.fromJwk({ ...jwk, kid });
}

function withBytes(kid: unknown): PublicKey {
  return PublicKey.fromCoseKey(new Map([...PublicKey.fromJwk(jwk).toCoseKey(), [2, kid as never]]));
}

describe("kid", () => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const thumbprint = PublicKey.fromJwk(jwk).thumbprint();
  const canonical = encodeBase64url(thumbprint);

  test.each([
    ["43 characters of base64url stand for 32 bytes", canonical, thumbprint],
    ["other text stands for its UTF-8", "key 1", utf8("key 1")],
    ["also when it is base64url of another length", "AQIDBA", utf8("AQIDBA")],
    ["also when it is one character longer", `${canonical}A`, utf8(`${canonical}A`)],
    ["also when only spare bits rule base64url out", "z".repeat(43), utf8("z".repeat(43))],
    ["also when only padding does", `${canonical.slice(1)}=`, utf8(`${canonical.slice(1)}=`)],
  ])("%s", (_name, text, want) => {
    expect(withText(text).kid).toEqual(want);
    expect(withText(text).toJwk().kid).toBe(text);
  });

  test.each<readonly [name: string, kid: string | undefined, also: readonly Uint8Array[]]>([
    ["its text, the bytes it encodes and the thumbprint", "AQID", [Uint8Array.of(1, 2, 3)]],
    ["its text and the thumbprint", "key 1", []],
    ["the thumbprint, as bytes and as text", canonical, []],
    ["the same without a kid", undefined, []],
  ])("a key answers to %s", (_name, kid, also) => {
    const key = withText(kid);
    const want = [utf8(kid ?? canonical), ...also, thumbprint].map(encodeHex).sort();
    expect(key.names.map(encodeHex).sort()).toEqual(want);
    expect(key.names[0]).toEqual(key.kid);
  });

  test("is refused when empty or not text", () => {
    expect(refusal(() => withText(""))).toBe("COSE_KEY_MALFORMED");
    expect(refusal(() => withText(1))).toBe("COSE_KEY_MALFORMED");
    expect(refusal(() => withBytes("text"))).toBe("COSE_KEY_MALFORMED");
    expect(refusal(() => withBytes(Uint8Array.of()))).toBe("COSE_KEY_MALFORMED");
  });

  test.each([
    ["text", utf8("release key"), "release key"],
    ["a thumbprint", thumbprint, canonical],
    ["32 letters", utf8("a".repeat(32)), encodeBase64url(utf8("a".repeat(32)))],
    ["what would be read as a thumbprint", utf8(canonical), encodeBase64url(utf8(canonical))],
    ["what cannot be read", Uint8Array.of(0x1b), "Gw"],
    ["no UTF-8", Uint8Array.of(0xff, 0xfe), "__4"],
  ])("of bytes that are %s is written into a JWK as text", (_name, kid, want) => {
    expect(withBytes(kid).toJwk().kid).toBe(want);
  });

  test("is still answered to on the other side of a JWK", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (kid) => {
        const key = withBytes(kid);
        const names = PublicKey.fromJwk(key.toJwk()).names.map(encodeHex);
        expect(names).toContain(encodeHex(kid));
        expect(names.sort()).toEqual(key.names.map(encodeHex).sort());
      }),
      { numRuns: 100 },
    );
  });
});
