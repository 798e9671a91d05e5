import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { rejection } from "../testing/refusal.js";
import {
  issueWith,
  jsonBytes,
  LAB,
  LAB_KEYS,
  REPORT,
  reportWith,
  RSA_LAB,
  signJws,
  TIME,
} from "../testing/sample.js";
import { ReviewKeys } from "./keys.js";
import { VerifiedReport } from "./verified.js";

const options = { keys: LAB_KEYS, time: TIME };
const sound = await signJws(jsonBytes(REPORT));
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("a signed report", () => {
  test("is verified under the key that its kid names", async () => {
    const verified = await VerifiedReport.verify(sound, options);
    expect(verified).toMatchObject({ form: "jws", provider: "Example Lab", warnings: [] });
    expect(verified.key.thumbprint()).toStrictEqual(LAB.publicKey.thumbprint());
    expect(verified.reports).toHaveLength(1);
  });

  test.each(["ES384", "ES512", "PS384", "PS512"] as const)("is verified with %s", async (alg) => {
    const key = alg === "PS384" ? RSA_LAB : await PrivateKey.generate(alg);
    const keys = new ReviewKeys([{ provider: "Example Lab", key: key.publicKey }]);
    const jws = await signJws(jsonBytes(REPORT), { alg }, key);
    expect((await VerifiedReport.verify(jws, { keys, time: TIME })).provider).toBe("Example Lab");
  });

  test.each([
    ["no kid", { alg: "ES512" }],
    ["a kid that nobody has", { alg: "ES512", kid: "Example Lab, Inc." }],
    ["the kid of another key", { alg: "ES512", kid: "other" }],
  ])("is verified under any key that fits, with %s", async (_name, header) => {
    const other = await PrivateKey.generate("ES512");
    const keys = new ReviewKeys([
      { provider: "Other Lab", key: other.publicKey, kids: ["other"] },
      { provider: "Example Lab", key: LAB.publicKey, kids: ["lab"] },
    ]);
    const jws = await signJws(jsonBytes(REPORT), header);
    expect((await VerifiedReport.verify(jws, { keys, time: TIME })).provider).toBe("Example Lab");
  });

  test("says whose key it is, whatever the report calls its author", async () => {
    const jws = await signJws(jsonBytes(reportWith("audit", { srp: "Famous Lab" })));
    const verified = await VerifiedReport.verify(jws, options);
    expect(verified.provider).toBe("Example Lab");
    expect(verified.warnings.map(({ code }) => code)).toContain("provider-name");
  });

  test.each([
    ["before its first second", { notBefore: TIME + 1 }, false],
    ["in its first second", { notBefore: TIME }, true],
    ["in its last second", { expires: TIME + 1 }, true],
    ["when it has expired", { expires: TIME }, false],
    ["before it is withdrawn", { revoked: TIME + 1 }, true],
    ["when it was withdrawn", { revoked: TIME }, false],
  ])("is held to the terms of its key: %s", async (_name, terms, holds) => {
    const keys = new ReviewKeys([{ provider: "Example Lab", key: LAB.publicKey, ...terms }]);
    const verifying = VerifiedReport.verify(sound, { keys, time: TIME });
    if (holds) expect((await verifying).provider).toBe("Example Lab");
    else expect(await rejection(verifying)).toBe("CONTENT_KEY_OUT_OF_TERM");
  });

  test.each([
    ["none", {}, true],
    ["a first second", { notBefore: 0 }, false],
    ["an end", { expires: TIME + 1 }, false],
    ["a withdrawal", { revoked: TIME + 1 }, false],
  ])("is refused where nothing says when, by a key with terms: %s", async (_name, terms, holds) => {
    const keys = new ReviewKeys([{ provider: "Example Lab", key: LAB.publicKey, ...terms }]);
    const verifying = VerifiedReport.verify(sound, { keys, time: undefined });
    if (holds) expect((await verifying).provider).toBe("Example Lab");
    else expect(await rejection(verifying)).toBe("CONTENT_KEY_OUT_OF_TERM");
  });

  test("is refused where no key is for its algorithm", async () => {
    const keys = new ReviewKeys([{ provider: "Example Lab", key: RSA_LAB.publicKey }]);
    const verifying = VerifiedReport.verify(sound, { keys, time: TIME });
    expect(await rejection(verifying)).toBe("CONTENT_KEY_UNKNOWN");
  });

  test("is refused under the key of a provider who did not sign it", async () => {
    const other = await PrivateKey.generate("ES512");
    const keys = new ReviewKeys([{ provider: "Other Lab", key: other.publicKey, kids: ["lab"] }]);
    const verifying = VerifiedReport.verify(sound, { keys, time: TIME });
    expect(await rejection(verifying)).toBe("CONTENT_SIGNATURE_INVALID");
  });
});

describe("a set of keys", () => {
  test("has each key once", () => {
    const twice = { provider: "Example Lab", key: LAB.publicKey };
    expect(() => new ReviewKeys([twice, twice])).toThrow(TypeError);
  });

  test("has no more keys than can be tried", () => {
    const key = { provider: "Example Lab", key: LAB.publicKey };
    expect(() => new ReviewKeys(Array.from({ length: 257 }, () => key))).toThrow("limit 256");
  });
});

describe("a hostile JWS", () => {
  test.each([
    ["alg none", { alg: "none" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg HS256", { alg: "HS256" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg HS512", { alg: "HS512" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg RS256", { alg: "RS256" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg ES256", { alg: "ES256" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg PS256", { alg: "PS256" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg EdDSA", { alg: "EdDSA" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg in lower case", { alg: "es512" }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg as a number", { alg: -36 }, "CONTENT_ALG_UNSUPPORTED"],
    ["alg as a list", { alg: ["ES512"] }, "CONTENT_ALG_UNSUPPORTED"],
    ["no alg", {}, "CONTENT_ALG_UNSUPPORTED"],
    ["an alg of the other curve", { alg: "ES384" }, "CONTENT_KEY_UNKNOWN"],
    ["an alg of the other key type", { alg: "PS512" }, "CONTENT_KEY_UNKNOWN"],
    ["its own key", { alg: "ES512", jwk: LAB.publicKey.toJwk() }, "CONTENT_HEADER_REFUSED"],
    ["a key to fetch", { alg: "ES512", jku: "https://x.example" }, "CONTENT_HEADER_REFUSED"],
    ["a chain to fetch", { alg: "ES512", x5u: "https://x.example" }, "CONTENT_HEADER_REFUSED"],
    ["its own chain", { alg: "ES512", x5c: ["AA=="] }, "CONTENT_HEADER_REFUSED"],
    ["crit", { alg: "ES512", crit: ["exp"], exp: 1 }, "CONTENT_HEADER_REFUSED"],
    ["an unencoded payload", { alg: "ES512", b64: false }, "CONTENT_HEADER_REFUSED"],
    ["a compressed payload", { alg: "ES512", zip: "DEF" }, "CONTENT_HEADER_REFUSED"],
    ["a kid without end", { alg: "ES512", kid: "k".repeat(257) }, "CONTENT_HEADER_REFUSED"],
    ["a header without end", { alg: "ES512", x: "x".repeat(4096) }, "CONTENT_HEADER_REFUSED"],
    ["a kid that is no text", { alg: "ES512", kid: { $ne: "" } }, "CONTENT_HEADER_REFUSED"],
    ["a typ that is no text", { alg: "ES512", typ: 1 }, "CONTENT_HEADER_REFUSED"],
    ["a list for a header", ["ES512"], "CONTENT_MALFORMED"],
  ])("is refused: %s", async (_name, header, code) => {
    const jws = await signJws(jsonBytes(REPORT), header);
    expect(await rejection(VerifiedReport.verify(jws, options))).toBe(code);
  });

  test.each([
    ["nothing", ""],
    ["no dots", "e30"],
    ["one dot", "e30.e30"],
    ["four parts", "e30.e30.e30.e30"],
    ["no header", ".e30.e30"],
    ["padding", "e30=.e30.e30"],
    ["the other alphabet", "e30.e+0.e30"],
    ["spare bits", "e31.e30.e30"],
    ["white space inside", "e30. e30.e30"],
    ["bytes that are no text", "\u00ff"],
    ["a JSON serialisation", '{"payload":"e30","signatures":[]}'],
  ])("is refused: %s", async (_name, jws) => {
    expect(await rejection(VerifiedReport.verify(text(jws), options))).toBe("CONTENT_MALFORMED");
  });

  test.each([
    ["is no JSON", "no json"],
    ["says a member twice", JSON.stringify(REPORT).replace("{", '{"iat":1,"iat":2,')],
    [
      "says a member twice, escaped",
      JSON.stringify(REPORT).replace("{", '{"iat":1,"\\u0069at":2,'),
    ],
    ["has __proto__", JSON.stringify(REPORT).replace("{", '{"__proto__":{"iat":2},')],
    ["has a constructor", JSON.stringify(REPORT).replace("[{", '[{"constructor":{},')],
    ["has a prototype", JSON.stringify(REPORT).replace("{", '{"x":{"prototype":1},')],
    ["is nested deeply", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["has items without end", `[${"0,".repeat(100_001)}0]`],
  ])("is refused where its payload %s", async (_name, payload) => {
    const jws = await signJws(text(payload));
    expect(await rejection(VerifiedReport.verify(jws, options))).toBe("CONTENT_MALFORMED");
  });

  test("is refused where it is too large, before it is read", async () => {
    const jws = text("e".repeat(1024 * 1024 + 1));
    expect(await rejection(VerifiedReport.verify(jws, options))).toBe("CONTENT_TOO_LARGE");
  });

  test("is refused where anything in it was changed", async () => {
    const place = fc.nat(sound.length - 1);
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const changed = new Uint8Array(sound);
        changed[at] = (changed[at] ?? 0) ^ mask;
        // White space at an end is no part of the JWS.
        fc.pre(new TextDecoder().decode(changed).trim().length === sound.length);
        await expect(VerifiedReport.verify(changed, options)).rejects.toThrow(ContentError);
      }),
      { numRuns: 300 },
    );
  });

  test("is refused where it was cut short", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(sound.length - 1), async (length) => {
        const cut = sound.subarray(0, length);
        await expect(VerifiedReport.verify(cut, options)).rejects.toThrow(ContentError);
      }),
    );
  });

  test("is refused where another report was put under its signature", async () => {
    const other = new TextDecoder().decode(await signJws(jsonBytes(issueWith({ title: "none" }))));
    const [header, payload] = other.split(".");
    const signature = new TextDecoder().decode(sound).split(".")[2];
    const jws = text([header, payload, signature].join("."));
    const verifying = VerifiedReport.verify(jws, options);
    expect(await rejection(verifying)).toBe("CONTENT_SIGNATURE_INVALID");
  });
});
