// Public keys as JWK and as COSE_Key: the thumbprint (RFC 9679) of sound ones, and keys on which
// verifiers could disagree.
import { createHash } from "node:crypto";
import { bytes, head, int, map } from "./reference/cbor.mjs";
import { FIXED } from "./reference/fixed.mjs";
import { ML_DSA } from "./reference/ml-dsa.mjs";
import { KEY } from "./reference/sign1.mjs";

const hex = (value) => Buffer.from(value).toString("hex");
const decode = (text) => Buffer.from(text, "base64url");
const base64url = (value) => Buffer.from(value, "hex").toString("base64url");

const CURVES = { "P-256": 1, "P-384": 2, "P-521": 3 };
const TRUE = Buffer.of(0xf5);

/** The members that RFC 9679 §4 hashes, in deterministic order. */
function required(jwk) {
  if (jwk.kty === "RSA") {
    const [n, e] = [bytes(decode(jwk.n)), bytes(decode(jwk.e))];
    return [
      [int(1), int(3)],
      [int(-1), n],
      [int(-2), e],
    ];
  }
  if (jwk.kty === "AKP") {
    return [
      [int(1), int(7)],
      [int(3), int(ML_DSA[jwk.alg].id)],
      [int(-1), bytes(decode(jwk.pub))],
    ];
  }
  if (jwk.kty === "OKP")
    return [
      [int(1), int(1)],
      [int(-1), int(6)],
      [int(-2), bytes(decode(jwk.x))],
    ];
  const [x, y] = [bytes(decode(jwk.x)), bytes(decode(jwk.y))];
  return [
    [int(1), int(2)],
    [int(-1), int(CURVES[jwk.crv])],
    [int(-2), x],
    [int(-3), y],
  ];
}

function thumbprint(jwk) {
  return createHash("sha256")
    .update(map(...required(jwk)))
    .digest("hex");
}

function good(behaviour, description, input, jwk) {
  const output = { thumbprint: thumbprint(jwk) };
  const rest = { spec: "RFC 9679 §4", expect: "ok", input, output };
  return { kind: "cose/key", behaviour, description, ...rest };
}

function bad(behaviour, description, { expect, spec }, input) {
  return { kind: "cose/key", behaviour, description, spec, expect, input, output: null };
}

const P256 = FIXED.ES256.key;
const RSA = FIXED.PS256.key;

// kid1 of the SCRAPI examples; its thumbprint is published as well.
const SCRAPI = {
  kty: "EC",
  crv: "P-256",
  x: base64url("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"),
  y: base64url("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"),
};

function asCoseKey(jwk, ...more) {
  return { coseKey: hex(map(...required(jwk), ...more)) };
}

/** y as its sign bit (RFC 9053 §7.1.1). */
function compressed(jwk) {
  const isOdd = decode(jwk.y).at(-1) % 2 === 1;
  const members = required(jwk).slice(0, 3);
  return { coseKey: hex(map(...members, [int(-3), isOdd ? TRUE : Buffer.of(0xf4)])) };
}

const AKP = ML_DSA["ML-DSA-44"].key;

/** The members but one. */
function akpWithout(label) {
  const members = required(AKP).filter(([key]) => !key.equals(int(label)));
  return { coseKey: hex(map(...members)) };
}

function okp(point) {
  return { jwk: { ...KEY, x: base64url(point) } };
}

const MALFORMED = { expect: "COSE_KEY_MALFORMED", spec: "RFC 9053 §7" };
const BAD_AKP = { expect: "COSE_KEY_MALFORMED", spec: "RFC 9964" };
const MISMATCH = { expect: "COSE_ALG_KEY_MISMATCH", spec: "RFC 9964" };
const UNSUPPORTED = { expect: "COSE_KEY_UNSUPPORTED", spec: "RFC 9053 §7" };
const WEAK_POINT = { expect: "COSE_KEY_WEAK", spec: "RFC 8032 §5.1.3" };
const WEAK_RSA = { expect: "COSE_KEY_WEAK", spec: "RFC 8230 §6" };

export const recipes = [
  good("jwk-ed25519", "An Ed25519 key", { jwk: KEY }, KEY),
  good("jwk-p256", "A P-256 key", { jwk: P256 }, P256),
  good("jwk-p384", "A P-384 key", { jwk: FIXED.ES384.key }, FIXED.ES384.key),
  good("jwk-p521", "A P-521 key", { jwk: FIXED.ES512.key }, FIXED.ES512.key),
  good("jwk-rsa", "An RSA key of 2048 bits", { jwk: RSA }, RSA),
  good("cose-key-ed25519", "The same Ed25519 key as COSE_Key", asCoseKey(KEY), KEY),
  good("cose-key-p256", "The P-256 key of the SCRAPI examples", asCoseKey(SCRAPI), SCRAPI),
  good("cose-key-p256-compressed", "y as its sign bit", compressed(P256), P256),
  good(
    "cose-key-with-kid",
    "The thumbprint does not depend on kid",
    asCoseKey(KEY, [int(2), bytes(Buffer.from("k"))]),
    KEY,
  ),
  ...Object.values(ML_DSA).map(({ key }) =>
    good(`jwk-${key.alg.toLowerCase()}`, `An ${key.alg} key`, { jwk: key }, key),
  ),
  good("cose-key-ml-dsa-44", "The same ML-DSA-44 key as COSE_Key", asCoseKey(AKP), AKP),
  bad("jwk-akp-without-alg", "The type alone fixes no algorithm", BAD_AKP, {
    jwk: { kty: AKP.kty, pub: AKP.pub },
  }),
  bad("jwk-akp-for-es256", "alg of another key type", MISMATCH, { jwk: { ...AKP, alg: "ES256" } }),
  bad("jwk-akp-of-another-set", "An ML-DSA-44 key said to be of ML-DSA-65", BAD_AKP, {
    jwk: { ...AKP, alg: "ML-DSA-65" },
  }),
  bad("jwk-akp-private", "A seed in a public key", MALFORMED, {
    jwk: { ...AKP, priv: Buffer.alloc(32).toString("base64url") },
  }),
  bad("jwk-ml-dsa-44-short", "A key one byte too short", MALFORMED, {
    jwk: { ...AKP, pub: decode(AKP.pub).subarray(1).toString("base64url") },
  }),
  bad("cose-key-akp-without-alg", "No label 3", BAD_AKP, akpWithout(3)),
  bad("cose-key-akp-without-pub", "No label -1", BAD_AKP, akpWithout(-1)),
  bad(
    "cose-key-akp-private",
    "A seed in a public key",
    MALFORMED,
    asCoseKey(AKP, [int(-2), bytes(Buffer.alloc(32))]),
  ),
  bad("jwk-private", "A private member in a public key", MALFORMED, { jwk: { ...KEY, d: KEY.x } }),
  bad("jwk-without-kty", "No key type", MALFORMED, { jwk: { crv: KEY.crv, x: KEY.x } }),
  bad("jwk-padded", "base64url with padding", MALFORMED, { jwk: { ...KEY, x: `${KEY.x}=` } }),
  bad("jwk-x-missing", "No x", MALFORMED, { jwk: { kty: KEY.kty, crv: KEY.crv } }),
  bad("ed25519-31-bytes", "A point one byte too short", MALFORMED, okp("d7".repeat(31))),
  bad("p256-short-coordinate", "x without a leading byte", MALFORMED, {
    jwk: { ...P256, x: decode(P256.x).subarray(1).toString("base64url") },
  }),
  bad(
    "cose-key-private",
    "A private member in a public key",
    MALFORMED,
    asCoseKey(KEY, [int(-4), bytes(decode(KEY.x))]),
  ),
  bad("cose-key-x-text", "x of another type", MALFORMED, {
    coseKey: hex(map([int(1), int(1)], [int(-1), int(6)], [int(-2), head(0, 5)])),
  }),
  bad("jwk-x25519", "A curve for key agreement", UNSUPPORTED, { jwk: { ...KEY, crv: "X25519" } }),
  bad("jwk-symmetric", "A shared secret", UNSUPPORTED, { jwk: { kty: "oct" } }),
  bad("jwk-for-encryption", "use other than sig", UNSUPPORTED, { jwk: { ...KEY, use: "enc" } }),
  bad("cose-key-p256k", "A curve without an algorithm here", UNSUPPORTED, {
    coseKey: hex(map([int(1), int(2)], [int(-1), int(8)], [int(-2), bytes(decode(P256.x))])),
  }),
  bad("ed25519-identity", "The neutral element", WEAK_POINT, okp(`01${"00".repeat(31)}`)),
  bad(
    "ed25519-small-order",
    "A point of order 8",
    WEAK_POINT,
    okp("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
  ),
  bad(
    "ed25519-not-canonical",
    "y above the field's prime",
    WEAK_POINT,
    okp(`f0${"ff".repeat(30)}7f`),
  ),
  bad("ed25519-off-curve", "No point has this y", WEAK_POINT, okp(`02${"00".repeat(31)}`)),
  bad(
    "p256-off-curve",
    "A point beside the curve",
    { ...WEAK_POINT, spec: "RFC 9053 §7.1.1" },
    {
      jwk: { ...P256, y: P256.x },
    },
  ),
  bad("rsa-1024-bits", "A modulus of 1024 bits", WEAK_RSA, {
    jwk: { ...RSA, n: decode(RSA.n).subarray(0, 128).toString("base64url") },
  }),
  bad("rsa-even-modulus", "A modulus that two divides", WEAK_RSA, {
    jwk: {
      ...RSA,
      n: Buffer.concat([decode(RSA.n).subarray(0, -1), Buffer.of(2)]).toString("base64url"),
    },
  }),
  bad("rsa-exponent-three", "e = 3", WEAK_RSA, { jwk: { ...RSA, e: "Aw" } }),
];
