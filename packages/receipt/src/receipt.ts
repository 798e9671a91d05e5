import { CLAIM, LABEL, decodeSign1, isCborMap, protectedAlgorithm } from "@tallystick/cose";
import type { Algorithm, CborMap, Sign1 } from "@tallystick/cose";

import { fromCose } from "./cause.js";
import { ReceiptError } from "./error.js";
import { signedSize } from "./profile.js";
import { decodeProofs, isBytes } from "./proof.js";
import type { ProofKind } from "./proof.js";

/** Verifiable data structures whose proofs this package folds (RFC 9942 §9.2; 2 is requested). */
export const VDS = { rfc9162Sha256: 1, ccfLedgerSha256: 2 } as const;

/** Largest receipt that is looked at: a path of 64 hashes takes 2.2 kB. */
const MAX_RECEIPT_BYTES = 65_536;

/**
 * A decoded COSE Receipt (RFC 9942 §4.3): its header is well-formed and its proofs are in hand,
 * but **nothing is verified**. {@link Receipt.decode} is the only way to get one.
 */
export class Receipt {
  readonly #decoded = true;
  readonly message: Sign1;
  readonly algorithm: Algorithm;
  readonly vds: number;
  readonly kid: Uint8Array | undefined;
  /** The transparency service that claims to have issued it. */
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  /** Seconds since the epoch. */
  readonly issuedAt: number | undefined;
  /** Tree size under the signature; vds 1 alone has none. */
  readonly signedSize: number | undefined;
  readonly kind: ProofKind;
  readonly proofs: readonly Uint8Array[];

  private constructor(message: Sign1) {
    const header = message.protectedHeader;
    const claims = claimsOf(header);
    this.message = message;
    this.algorithm = protectedAlgorithm(message); // R7, R11: alg is protected
    this.vds = vdsOf(header);
    this.kid = kidOf(header);
    this.issuer = textOf(claims, CLAIM.iss);
    this.subject = textOf(claims, CLAIM.sub);
    this.issuedAt = timeOf(claims);
    this.signedSize = signedSize(header);
    const vdp = message.unprotectedHeader.get(LABEL.vdp);
    if (!isCborMap(vdp)) {
      throw new ReceiptError("RECEIPT_PROOF_MISSING", "no proofs map in the unprotected header");
    }
    ({ kind: this.kind, proofs: this.proofs } = decodeProofs(vdp));
    Object.freeze(this);
  }

  static is(value: object): value is Receipt {
    return #decoded in value;
  }

  /**
   * Decodes a receipt of any service: tag 18 (R3), strict CBOR in every layer (D5).
   *
   * @throws {@link ReceiptError} `RECEIPT_MALFORMED`, `RECEIPT_ALG_UNSUPPORTED`,
   * `RECEIPT_VDS_UNSUPPORTED`, `RECEIPT_PROOF_MISSING`
   */
  static decode(bytes: Uint8Array): Receipt {
    try {
      return new Receipt(decodeSign1(bytes, { maxBytes: MAX_RECEIPT_BYTES }));
    } catch (error) {
      throw fromCose(error);
    }
  }
}

// R2, R8, R12: vds is read from the protected header alone, and never assumed.
function vdsOf(header: CborMap): number {
  const vds = header.get(LABEL.vds);
  if (typeof vds !== "number") {
    throw new ReceiptError("RECEIPT_VDS_UNSUPPORTED", "no vds in the protected header");
  }
  const known: readonly number[] = Object.values(VDS);
  if (!known.includes(vds)) {
    throw new ReceiptError("RECEIPT_VDS_UNSUPPORTED", `vds ${vds} is not supported`);
  }
  return vds;
}

function kidOf(header: CborMap): Uint8Array | undefined {
  const kid = header.get(LABEL.kid);
  if (kid === undefined || isBytes(kid)) return kid;
  throw new ReceiptError("RECEIPT_MALFORMED", "kid is not a byte string");
}

function claimsOf(header: CborMap): CborMap | undefined {
  const claims = header.get(LABEL.cwtClaims);
  if (claims === undefined || isCborMap(claims)) return claims;
  throw new ReceiptError("RECEIPT_MALFORMED", "CWT claims are not a map");
}

function timeOf(claims: CborMap | undefined): number | undefined {
  const value = claims?.get(CLAIM.iat);
  if (value === undefined || (typeof value === "number" && value >= 0)) return value;
  throw new ReceiptError("RECEIPT_MALFORMED", "claim iat (6) is not a NumericDate");
}

function textOf(claims: CborMap | undefined, claim: number): string | undefined {
  const value = claims?.get(claim);
  if (value === undefined || typeof value === "string") return value;
  throw new ReceiptError("RECEIPT_MALFORMED", `claim ${claim} is not text`);
}
