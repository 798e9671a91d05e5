import {
  decodeCbor,
  decodeCborMap,
  decodeSign1,
  encodeCbor,
  PublicKey,
  verifySign1,
} from "@tallystick/cose";
import { bytesAt, formatHex, type Kind } from "./vector.js";

/** Strict CBOR: what is taken comes back in deterministic encoding. */
export const cbor: Kind = {
  required: ["bytes"],
  optional: [],
  run(input) {
    return { encoded: formatHex(encodeCbor(decodeCbor(bytesAt(input, "bytes")))) };
  },
};

/** Public keys, as JWK or as COSE_Key. */
export const key: Kind = {
  required: [],
  optional: ["jwk", "coseKey"],
  run(input) {
    const found =
      "jwk" in input
        ? PublicKey.fromJwk(input["jwk"])
        : PublicKey.fromCoseKey(decodeCborMap(bytesAt(input, "coseKey")));
    return { thumbprint: formatHex(found.thumbprint()) };
  },
};

/** COSE_Sign1 messages with the key that the verifier trusts. */
export const sign1: Kind = {
  required: ["message", "key"],
  optional: ["payload", "externalAad"],
  async run(input) {
    const message = decodeSign1(bytesAt(input, "message"));
    const payload = await verifySign1(message, PublicKey.fromJwk(input["key"]), {
      ...("payload" in input ? { payload: bytesAt(input, "payload") } : {}),
      ...("externalAad" in input ? { externalAad: bytesAt(input, "externalAad") } : {}),
    });
    return { payload: formatHex(payload) };
  },
};
