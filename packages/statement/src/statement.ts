import {
  LABEL,
  decodeSign1,
  isCborArray,
  protectedAlgorithm,
  requireUnderstood,
} from "@tallystick/cose";
import type { Algorithm, CborValue, Sign1 } from "@tallystick/cose";

import { fromCose } from "./cause.js";
import { claimsOf } from "./claims.js";
import type { Claims } from "./claims.js";
import { hashEnvelopeOf } from "./envelope.js";
import type { HashEnvelope } from "./envelope.js";
import { StatementError } from "./error.js";
import { encodeNormalised, entryOf, formatEntryId } from "./normalised.js";

/** Default limit on the bytes of one statement. */
export const MAX_STATEMENT_BYTES = 16_777_216;

/** Labels that a `crit` header may name because this package acts on them. */
export const STATEMENT_LABELS: ReadonlySet<number | string> = new Set([
  LABEL.contentType,
  LABEL.kid,
  LABEL.cwtClaims,
  LABEL.x5chain,
  LABEL.x5t,
  LABEL.payloadHashAlg,
  LABEL.preimageContentType,
  LABEL.payloadLocation,
]);

/** What {@link SignedStatement.decode} lets pass. */
export interface DecodeOptions {
  /** 16 MiB by default. */
  readonly maxBytes?: number;
  /** Takes a statement without `sub`, against IS7. */
  readonly isSubjectOptional?: boolean;
}

/** Most receipts that one transparent statement may carry. */
const MAX_RECEIPTS = 64;

/**
 * A decoded Signed Statement (RFC 9943 §6): well-formed, with the headers that it must have, and
 * **not verified**. {@link SignedStatement.decode} is the only way to get one.
 */
export class SignedStatement {
  readonly #decoded = true;
  readonly message: Sign1;
  readonly algorithm: Algorithm;
  readonly claims: Claims;
  /** Protected key identifier; absent only where a protected certificate identifies the key. */
  readonly kid: Uint8Array | undefined;
  /** Media type or CoAP content format of the payload; a hash envelope has none (H4). */
  readonly contentType: string | number | undefined;
  readonly hashEnvelope: HashEnvelope | undefined;
  /** `null` when detached. */
  readonly payload: Uint8Array | null;
  /** The bytes that the log keeps (N1). */
  readonly normalised: Uint8Array;
  /** What the log records: SHA-256 of {@link SignedStatement.normalised}. */
  readonly entry: Uint8Array;
  readonly entryId: string;
  /** Encoded receipts that came with it, in the issuer's order of preference; unverified. */
  readonly receipts: readonly Uint8Array[];

  private constructor(message: Sign1, isSubjectOptional: boolean) {
    this.message = message;
    this.algorithm = protectedAlgorithm(message);
    // RFC 9052 §3.1: whoever reads a statement understands its critical headers, signature or not.
    requireUnderstood(message, STATEMENT_LABELS);
    this.claims = claimsOf(message, isSubjectOptional);
    this.kid = kidOf(message);
    requireProtectedType(message);
    this.hashEnvelope = hashEnvelopeOf(message);
    this.contentType = contentTypeOf(message.protectedHeader.get(LABEL.contentType));
    this.payload = message.payload;
    this.normalised = encodeNormalised(message);
    this.entry = entryOf(this.normalised); // D6: of the normalised form, however it came
    this.entryId = formatEntryId(this.entry);
    this.receipts = receiptsOf(message);
    Object.freeze(this);
  }

  static is(value: object): value is SignedStatement {
    return #decoded in value;
  }

  /**
   * Decodes a signed or transparent statement: one CBOR item, tag 18, strict in every layer (D5).
   *
   * The input is copied. Time and memory are linear in its length, which `maxBytes` bounds.
   *
   * @throws {@link StatementError} `STATEMENT_TOO_LARGE`, `STATEMENT_MALFORMED`,
   * `STATEMENT_ALG_UNSUPPORTED`, `STATEMENT_CRIT_UNKNOWN`, `STATEMENT_CLAIMS_MISSING`,
   * `STATEMENT_KEY_ID_MISSING`, `STATEMENT_HASH_ENVELOPE_INVALID`, `STATEMENT_RECEIPTS_MALFORMED`
   */
  static decode(bytes: Uint8Array, options: DecodeOptions = {}): SignedStatement {
    const { maxBytes = MAX_STATEMENT_BYTES, isSubjectOptional = false } = options;
    if (bytes.length > maxBytes) {
      throw new StatementError(
        "STATEMENT_TOO_LARGE",
        `${bytes.length} bytes, want ${maxBytes} at most`,
      );
    }
    try {
      return new SignedStatement(decodeSign1(bytes, { maxBytes }), isSubjectOptional); // IS2
    } catch (error) {
      throw fromCose(error);
    }
  }
}

function kidOf({ protectedHeader, unprotectedHeader }: Sign1): Uint8Array | undefined {
  const kid = protectedHeader.get(LABEL.kid);
  if (kid instanceof Uint8Array && kid.length > 0) return kid;
  if (kid !== undefined) {
    throw new StatementError(
      "STATEMENT_MALFORMED",
      "kid (header 4) is not a non-empty byte string",
    );
  }
  // IS6, T5: kid is protected unless a protected x5t or x5chain identifies the key.
  if (protectedHeader.has(LABEL.x5t) || protectedHeader.has(LABEL.x5chain)) return undefined;
  const where = unprotectedHeader.has(LABEL.kid) ? "only unprotected" : "missing";
  throw new StatementError("STATEMENT_KEY_ID_MISSING", `kid (header 4) is ${where}`);
}

// T21: whatever else stands in the unprotected header is taken, and never looked at.
function requireProtectedType({ unprotectedHeader }: Sign1): void {
  if (!unprotectedHeader.has(LABEL.typ)) return;
  // RFC 9596 §2: typ is never unprotected.
  throw new StatementError("STATEMENT_MALFORMED", "typ (header 16) is unprotected");
}

function contentTypeOf(value: CborValue): string | number | undefined {
  if (value === undefined || typeof value === "string") return value;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new StatementError("STATEMENT_MALFORMED", "content type (header 3) is ill-typed");
}

// RFC 9943 Figure 3: receipts (394) is [ + bstr .cbor Receipt ].
function receiptsOf({ protectedHeader, unprotectedHeader }: Sign1): readonly Uint8Array[] {
  // Protected ones would bar the unprotected header that receipts are attached in.
  if (protectedHeader.has(LABEL.receipts)) throw malformedReceipts("they are protected");
  if (!unprotectedHeader.has(LABEL.receipts)) return [];
  const value = unprotectedHeader.get(LABEL.receipts);
  if (!isCborArray(value) || value.length === 0 || value.length > MAX_RECEIPTS) {
    throw malformedReceipts(`not an array of 1 to ${MAX_RECEIPTS} receipts`);
  }
  return value.map((receipt) => {
    if (receipt instanceof Uint8Array) return receipt;
    throw malformedReceipts("element is not a byte string");
  });
}

function malformedReceipts(message: string): StatementError {
  return new StatementError("STATEMENT_RECEIPTS_MALFORMED", `receipts (header 394): ${message}`);
}
