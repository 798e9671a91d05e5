import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ALGORITHMS, algorithmByName } from "./algorithm.js";
import { decodeBase64url, encodeBase64url } from "./base64url.js";
import { decodeCborMap } from "./decode.js";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { decodeHex, encodeHex } from "./hex.js";
import type { Jwk } from "./jwk.js";
import { KEY_LABEL } from "./labels.js";
import { PublicKey } from "./public-key.js";
import { toBytes } from "./testing/integer.js";
import { makeTestKey } from "./testing/keys.js";
import { refusal } from "./testing/refusal.js";
import type { CborMap, CborValue } from "./value.js";

const NAMES = ["ES256", "ES384", "ES512", "EdDSA", "PS256"] as const;
const JWKS = new Map<string, Jwk>(
  NAMES.map((name) => [name, makeTestKey(name).publicKey.export({ format: "jwk" }) as Jwk]),
);

function jwkOf(name: (typeof NAMES)[number], change: Record<string, unknown> = {}): Jwk {
  const jwk = JWKS.get(name);
  if (jwk === undefined) throw new Error(`no key for ${name}`);
  return { ...jwk, ...change };
}

function coseOf(
  name: (typeof NAMES)[number],
  change: readonly (readonly [number, CborValue])[] = [],
): CborMap {
  return new Map([...PublicKey.fromJwk(jwkOf(name)).toCoseKey(), ...change]);
}

const codeOfJwk = (jwk: unknown): string => refusal(() => PublicKey.fromJwk(jwk));
const codeOfCose = (map: CborMap): string => refusal(() => PublicKey.fromCoseKey(map));

describe("thumbprint (RFC 9679)", () => {
  // standards.md TV5: a key of SCRAPI's example set.
  const map = decodeCborMap(
    decodeHex(
      "a40102200121582065eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d" +
        "2258201e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c",
    ),
  );

  test("vector TV5", () => {
    const key = PublicKey.fromCoseKey(map);
    expect(encodeHex(key.thumbprint())).toBe(
      "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec",
    );
    expect(key.toJwk().kid).toBe("SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-w");
    expect(key.kid).toEqual(key.thumbprint());
  });

  test("kid, alg and y as a sign bit do not change it", () => {
    const key = PublicKey.fromCoseKey(map);
    const y = map.get(KEY_LABEL.ec2Y);
    if (!(y instanceof Uint8Array)) throw new Error("y is no byte string");
    const compressed = PublicKey.fromCoseKey(
      new Map([...map, [2, Uint8Array.of(1)], [3, -7], [-3, (y.at(-1) ?? 0) % 2 === 1]]),
    );
    expect(compressed.thumbprint()).toEqual(key.thumbprint());
    expect(compressed.kid).toEqual(Uint8Array.of(1));
    expect(compressed.toJwk().y).toBe(key.toJwk().y);
    const other = PublicKey.fromCoseKey(new Map([...map, [-3, (y.at(-1) ?? 0) % 2 === 0]]));
    expect(other.thumbprint()).not.toEqual(key.thumbprint());
  });
});

describe.each(NAMES)("%s key", (name) => {
  const jwk = jwkOf(name);

  test("JWK, COSE_Key, SPKI and PEM give the same key, as node:crypto sees it", () => {
    const node = createPublicKey({ key: { ...jwk }, format: "jwk" });
    const key = PublicKey.fromJwk(jwk);
    const twins = [
      PublicKey.fromSpki(node.export({ format: "der", type: "spki" })),
      PublicKey.fromPem(node.export({ format: "pem", type: "spki" }).toString()),
      PublicKey.fromCoseKey(decodeCborMap(encodeCbor(key.toCoseKey()))),
      PublicKey.fromJwk(JSON.parse(JSON.stringify(key.toJwk()))),
    ];
    for (const twin of twins) {
      expect(twin.thumbprint()).toEqual(key.thumbprint());
      expect(twin.toJwk()).toEqual(key.toJwk());
      expect(twin.kid).toEqual(key.thumbprint());
    }
    expect(key.toJwk()).toEqual({ ...jwk, kid: encodeBase64url(key.thumbprint()) });
  });

  test("fits the algorithms of its type and curve alone", () => {
    const key = PublicKey.fromJwk(jwk);
    const own = algorithmByName(name);
    for (const algorithm of ALGORITHMS) {
      const want = algorithm.kty === own.kty && algorithm.curve === own.curve;
      expect(key.fits(algorithm)).toBe(want);
    }
  });

  test("a named algorithm narrows it to that operation, under either number", () => {
    for (const key of [
      PublicKey.fromJwk({ ...jwk, alg: name }),
      PublicKey.fromCoseKey(coseOf(name, [[3, algorithmByName(name).id]])),
    ]) {
      const own = algorithmByName(name);
      expect(key.algorithm).toBe(own);
      for (const algorithm of ALGORITHMS) {
        const want =
          algorithm.kty === own.kty && algorithm.curve === own.curve && algorithm.hash === own.hash;
        expect(key.fits(algorithm)).toBe(want);
      }
      expect(key.toJwk().alg).toBe(name);
      expect(key.toCoseKey().get(KEY_LABEL.alg)).toBe(own.id);
    }
  });

  test("an algorithm of another key type is refused", () => {
    const other = name === "EdDSA" ? "ES256" : "EdDSA";
    expect(codeOfJwk({ ...jwk, alg: other })).toBe("COSE_ALG_KEY_MISMATCH");
    expect(codeOfCose(coseOf(name, [[3, algorithmByName(other).id]]))).toBe(
      "COSE_ALG_KEY_MISMATCH",
    );
    expect(codeOfJwk({ ...jwk, alg: "RS256" })).toBe("COSE_ALG_UNSUPPORTED");
    expect(codeOfJwk({ ...jwk, alg: 7 })).toBe("COSE_KEY_MALFORMED");
    expect(codeOfCose(coseOf(name, [[3, "ES256"]]))).toBe("COSE_ALG_UNSUPPORTED");
    expect(() => PublicKey.fromJwk(jwk).toCoseKey({ alg: algorithmByName(other) })).toThrow(
      TypeError,
    );
  });

  test("use and key_ops must allow verifying", () => {
    const allowed = { ...jwk, use: "sig", key_ops: ["sign", "verify"] };
    expect(PublicKey.fromJwk(allowed).kty).toBe(algorithmByName(name).kty);
    expect(codeOfJwk({ ...jwk, use: "enc" })).toBe("COSE_KEY_UNSUPPORTED");
    expect(codeOfJwk({ ...jwk, key_ops: ["sign"] })).toBe("COSE_KEY_UNSUPPORTED");
    expect(codeOfJwk({ ...jwk, key_ops: "verify" })).toBe("COSE_KEY_MALFORMED");
    expect(PublicKey.fromCoseKey(coseOf(name, [[4, [1, 2]]])).kty).toBe(algorithmByName(name).kty);
    expect(codeOfCose(coseOf(name, [[4, [1]]]))).toBe("COSE_KEY_UNSUPPORTED");
    expect(codeOfCose(coseOf(name, [[4, []]]))).toBe("COSE_KEY_MALFORMED");
    expect(codeOfCose(coseOf(name, [[4, 2]]))).toBe("COSE_KEY_MALFORMED");
  });

  test("private members are refused", () => {
    expect(codeOfJwk({ ...jwk, d: "AA" })).toBe("COSE_KEY_MALFORMED");
    const label = name === "PS256" ? KEY_LABEL.rsaD : KEY_LABEL.ec2D;
    expect(codeOfCose(coseOf(name, [[label, Uint8Array.of(1)]]))).toBe("COSE_KEY_MALFORMED");
  });

  test("each member is needed, as canonical text or bytes of the right length", () => {
    for (const member of ["x", "y", "n", "e"] as const) {
      const text = jwk[member];
      if (text === undefined) continue;
      const bytes = decodeBase64url(text);
      for (const [changed, code] of [
        [undefined, "COSE_KEY_MALFORMED"],
        [7, "COSE_KEY_MALFORMED"],
        ["", "COSE_KEY_MALFORMED"],
        [`${text}=`, "COSE_KEY_MALFORMED"],
        [encodeBase64url(Uint8Array.of(0, ...bytes)), "COSE_KEY_MALFORMED"],
      ] as const) {
        expect(codeOfJwk({ ...jwk, [member]: changed })).toBe(code);
      }
    }
    for (const label of [-1, -2, -3]) {
      const map = coseOf(name);
      if (!(map.get(label) instanceof Uint8Array)) continue;
      expect(codeOfCose(coseOf(name, [[label, "text"]]))).toBe("COSE_KEY_MALFORMED");
      expect(codeOfCose(coseOf(name, [[label, Uint8Array.of()]]))).toBe("COSE_KEY_MALFORMED");
    }
  });

  test("what it was made from, and what it hands out, do not reach into it", () => {
    const map = coseOf(name, [[2, Uint8Array.of(1, 2)]]);
    const key = PublicKey.fromCoseKey(map);
    const before = key.toJwk();
    for (const bytes of [
      ...map.values(),
      ...key.toCoseKey().values(),
      key.kid,
      ...key.names,
      key.thumbprint(),
    ]) {
      if (bytes instanceof Uint8Array) bytes.fill(0);
    }
    expect(key.toJwk()).toEqual(before);
    expect(Object.isFrozen(key)).toBe(true);
  });
});

describe("keys that are refused", () => {
  test.each([
    ["text", "{}"],
    ["null", null],
    ["an array", []],
    ["an empty object", {}],
    ["kty as a number", { kty: 1 }],
  ])("malformed JWK: %s", (_name, jwk) => {
    expect(codeOfJwk(jwk)).toBe("COSE_KEY_MALFORMED");
  });

  test.each([
    ["symmetric", { kty: "oct", x: "AA" }],
    ["secp256k1", { kty: "EC", crv: "secp256k1", x: "AA", y: "AA" }],
    ["X25519", { kty: "OKP", crv: "X25519", x: "AA" }],
    ["Ed448", { kty: "OKP", crv: "Ed448", x: "AA" }],
  ])("unsupported JWK: %s", (_name, jwk) => {
    expect(codeOfJwk(jwk)).toBe("COSE_KEY_UNSUPPORTED");
  });

  test.each<[string, string, readonly (readonly [number, CborValue])[]]>([
    ["nothing", "COSE_KEY_MALFORMED", []],
    ["kty as bytes", "COSE_KEY_MALFORMED", [[1, Uint8Array.of(2)]]],
    ["symmetric", "COSE_KEY_UNSUPPORTED", [[1, 4]]],
    ["EC2 without a curve", "COSE_KEY_UNSUPPORTED", [[1, 2]]],
    [
      "EC2 on secp256k1",
      "COSE_KEY_UNSUPPORTED",
      [
        [1, 2],
        [-1, 8],
      ],
    ],
    [
      "OKP on P-256",
      "COSE_KEY_UNSUPPORTED",
      [
        [1, 1],
        [-1, 1],
      ],
    ],
  ])("COSE_Key: %s", (_name, code, entries) => {
    expect(codeOfCose(new Map(entries))).toBe(code);
  });

  test.each(["ES256", "ES384", "ES512"] as const)("%s point off the curve", (name) => {
    const jwk = jwkOf(name);
    const y = decodeBase64url(jwk.y ?? "");
    y[y.length - 1] = (y.at(-1) ?? 0) ^ 1;
    expect(codeOfJwk({ ...jwk, y: encodeBase64url(y) })).toBe("COSE_KEY_WEAK");
    expect(codeOfJwk({ ...jwk, x: jwk.y, y: jwk.x })).toBe("COSE_KEY_WEAK");
    const zero = encodeBase64url(new Uint8Array(y.length));
    expect(codeOfJwk({ ...jwk, x: zero, y: zero })).toBe("COSE_KEY_WEAK");
  });

  test("a coordinate that is not below the field's prime", () => {
    // P-256 has a point with x = 5; x + p encodes the same point a second time.
    const p = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    const low = PublicKey.fromCoseKey(
      new Map<number, CborValue>([
        [1, 2],
        [-1, 1],
        [-2, toBytes(5n, 32)],
        [-3, true],
      ]),
    );
    const jwk = low.toJwk();
    expect(codeOfJwk({ ...jwk, x: encodeBase64url(toBytes(p + 5n, 32)) })).toBe("COSE_KEY_WEAK");
  });

  test("a sign bit without a point", () => {
    // No point of P-256 has x = 1 below; found by trial, and stable.
    const without = [1n, 2n, 3n, 4n, 7n, 9n].find((x) => {
      const map = new Map<number, CborValue>([
        [1, 2],
        [-1, 1],
        [-2, toBytes(x, 32)],
        [-3, true],
      ]);
      try {
        PublicKey.fromCoseKey(map);
        return false;
      } catch (error) {
        return error instanceof CoseError && error.code === "COSE_KEY_WEAK";
      }
    });
    expect(without).toBeDefined();
  });
});

describe("RSA keys", () => {
  const jwk = jwkOf("PS256");
  const n = decodeBase64url(jwk.n ?? "");
  const withN = (bytes: Uint8Array): Jwk => ({ ...jwk, n: encodeBase64url(bytes) });
  const withE = (value: bigint, length: number): Jwk => ({
    ...jwk,
    e: encodeBase64url(toBytes(value, length)),
  });

  test("2047 bits are too few, 8193 too many", () => {
    const short = new Uint8Array(n);
    short[0] = 0x7f;
    expect(codeOfJwk(withN(short))).toBe("COSE_KEY_WEAK");
    const long = new Uint8Array(1025).fill(0xff);
    long[0] = 1;
    expect(codeOfJwk(withN(long))).toBe("COSE_KEY_WEAK");
    expect(PublicKey.fromJwk(withN(long.subarray(1))).kty).toBe("RSA");
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
    expect(refusal(() => PublicKey.fromPem(pem))).toBe("COSE_KEY_WEAK");
  });

  test("an even modulus is refused", () => {
    const even = new Uint8Array(n);
    even[255] = (even[255] ?? 0) & 0xfe;
    expect(codeOfJwk(withN(even))).toBe("COSE_KEY_WEAK");
  });

  test.each<[string, [bigint, number], string]>([
    ["1", [1n, 1], "COSE_KEY_WEAK"],
    ["3", [3n, 1], "COSE_KEY_WEAK"],
    ["65535", [65535n, 2], "COSE_KEY_WEAK"],
    ["65536", [65536n, 3], "COSE_KEY_WEAK"],
    ["65538", [65538n, 3], "COSE_KEY_WEAK"],
    ["2^32 + 1", [2n ** 32n + 1n, 5], "COSE_KEY_UNSUPPORTED"],
  ])("exponent %s is refused", (_name, [value, length], code) => {
    expect(codeOfJwk(withE(value, length))).toBe(code);
  });

  test("exponent 2^32 - 1 is taken", () => {
    expect(PublicKey.fromJwk(withE(2n ** 32n - 1n, 4)).kty).toBe("RSA");
  });
});

describe("closed world", () => {
  test("any JWK-like object gives a key or a CoseError", () => {
    const text = fc.oneof(fc.base64String(), fc.string(), fc.constant(jwkOf("ES256").x));
    const members = {
      kty: fc.constantFrom("EC", "OKP", "RSA", "oct", 1),
      crv: fc.constantFrom("P-256", "P-521", "Ed25519", undefined),
      ...Object.fromEntries(["x", "y", "n", "e", "kid", "alg", "use"].map((name) => [name, text])),
    };
    fc.assert(
      fc.property(fc.record(members, { requiredKeys: [] }), (jwk) => {
        try {
          expect(PublicKey.fromJwk(jwk)).toBeInstanceOf(PublicKey);
        } catch (error) {
          expect(error).toBeInstanceOf(CoseError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
