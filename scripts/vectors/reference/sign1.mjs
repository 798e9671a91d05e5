// COSE_Sign1 (RFC 9052 §4) put together from parts, with Ed25519 by Node's crypto: its signatures
// are deterministic, so vectors can be made again byte for byte. Signatures of other algorithms are
// random and therefore fixed; see fixed.mjs.
import { createPrivateKey, sign } from "node:crypto";
import { array, bytes, int, map, NULL, tag, text } from "./cbor.mjs";

const hex = (value) => Buffer.from(value, "hex");
const base64url = (value) => hex(value).toString("base64url");

// RFC 8032 §7.1, test 1.
const SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const POINT = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/** The public key that vectors verify with. */
export const KEY = { kty: "OKP", crv: "Ed25519", x: base64url(POINT) };

function privateKey(jwk, seed) {
  return createPrivateKey({ key: { ...jwk, d: base64url(seed) }, format: "jwk" });
}

const PRIVATE = privateKey(KEY, SEED);

// RFC 8032 §7.1, test 2: a second party.
const OTHER_SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const OTHER_POINT = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
export const OTHER_KEY = { kty: "OKP", crv: "Ed25519", x: base64url(OTHER_POINT) };
export const OTHER_PRIVATE = privateKey(OTHER_KEY, OTHER_SEED);

export const EDDSA = [int(1), int(-8)];
export const KID = [int(4), bytes(Buffer.from("vector"))];

/** The header of most vectors. */
export const PROTECTED = map(EDDSA, KID);
export const PAYLOAD = Buffer.from("a tally stick, split in two");

/** What a signature covers (RFC 9052 §4.4). */
export function sigStructure(protectedBytes, payload, externalAad = Buffer.alloc(0)) {
  const parts = [protectedBytes, externalAad, payload].map(bytes);
  return array(text("Signature1"), ...parts);
}

export function signature(protectedBytes, payload, externalAad, key = PRIVATE) {
  return sign(null, sigStructure(protectedBytes, payload, externalAad), key);
}

/** The tagged message; `unprotected` is an encoded map, and a null payload is detached. */
export function message({ protectedBytes = PROTECTED, unprotected = map(), payload, signed }) {
  const carried = payload === null ? NULL : bytes(payload ?? PAYLOAD);
  return tag(18, array(bytes(protectedBytes), unprotected, carried, bytes(signed)));
}

/** A message that is sound up to what `protectedBytes` and `unprotected` say. */
export function signedMessage({ protectedBytes = PROTECTED, unprotected, detached, externalAad }) {
  const signed = signature(protectedBytes, PAYLOAD, externalAad);
  const payload = detached === true ? null : PAYLOAD;
  return message({ protectedBytes, unprotected, payload, signed });
}
