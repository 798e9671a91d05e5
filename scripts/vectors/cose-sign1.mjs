// COSE_Sign1 messages: sound ones of each algorithm and form, and messages whose signature is right
// but whose headers are not, so that each is refused for its header alone.
import { array, bytes, head, int, map, NULL, tag, text } from "./reference/cbor.mjs";
import { FIXED } from "./reference/fixed.mjs";
import {
  EDDSA,
  KEY,
  KID,
  message,
  PAYLOAD,
  PROTECTED,
  signature,
  signedMessage,
} from "./reference/sign1.mjs";

const hex = (value) => Buffer.from(value).toString("hex");

function good(behaviour, description, message, context = {}) {
  const input = { message: hex(message), key: KEY, ...context };
  const rest = { spec: "RFC 9052 §4.4", expect: "ok", input, output: { payload: hex(PAYLOAD) } };
  return { kind: "cose/sign1", behaviour, description, ...rest };
}

function bad(behaviour, description, { expect, spec, ...context }, message) {
  const input = { message: hex(message), key: KEY, ...context };
  const rest = { spec, expect, input, output: null };
  return { kind: "cose/sign1", behaviour, description, ...rest };
}

function fixedProtected({ id }) {
  return map([int(1), int(id)], KID);
}

function fixedMessage(fixed, signed = fixed.signature) {
  return message({ protectedBytes: fixedProtected(fixed), signed: Buffer.from(signed, "hex") });
}

function fixedGood(name, description) {
  const behaviour = `signed-with-${name.toLowerCase()}`;
  return good(behaviour, description, fixedMessage(FIXED[name]), { key: FIXED[name].key });
}

/** s replaced by n - s, which verifies as well (RFC 9053 §2.1 asks for no lower half). */
function otherS({ signature }) {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = order - BigInt(`0x${signature.slice(64)}`);
  return signature.slice(0, 64) + s.toString(16).padStart(64, "0");
}

/** S replaced by S + L, which RFC 8032 §5.1.7 refuses. */
function otherEd25519(signed) {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(signed.subarray(32)).reverse().toString("hex")}`) + order;
  const bytes = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
  return Buffer.concat([signed.subarray(0, 32), bytes]);
}

function flip(value, at) {
  const copy = Buffer.from(value);
  copy[at] ^= 1;
  return copy;
}

const AAD = Buffer.from("context");
const SOUND = signedMessage({});
const SIGNED = signature(PROTECTED, PAYLOAD);
const DETACHED = signedMessage({ detached: true });
const MAPS = { protected: bytes(PROTECTED), unprotected: map() };

const taken = [
  good("attached", "An attached payload", SOUND),
  good("detached", "A detached payload, given beside the message", DETACHED, {
    payload: hex(PAYLOAD),
  }),
  good("external-aad", "External data under the signature", signedMessage({ externalAad: AAD }), {
    externalAad: hex(AAD),
  }),
  good(
    "unprotected-header-not-covered",
    "What stands in the unprotected header is not signed",
    signedMessage({ unprotected: map([int(99), text("anything")]) }),
  ),
  good(
    "protected-keys-out-of-order",
    "Protected bytes are taken as they are, sorted or not",
    signedMessage({ protectedBytes: map(KID, EDDSA) }),
  ),
  good(
    "crit-understood",
    "A critical label that every reader processes",
    signedMessage({ protectedBytes: map(EDDSA, [int(2), array(int(4))], KID) }),
  ),
  good(
    "signed-with-ed25519",
    "Ed25519 under its fully specified number",
    signedMessage({ protectedBytes: map([int(1), int(-19)], KID) }),
  ),
  fixedGood("ES256", "ECDSA with P-256 and SHA-256"),
  fixedGood("ES384", "ECDSA with P-384 and SHA-384"),
  fixedGood("ES512", "ECDSA with P-521 and SHA-512"),
  fixedGood("ESP256", "ES256 under its fully specified number"),
  fixedGood("PS256", "RSASSA-PSS with SHA-256"),
  good(
    "ecdsa-s-in-the-upper-half",
    "The other s of an ECDSA signature is a signature too",
    fixedMessage(FIXED.ES256, otherS(FIXED.ES256)),
    { key: FIXED.ES256.key },
  ),
];

const TAG = { expect: "COSE_TAG", spec: "RFC 9052 §2" };
const MALFORMED = { expect: "COSE_MALFORMED", spec: "RFC 9052 §4.2" };
const BOTH = { expect: "COSE_MALFORMED", spec: "RFC 9052 §3" };

const shape = [
  bad("untagged", "The array of four without its tag", TAG, SOUND.subarray(1)),
  bad("tag-of-cose-mac0", "The tag of COSE_Mac0", TAG, tag(17, SOUND.subarray(1))),
  bad("tag-of-cose-sign", "The tag of COSE_Sign", TAG, tag(98, SOUND.subarray(1))),
  bad("tagged-twice", "A tag around the tag", TAG, tag(55_799, SOUND)),
  bad(
    "tag-not-shortest",
    "Tag 18 in three bytes",
    { expect: "COSE_CBOR_NOT_SHORTEST", spec: "RFC 8949 §4.2.1" },
    Buffer.concat([head(6, 18, 2), SOUND.subarray(1)]),
  ),
  bad(
    "trailing-byte",
    "A byte behind the message",
    { expect: "COSE_CBOR_MALFORMED", spec: "RFC 8949 §5.3.1" },
    Buffer.concat([SOUND, Buffer.of(0)]),
  ),
  bad(
    "array-indefinite",
    "The outer array of indefinite length",
    { expect: "COSE_CBOR_INDEFINITE", spec: "RFC 8949 §4.2.1" },
    Buffer.concat([Buffer.of(0xd2, 0x9f), SOUND.subarray(2), Buffer.of(0xff)]),
  ),
  bad("array-of-three", "No signature", MALFORMED, tag(18, array(MAPS.protected, map(), NULL))),
  bad(
    "array-of-five",
    "A fifth element",
    MALFORMED,
    tag(18, array(MAPS.protected, map(), bytes(PAYLOAD), bytes(SIGNED), NULL)),
  ),
  bad(
    "protected-not-wrapped",
    "The protected header as a map, not a byte string",
    MALFORMED,
    tag(18, array(PROTECTED, map(), bytes(PAYLOAD), bytes(SIGNED))),
  ),
  bad(
    "unprotected-wrapped",
    "The unprotected header as a byte string",
    MALFORMED,
    tag(18, array(MAPS.protected, bytes(map()), bytes(PAYLOAD), bytes(SIGNED))),
  ),
  bad(
    "payload-text",
    "The payload as text",
    MALFORMED,
    tag(18, array(MAPS.protected, map(), text("payload"), bytes(SIGNED))),
  ),
  bad(
    "signature-nil",
    "Nil in the place of the signature",
    MALFORMED,
    tag(18, array(MAPS.protected, map(), bytes(PAYLOAD), NULL)),
  ),
  bad(
    "protected-holds-an-array",
    "The protected byte string holds no map",
    MALFORMED,
    signedMessage({ protectedBytes: array(...EDDSA) }),
  ),
  bad(
    "label-in-both-headers",
    "kid in both headers",
    BOTH,
    signedMessage({ unprotected: map(KID) }),
  ),
];

const DUPLICATE = { expect: "COSE_CBOR_DUPLICATE_KEY", spec: "RFC 9052 §3" };

const layers = [
  bad(
    "protected-duplicate-key",
    "alg twice inside the protected header",
    DUPLICATE,
    signedMessage({ protectedBytes: map(EDDSA, KID, [int(1), int(-7)]) }),
  ),
  bad(
    "unprotected-duplicate-key",
    "One label twice in the unprotected header",
    DUPLICATE,
    signedMessage({ unprotected: map([int(99), int(1)], [int(99), int(2)]) }),
  ),
  bad(
    "protected-not-shortest",
    "A label in two bytes inside the protected header",
    { expect: "COSE_CBOR_NOT_SHORTEST", spec: "RFC 8949 §4.2.1" },
    signedMessage({ protectedBytes: map([head(0, 1, 1), int(-8)], KID) }),
  ),
  bad(
    "protected-indefinite",
    "A map of indefinite length inside the protected header",
    { expect: "COSE_CBOR_INDEFINITE", spec: "RFC 8949 §4.2.1" },
    signedMessage({ protectedBytes: Buffer.from("bf0127ff", "hex") }),
  ),
  bad(
    "protected-trailing-byte",
    "A byte behind the map inside the protected header",
    { expect: "COSE_CBOR_MALFORMED", spec: "RFC 8949 §5.3.1" },
    signedMessage({ protectedBytes: Buffer.concat([PROTECTED, Buffer.of(0)]) }),
  ),
];

const UNPROTECTED = { expect: "COSE_ALG_UNPROTECTED", spec: "RFC 9052 §3.1" };
const UNSUPPORTED = { expect: "COSE_ALG_UNSUPPORTED", spec: "RFC 9053 §2" };
const MISMATCH = { expect: "COSE_ALG_KEY_MISMATCH", spec: "RFC 9053 §2" };
const CRIT = { expect: "COSE_CRIT_MALFORMED", spec: "RFC 9052 §3.1" };
const UNKNOWN = { expect: "COSE_CRIT_UNKNOWN", spec: "RFC 9052 §3.1" };

function withProtected(...entries) {
  return signedMessage({ protectedBytes: map(...entries) });
}

const headers = [
  bad(
    "alg-unprotected",
    "alg in the unprotected header alone",
    UNPROTECTED,
    signedMessage({ protectedBytes: map(KID), unprotected: map(EDDSA) }),
  ),
  bad(
    "alg-missing",
    "No alg at all",
    { expect: "COSE_ALG_MISSING", spec: "RFC 9052 §3.1" },
    withProtected(KID),
  ),
  bad(
    "protected-empty",
    "A protected header of zero bytes",
    { expect: "COSE_ALG_MISSING", spec: "RFC 9052 §3" },
    signedMessage({ protectedBytes: Buffer.alloc(0) }),
  ),
  bad(
    "alg-unassigned",
    "A number without meaning",
    UNSUPPORTED,
    withProtected([int(1), int(-65_000)]),
  ),
  bad(
    "alg-hmac",
    "A MAC in the place of a signature",
    UNSUPPORTED,
    withProtected([int(1), int(5)]),
  ),
  bad("alg-text", "alg by name", UNSUPPORTED, withProtected([int(1), text("EdDSA")])),
  bad(
    "alg-of-another-key-type",
    "ES256 with an Ed25519 key",
    MISMATCH,
    withProtected([int(1), int(-7)]),
  ),
  bad(
    "alg-of-another-curve",
    "ES256 with a P-384 key",
    { ...MISMATCH, key: FIXED.ES384.key },
    fixedMessage({ ...FIXED.ES384, id: -7 }),
  ),
  bad(
    "crit-unknown-label",
    "A critical label that nobody processes",
    UNKNOWN,
    withProtected(EDDSA, [int(2), array(int(99))], [int(99), int(1)]),
  ),
  bad(
    "crit-unknown-text-label",
    "A critical label of text",
    UNKNOWN,
    withProtected(EDDSA, [int(2), array(text("x"))], [text("x"), int(1)]),
  ),
  bad(
    "crit-empty",
    "An empty list of critical labels",
    CRIT,
    withProtected(EDDSA, [int(2), array()]),
  ),
  bad(
    "crit-no-array",
    "A label in the place of the list",
    CRIT,
    withProtected(EDDSA, [int(2), int(1)]),
  ),
  bad(
    "crit-label-absent",
    "A critical label that the header does not hold",
    CRIT,
    withProtected(EDDSA, [int(2), array(int(4))]),
  ),
  bad(
    "crit-unprotected",
    "crit where anybody can change it",
    CRIT,
    signedMessage({ unprotected: map([int(2), array(int(1))]) }),
  ),
];

const INVALID = { expect: "COSE_SIGNATURE_INVALID", spec: "RFC 9052 §4.4" };

const signatures = [
  bad(
    "payload-bit-flipped",
    "Another payload",
    INVALID,
    message({ payload: flip(PAYLOAD, 0), signed: SIGNED }),
  ),
  bad("signature-bit-flipped", "Another signature", INVALID, message({ signed: flip(SIGNED, 0) })),
  bad("signature-empty", "No bytes of signature", INVALID, message({ signed: Buffer.alloc(0) })),
  bad("signature-one-byte-short", "63 bytes", INVALID, message({ signed: SIGNED.subarray(0, 63) })),
  bad(
    "signature-one-byte-long",
    "65 bytes",
    INVALID,
    message({ signed: Buffer.concat([SIGNED, Buffer.of(0)]) }),
  ),
  bad(
    "ed25519-s-above-order",
    "S + L: the laxer rules of ZIP 215 aside",
    {
      ...INVALID,
      spec: "RFC 8032 §5.1.7",
    },
    message({ signed: otherEd25519(SIGNED) }),
  ),
  bad(
    "ecdsa-zero",
    "r = s = 0",
    { ...INVALID, key: FIXED.ES256.key },
    fixedMessage(FIXED.ES256, "00".repeat(64)),
  ),
  bad(
    "protected-replaced",
    "A header that the signature does not cover",
    INVALID,
    message({ protectedBytes: map(KID, EDDSA), signed: SIGNED }),
  ),
  bad(
    "external-aad-missing",
    "Signed with external data, read without",
    INVALID,
    signedMessage({ externalAad: AAD }),
  ),
  bad(
    "external-aad-surplus",
    "Signed without external data, read with",
    {
      ...INVALID,
      externalAad: hex(AAD),
    },
    SOUND,
  ),
  bad(
    "payload-missing",
    "A detached payload that nobody brings",
    {
      expect: "COSE_PAYLOAD_MISSING",
      spec: "RFC 9052 §4.1",
    },
    DETACHED,
  ),
  bad(
    "payload-twice",
    "A payload given beside the attached one",
    {
      expect: "COSE_PAYLOAD_CONFLICT",
      spec: "RFC 9052 §4.1",
      payload: hex(PAYLOAD),
    },
    SOUND,
  ),
];

export const recipes = [...taken, ...shape, ...layers, ...headers, ...signatures];
