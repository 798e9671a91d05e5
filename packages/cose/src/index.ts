/**
 * COSE (RFC 9052) for one purpose: single-signer messages whose every byte can be accounted for.
 *
 * Two ideas carry the package. First, bytes are judged before they are understood: a strict check
 * admits exactly one encoding of each thing (definite and shortest lengths, unique keys, no
 * trailing bytes, limits) and only then does a decoder see them. The bytes under a signature are
 * kept as received and never encoded again. Second, a verdict must not depend on where it is
 * reached: keys are vetted once, when they are made, by the same code everywhere, and Node's own
 * cryptography and the portable one behind `#crypto` accept the same signatures.
 *
 * The way of a message: {@link decodeSign1} yields its parts, {@link verifySign1} takes them with a
 * {@link PublicKey} that the caller trusts and yields the payload. The algorithm comes from the
 * protected header and has to fit the key; labels named in `crit` have to be understood. The other
 * way, {@link signSign1} takes headers, payload and a {@link Signer}, which a {@link PrivateKey} is
 * and a key in hardware can be.
 *
 * Keys come as COSE_Key, JWK, SPKI or PKCS #8 and are named by their RFC 9679 thumbprint.
 * {@link formatDiagnostic} shows any CBOR to people.
 *
 * Refused input is a {@link CoseError}; misuse by the caller is a `TypeError`. Nothing here reads
 * a clock, a file or the network; random numbers serve {@link PrivateKey.generate} alone.
 *
 * @packageDocumentation
 */
export { CoseError, type CoseErrorCode } from "./error.js";
export { CLAIM, KEY_LABEL, LABEL } from "./labels.js";
export { type CborMap, type CborValue, isCborArray, isCborMap, type Label } from "./value.js";
export { checkCbor } from "./check.js";
export { type CborLimits, DEFAULT_CBOR_LIMITS } from "./limits.js";
export { decodeCbor, decodeCborMap } from "./decode.js";
export { encodeCbor } from "./encode.js";
export { type SequenceLimits, SequenceSplitter } from "./sequence.js";
export { Accumulator } from "./accumulator.js";
export { type Head, INDEFINITE, isShortest, MAJOR, negate, readHead } from "./head.js";
export { DEFAULT_JSON_LIMITS, type JsonLimits, parseJson } from "./json.js";
export { type DiagnosticOptions, formatDiagnostic } from "./diagnostic.js";
export {
  type Algorithm,
  algorithmById,
  algorithmByName,
  type AlgorithmName,
  ALGORITHMS,
  type KeyType,
} from "./algorithm.js";
export { type Curve, type EcCurve } from "./curve.js";
export {
  digest,
  HASH_ALGORITHMS,
  type HashAlgorithm,
  hashById,
  hashByName,
  type HashName,
} from "./digest.js";
export { decodeBase64url, encodeBase64url } from "./base64url.js";
export { decodeHex, encodeHex } from "./hex.js";
export { printable } from "./printable.js";
export { type Jwk } from "./jwk.js";
export { PublicKey } from "./public-key.js";
export { formatThumbprint } from "./thumbprint.js";
export { PrivateKey, type Signer } from "./private-key.js";
export { type SignatureInput, verifySignature } from "./signature.js";
export { type SignatureScheme, verifyScheme } from "./scheme.js";
export { type Signed } from "./signed.js";
export { type MlDsaName } from "./ml-dsa.js";
export {
  decodeSign1,
  encodeSign1,
  spliceSign1,
  encodeSigStructure,
  type Sign1,
  type Sign1Parts,
} from "./sign1.js";
export { criticalLabels, requireUnderstood } from "./crit.js";
export { type Sign1Content, signSign1 } from "./signing.js";
export { protectedAlgorithm, type Sign1Context, verifySign1 } from "./verification.js";
export {
  concat as concatBytes,
  spliceArray,
  spliceByteStrings,
  spliceBytes,
  spliceMap,
  spliceText,
  spliceUnsigned,
} from "./splice.js";
