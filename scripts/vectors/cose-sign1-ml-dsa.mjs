// COSE_Sign1 messages signed with ML-DSA (RFC 9964): sound ones of each parameter set, and signatures
// that hold by FIPS 204 in a variant which COSE does not have.
import { bytes, int, map } from "./reference/cbor.mjs";
import { ML_DSA } from "./reference/ml-dsa.mjs";
import { message, PAYLOAD, sigStructure } from "./reference/sign1.mjs";

const hex = (value) => Buffer.from(value).toString("hex");

const protectedOf = ({ id }) => map([int(1), int(id)], [int(4), bytes(Buffer.from("vector"))]);

function signedBy(set, signed = set.sign(sigStructure(protectedOf(set), PAYLOAD))) {
  return message({ protectedBytes: protectedOf(set), signed });
}

function good(name) {
  const set = ML_DSA[name];
  return {
    kind: "cose/sign1",
    behaviour: `signed-with-${name.toLowerCase()}`,
    description: `${name}, pure and with the empty context`,
    spec: "RFC 9964",
    expect: "ok",
    input: { message: hex(signedBy(set)), key: set.key },
    output: { payload: hex(PAYLOAD) },
  };
}

function bad(behaviour, description, { expect, spec }, { signed, key }) {
  const input = { message: hex(signed), key };
  return { kind: "cose/sign1", behaviour, description, spec, expect, input, output: null };
}

const SMALL = ML_DSA["ML-DSA-44"];
const COVERED = sigStructure(protectedOf(SMALL), PAYLOAD);
const SIGNATURE = SMALL.sign(COVERED);

const INVALID = { expect: "COSE_SIGNATURE_INVALID", spec: "RFC 9964" };
const HINT = { expect: "COSE_SIGNATURE_INVALID", spec: "FIPS 204 §7.2" };
const MISMATCH = { expect: "COSE_ALG_KEY_MISMATCH", spec: "RFC 9964" };

function refused(behaviour, description, rule, signature) {
  return bad(behaviour, description, rule, { signed: signedBy(SMALL, signature), key: SMALL.key });
}

/** The byte at this place from the end replaced. */
function withByte(fromEnd, value) {
  const changed = Buffer.from(SIGNATURE);
  changed[changed.length - fromEnd] = value;
  return changed;
}

export const recipes = [
  ...Object.keys(ML_DSA).map(good),
  refused(
    "ml-dsa-with-a-context",
    "A signature with a context of one byte",
    INVALID,
    SMALL.sign(COVERED, { context: Uint8Array.of(1) }),
  ),
  refused("ml-dsa-prehashed", "HashML-DSA with SHA-512", INVALID, SMALL.signPrehashed(COVERED)),
  refused("ml-dsa-truncated", "The last byte cut off", INVALID, SIGNATURE.subarray(0, -1)),
  refused(
    "ml-dsa-extended",
    "A byte behind the signature",
    INVALID,
    Buffer.concat([SIGNATURE, Buffer.of(0)]),
  ),
  // The hint ends with one byte for each of four polynomials; padding stands in front of them.
  refused("ml-dsa-hint-padding", "Padding of the hint that is not zero", HINT, withByte(5, 1)),
  refused("ml-dsa-hint-count", "More hints than ω", HINT, withByte(1, 81)),
  bad("ml-dsa-44-for-a-key-of-ml-dsa-65", "Another parameter set than the key's", MISMATCH, {
    signed: signedBy(SMALL),
    key: ML_DSA["ML-DSA-65"].key,
  }),
  bad("ml-dsa-65-for-a-key-of-ml-dsa-44", "alg names another parameter set", MISMATCH, {
    signed: signedBy(ML_DSA["ML-DSA-65"]),
    key: SMALL.key,
  }),
];
