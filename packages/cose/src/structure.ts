import { ALGORITHMS } from "./algorithm.js";
import { HASH_ALGORITHMS } from "./digest.js";
import { CLAIM, LABEL } from "./labels.js";

/** A named part of a COSE structure. */
export interface Part {
  readonly name: string;
  readonly shape: Shape;
}

/** What stands at one place of a COSE structure, as far as it helps a reader. */
export interface Shape {
  /** The entries of a map, by integer key. */
  readonly entries?: ReadonlyMap<number, Part>;
  /** The elements of an array, by index. */
  readonly elements?: readonly Part[];
  /** Every element of an array. */
  readonly each?: Shape;
  /** The item inside a byte string (`bstr .cbor`). */
  readonly embedded?: Shape;
  /** The meaning of an integer. */
  readonly meaning?: (value: number) => string | undefined;
}

/** A place nothing is known of. */
export const ANY: Shape = {};

function part(name: string, shape: Shape = ANY): Part {
  return { name, shape };
}

const ALGORITHM: Shape = {
  meaning: (value) => ALGORITHMS.find(({ id }) => id === value)?.name,
};

const HASH: Shape = {
  meaning: (value) => HASH_ALGORITHMS.find(({ id }) => id === value)?.name,
};

// Years 0 to 9999, where ISO 8601 needs no sign.
const FIRST_SECOND = -62_167_219_200;
const LAST_SECOND = 253_402_300_799;

const NUMERIC_DATE: Shape = {
  meaning: (value) =>
    value >= FIRST_SECOND && value <= LAST_SECOND
      ? new Date(value * 1000).toISOString()
      : undefined,
};

const CLAIMS: Shape = {
  entries: new Map([
    [CLAIM.iss, part("iss")],
    [CLAIM.sub, part("sub")],
    [CLAIM.aud, part("aud")],
    [CLAIM.exp, part("exp", NUMERIC_DATE)],
    [CLAIM.nbf, part("nbf", NUMERIC_DATE)],
    [CLAIM.iat, part("iat", NUMERIC_DATE)],
    [CLAIM.cti, part("cti")],
    [CLAIM.cnf, part("cnf")],
  ]),
};

// RFC 9942 Figure 1; the proofs of other structures under the same keys are no arrays.
const INCLUSION_PROOF: Shape = {
  elements: [part("tree size"), part("leaf index"), part("inclusion path")],
};
const CONSISTENCY_PROOF: Shape = {
  elements: [part("old size"), part("new size"), part("consistency path")],
};
const PROOFS: Shape = {
  entries: new Map([
    [-1, part("inclusion proofs", { each: { embedded: INCLUSION_PROOF } })],
    [-2, part("consistency proofs", { each: { embedded: CONSISTENCY_PROOF } })],
  ]),
};

const VDS: Shape = { meaning: (value) => (value === 1 ? "RFC9162_SHA256" : undefined) };

const HEADER: Shape = {
  entries: new Map([
    [LABEL.alg, part("alg", ALGORITHM)],
    [LABEL.crit, part("crit")],
    [LABEL.contentType, part("content type")],
    [LABEL.kid, part("kid")],
    [LABEL.cwtClaims, part("CWT claims", CLAIMS)],
    [LABEL.typ, part("typ")],
    [LABEL.x5bag, part("x5bag")],
    [LABEL.x5chain, part("x5chain")],
    [LABEL.x5t, part("x5t", { elements: [part("hash", HASH), part("digest")] })],
    [LABEL.x5u, part("x5u")],
    [LABEL.payloadHashAlg, part("payload hash alg", HASH)],
    [LABEL.preimageContentType, part("preimage content type")],
    [LABEL.payloadLocation, part("payload location")],
    // A receipt is a COSE message of its own, tag and all (RFC 9942 §4.4).
    [LABEL.receipts, part("receipts", { each: { embedded: ANY } })],
    [LABEL.vds, part("vds", VDS)],
    [LABEL.vdp, part("vdp", PROOFS)],
  ]),
};

const PROTECTED: Shape = { embedded: HEADER };

// CBOR payloads, CoRIMs for one, are worth opening; other payloads are no CBOR from end to end.
const PAYLOAD: Shape = { embedded: ANY };

/** COSE_Sign1 (RFC 9052 §4.2). */
export const SIGN1: Shape = {
  elements: [
    part("protected", PROTECTED),
    part("unprotected", HEADER),
    part("payload", PAYLOAD),
    part("signature"),
  ],
};

const SIGNATURE: Shape = {
  elements: [part("protected", PROTECTED), part("unprotected", HEADER), part("signature")],
};

const SIGN: Shape = {
  elements: [
    part("protected", PROTECTED),
    part("unprotected", HEADER),
    part("payload", PAYLOAD),
    part("signatures", { each: SIGNATURE }),
  ],
};

/** Tags that readers of supply-chain files meet (IANA "CBOR Tags"). */
export const TAGS: ReadonlyMap<number, Part> = new Map([
  [1, part("epoch time", NUMERIC_DATE)],
  [18, part("COSE_Sign1", SIGN1)],
  [24, part("embedded CBOR", { embedded: ANY })],
  [37, part("UUID")],
  [98, part("COSE_Sign", SIGN)],
  [111, part("OID")],
  [501, part("CoRIM")],
  [505, part("CoSWID", { embedded: ANY })],
  [506, part("CoMID", { embedded: ANY })],
  [508, part("CoTL", { embedded: ANY })],
  [55_799, part("self-described CBOR")],
]);
