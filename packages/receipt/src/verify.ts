import { encodeCbor, encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import {
  MerkleError,
  leafHash,
  rootFromConsistencyPath,
  rootFromInclusionPath,
} from "@tallystick/merkle";

import { rootFromCcfProof } from "./ccf.js";
import { verifySignature } from "./checkpoint.js";
import { ReceiptError } from "./error.js";
import { decodeConsistencyProof, decodeInclusionProof } from "./proof.js";
import { VDS } from "./receipt.js";
import type { Receipt } from "./receipt.js";

/** What a verification needs beside the receipt. */
export interface ReceiptTrust {
  /** The service's key, from the verifier's own configuration (D4). */
  readonly key: PublicKey;
  /**
   * `"required"` (the default) refuses a receipt without `iss` and `sub` in its protected header,
   * as RFC 9943 does; `"optional"` verifies bare RFC 9942 receipts too.
   */
  readonly claims?: "required" | "optional";
  /**
   * The verifiable data structure that this key signs for, 1 by default: proofs of another one are
   * refused, so that a root of one kind never counts as a root of the other.
   */
  readonly vds?: number;
}

/** A proven fact: this entry is in the tree with this root, says the holder of the key. */
export class VerifiedInclusion {
  readonly #verified = true;
  readonly receipt: Receipt;
  readonly root: Uint8Array;
  /** Tree size and leaf index; the size can be relied on only where `receipt.signedSize` is set. */
  readonly size: number | undefined;
  readonly index: number | undefined;

  private constructor(receipt: Receipt, folded: FoldedInclusion) {
    this.receipt = receipt;
    this.root = folded.root;
    this.size = folded.size;
    this.index = folded.index;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedInclusion {
    return #verified in value;
  }

  /**
   * Encodes the checkpoint that the receipt is under, as {@link SignedCheckpoint.encode} does;
   * `undefined` where the receipt does not sign its tree size.
   */
  encodeCheckpoint(): Uint8Array | undefined {
    const { protectedBytes, signature } = this.receipt.message;
    if (this.receipt.signedSize === undefined) return undefined;
    return encodeCbor([this.root, protectedBytes, signature]);
  }

  /**
   * Verifies a receipt of inclusion for an entry: proof first, its root becomes the payload, then
   * the signature (R18).
   *
   * @throws {@link ReceiptError} `RECEIPT_VDS_UNSUPPORTED`, `RECEIPT_PROOF_MISSING`,
   * `RECEIPT_CLAIMS_MISSING`, `RECEIPT_INCLUSION_INVALID`, `RECEIPT_SIZE_MISMATCH`, `RECEIPT_PAYLOAD_MISMATCH`,
   * `RECEIPT_KEY_MISMATCH`, `RECEIPT_SIGNATURE_INVALID`, `RECEIPT_CRIT_UNKNOWN`,
   * `RECEIPT_MALFORMED`
   */
  static async verify(
    receipt: Receipt,
    { entry, ...trust }: ReceiptTrust & { readonly entry: Uint8Array },
  ): Promise<VerifiedInclusion> {
    requireKind(receipt, "inclusion");
    requireVds(receipt, trust);
    requireClaims(receipt, trust);
    const folded = oneOf(receipt.proofs.map((proof) => foldInclusion(receipt, proof, entry)));
    requirePayload(receipt, folded.root);
    await verifySignature(receipt.message, trust.key, folded.root);
    return new VerifiedInclusion(receipt, folded);
  }
}

/** A proven fact: the newer tree contains the older one unchanged, says the holder of the key. */
export class VerifiedConsistency {
  readonly #verified = true;
  readonly receipt: Receipt;
  readonly oldSize: number;
  readonly newSize: number;
  readonly newRoot: Uint8Array;

  private constructor(receipt: Receipt, folded: FoldedConsistency) {
    this.receipt = receipt;
    this.oldSize = folded.oldSize;
    this.newSize = folded.size;
    this.newRoot = folded.root;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedConsistency {
    return #verified in value;
  }

  /**
   * Verifies a receipt of consistency from a tree that the caller already trusts (D4).
   *
   * R19 puts the signature first; as the payload is detached, the newer root is only known after
   * the fold, so the fold comes first and both must hold.
   *
   * @throws {@link ReceiptError} `RECEIPT_VDS_UNSUPPORTED`, `RECEIPT_PROOF_MISSING`,
   * `RECEIPT_CLAIMS_MISSING`, `RECEIPT_CONSISTENCY_INVALID`, `RECEIPT_SIZE_MISMATCH`,
   * `RECEIPT_PAYLOAD_MISMATCH`, `RECEIPT_KEY_MISMATCH`, `RECEIPT_SIGNATURE_INVALID`,
   * `RECEIPT_CRIT_UNKNOWN`, `RECEIPT_MALFORMED`
   */
  static async verify(
    receipt: Receipt,
    { old, ...trust }: ReceiptTrust & { readonly old: TrustedTree },
  ): Promise<VerifiedConsistency> {
    requireKind(receipt, "consistency");
    requireVds(receipt, trust);
    requireClaims(receipt, trust);
    if (receipt.vds !== VDS.rfc9162Sha256) {
      throw new ReceiptError("RECEIPT_VDS_UNSUPPORTED", "consistency is verified for vds 1 only");
    }
    const folded = oneOf(receipt.proofs.map((proof) => foldConsistency(receipt, proof, old)));
    requirePayload(receipt, folded.root);
    await verifySignature(receipt.message, trust.key, folded.root);
    return new VerifiedConsistency(receipt, folded);
  }
}

/** A size and root that the verifier has from an earlier verification of its own. */
export interface TrustedTree {
  readonly size: number;
  readonly root: Uint8Array;
}

interface FoldedInclusion {
  readonly root: Uint8Array;
  readonly size: number | undefined;
  readonly index: number | undefined;
}

interface FoldedConsistency {
  readonly root: Uint8Array;
  readonly size: number;
  readonly oldSize: number;
}

function foldInclusion(receipt: Receipt, bytes: Uint8Array, entry: Uint8Array): FoldedInclusion {
  if (receipt.vds === VDS.ccfLedgerSha256) {
    requireSignedSize(receipt, undefined);
    return { root: rootFromCcfProof(bytes, entry), size: undefined, index: undefined };
  }
  const proof = decodeInclusionProof(bytes);
  requireSignedSize(receipt, proof.size);
  try {
    // R17, D1, D2: index below size, exact path length, 32-byte hashes, before anything is hashed.
    const root = rootFromInclusionPath(proof, leafHash(entry)); // N6
    return { root, size: proof.size, index: proof.index };
  } catch (error) {
    throw fromMerkle("RECEIPT_INCLUSION_INVALID", error);
  }
}

function foldConsistency(receipt: Receipt, bytes: Uint8Array, old: TrustedTree): FoldedConsistency {
  const proof = decodeConsistencyProof(bytes);
  requireSignedSize(receipt, proof.newSize);
  if (proof.oldSize !== old.size) {
    throw new ReceiptError(
      "RECEIPT_CONSISTENCY_INVALID",
      `proof starts at size ${proof.oldSize}, the trusted tree has ${old.size}`,
    );
  }
  if (proof.oldSize === proof.newSize) {
    throw new ReceiptError("RECEIPT_CONSISTENCY_INVALID", "proof is between equal sizes");
  }
  try {
    const root = rootFromConsistencyPath(proof, old.root);
    return { root, size: proof.newSize, oldSize: proof.oldSize };
  } catch (error) {
    throw fromMerkle("RECEIPT_CONSISTENCY_INVALID", error);
  }
}

// One signature covers one root, so several proofs in a receipt must agree on it (RFC 9942 §5.2).
function oneOf<T extends { readonly root: Uint8Array }>(folded: readonly T[]): T {
  const [first, ...others] = folded;
  if (first === undefined) throw new ReceiptError("RECEIPT_PROOF_MISSING", "no proof");
  if (others.some((other) => encodeHex(other.root) !== encodeHex(first.root))) {
    throw new ReceiptError("RECEIPT_MALFORMED", "proofs of one receipt lead to different roots");
  }
  return first;
}

function requireKind(receipt: Receipt, kind: Receipt["kind"]): void {
  if (receipt.kind === kind) return;
  throw new ReceiptError("RECEIPT_PROOF_MISSING", `receipt of ${receipt.kind}, want ${kind}`);
}

function requireVds(receipt: Receipt, { vds = VDS.rfc9162Sha256 }: ReceiptTrust): void {
  if (receipt.vds === vds) return;
  throw new ReceiptError("RECEIPT_VDS_UNSUPPORTED", `vds ${receipt.vds}, the key is for ${vds}`);
}

function requireClaims(receipt: Receipt, trust: ReceiptTrust): void {
  if (trust.claims === "optional") return;
  if (receipt.issuer !== undefined && receipt.subject !== undefined) return;
  // T16: receipts carry iss and sub in the protected header.
  throw new ReceiptError("RECEIPT_CLAIMS_MISSING", "no iss or no sub in the protected header");
}

function requireSignedSize(receipt: Receipt, size: number | undefined): void {
  if (receipt.signedSize === undefined || receipt.signedSize === size) return;
  throw new ReceiptError(
    "RECEIPT_SIZE_MISMATCH",
    `proof for size ${String(size)}, signed size ${receipt.signedSize}`,
  );
}

// D3: an attached payload must be the recomputed root.
function requirePayload(receipt: Receipt, root: Uint8Array): void {
  const { payload } = receipt.message;
  if (payload === null || encodeHex(payload) === encodeHex(root)) return;
  throw new ReceiptError("RECEIPT_PAYLOAD_MISMATCH", "attached payload is not the proven root");
}

function fromMerkle(
  code: "RECEIPT_INCLUSION_INVALID" | "RECEIPT_CONSISTENCY_INVALID",
  error: unknown,
): unknown {
  if (!(error instanceof MerkleError)) return error;
  return new ReceiptError(code, error.message, { cause: error });
}
