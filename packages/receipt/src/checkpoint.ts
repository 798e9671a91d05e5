import {
  CLAIM,
  LABEL,
  decodeCborMap,
  encodeCbor,
  encodeSigStructure,
  concatBytes,
  spliceBytes,
  spliceSign1,
  isCborArray,
  isCborMap,
  verifySign1,
} from "@tallystick/cose";
import type { CborMap, CborValue, PublicKey, Sign1, Signer } from "@tallystick/cose";

import { fromCose } from "./cause.js";
import { ReceiptError } from "./error.js";
import { PROFILE_LABEL, signedSize } from "./profile.js";
import { PROOF, decodeStrict, isBytes } from "./proof.js";
import type { ProofKind } from "./proof.js";

/** What one signature of the log states: this tree, at this time. */
export interface Checkpoint {
  /** The transparency service (`iss`), a URI or a name. */
  readonly issuer: string;
  /** The log's name (`sub`). */
  readonly origin: string;
  readonly size: number;
  /** Root of the tree of `size` leaves, 32 bytes. */
  readonly root: Uint8Array;
  /** Seconds since the epoch. */
  readonly time: number;
}

/**
 * A checkpoint and the COSE signature over its root.
 *
 * The protected header and the signature depend on the checkpoint alone, so one signature serves
 * every receipt at that size: receipts differ in their proof only, which is unprotected.
 * {@link SignedCheckpoint.sign} and {@link SignedCheckpoint.verify} are the only ways to get one.
 */
export class SignedCheckpoint {
  readonly #signed = true;
  readonly checkpoint: Checkpoint;
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;

  private constructor(checkpoint: Checkpoint, protectedBytes: Uint8Array, signature: Uint8Array) {
    this.checkpoint = Object.freeze({ ...checkpoint, root: checkpoint.root.slice() });
    this.protectedBytes = protectedBytes;
    this.signature = signature;
    Object.freeze(this);
  }

  static is(value: object): value is SignedCheckpoint {
    return #signed in value;
  }

  /**
   * Signs a checkpoint with the log's receipt key.
   *
   * The caller has made sure that everything below `size` is fit to be shown; see the log's
   * signing guard. Costs one signature.
   *
   * @throws TypeError when size or time is not a safe non-negative integer or the root not 32 bytes.
   */
  static async sign(checkpoint: Checkpoint, signer: Signer): Promise<SignedCheckpoint> {
    requireCheckpoint(checkpoint);
    // The caller's bytes may change while the signer works.
    const own = { ...checkpoint, root: checkpoint.root.slice() };
    const protectedBytes = encodeCbor(protectedHeader(own, signer));
    const signature = await signer.sign(
      encodeSigStructure(protectedBytes, new Uint8Array(), own.root),
    );
    return new SignedCheckpoint(own, protectedBytes, signature);
  }

  /**
   * Yields the checkpoint that `encoded` states, once its signature holds under `key`.
   *
   * @throws {@link ReceiptError} `RECEIPT_MALFORMED`, `RECEIPT_VDS_UNSUPPORTED`,
   * `RECEIPT_ALG_UNSUPPORTED`, `RECEIPT_CRIT_UNKNOWN`, `RECEIPT_KEY_MISMATCH`,
   * `RECEIPT_SIGNATURE_INVALID`
   */
  static async verify(encoded: Uint8Array, key: PublicKey): Promise<SignedCheckpoint> {
    const { root, protectedBytes, signature } = decodeParts(encoded);
    const protectedHeader = decodeProtected(protectedBytes);
    const message: Sign1 = {
      protectedBytes,
      protectedHeader,
      unprotectedHeader: new Map(),
      payload: null,
      signature,
    };
    await verifySignature(message, key, root);
    return new SignedCheckpoint({ ...claimsOf(protectedHeader), root }, protectedBytes, signature);
  }

  /**
   * Yields the `kid` that an encoded checkpoint names, empty where it names none: which key to verify
   * it with, and nothing that is known to be true.
   *
   * @throws {@link ReceiptError} `RECEIPT_MALFORMED`
   */
  static kidOf(encoded: Uint8Array): Uint8Array {
    return kidIn(decodeParts(encoded).protectedBytes);
  }

  /** `kid` of the key that it is signed with, empty where it names none. */
  get kid(): Uint8Array {
    return kidIn(this.protectedBytes);
  }

  /** Encodes root, protected header and signature as one CBOR array, for storage. */
  encode(): Uint8Array {
    return encodeCbor([this.checkpoint.root, this.protectedBytes, this.signature]);
  }
}

/**
 * Encodes a COSE Receipt (T2) over this checkpoint: the shared signature with a proof of its own
 * (RFC 9942 §5.2.1, §5.3.1). The root stays detached (R4).
 */
export function encodeReceipt(
  signed: SignedCheckpoint,
  { kind, proof }: { readonly kind: ProofKind; readonly proof: Uint8Array },
): Uint8Array {
  return spliceSign1({
    protectedBytes: signed.protectedBytes,
    unprotectedBytes: concatBytes([PROOF_HEADS[kind], spliceBytes(proof)]),
    payload: null, // R4
    signature: signed.signature,
  });
}

/** `{396: {kind: [` up to the proof, which is the last of all three. */
const PROOF_HEADS: Readonly<Record<ProofKind, Uint8Array>> = {
  inclusion: proofHead(PROOF.inclusion),
  consistency: proofHead(PROOF.consistency),
};

function proofHead(kind: number): Uint8Array {
  const header = encodeCbor(new Map([[LABEL.vdp, new Map([[kind, [new Uint8Array()]]])]]));
  return header.subarray(0, -1);
}

/**
 * Verifies a receipt-shaped message over a detached root.
 *
 * @throws {@link ReceiptError} `RECEIPT_ALG_UNSUPPORTED`, `RECEIPT_CRIT_UNKNOWN`,
 * `RECEIPT_KEY_MISMATCH`, `RECEIPT_SIGNATURE_INVALID`, `RECEIPT_MALFORMED`
 */
export async function verifySignature(
  message: Sign1,
  key: PublicKey,
  root: Uint8Array,
): Promise<void> {
  try {
    // V1: RFC 9052 §4.4 with the key the caller trusts; nothing inside a receipt creates trust.
    await verifySign1({ ...message, payload: null }, key, {
      payload: root,
      understood: RECEIPT_LABELS,
    });
  } catch (error) {
    throw fromCose(error);
  }
}

/** Labels a verifier of receipts acts on, hence may be told of in `crit`. */
const RECEIPT_LABELS: ReadonlySet<number | string> = new Set([
  LABEL.vds,
  LABEL.cwtClaims,
  LABEL.kid,
  PROFILE_LABEL,
]);

/** RFC9162_SHA256, the one structure that checkpoints are made of (RFC 9942 §9.2). */
const CHECKPOINT_VDS = 1;

// Receipt profile, design decision; clauses: R7, R8 (alg and vds protected), S16 (kid), T16 (claims).
//
//   {1: alg, 4: kid, 15: {1: iss, 2: sub, 6: iat}, 395: 1, "tallystick": {"size": uint}}
function protectedHeader(checkpoint: Checkpoint, signer: Signer): CborMap {
  const claims: CborMap = new Map<number, CborValue>([
    [CLAIM.iss, checkpoint.issuer],
    [CLAIM.sub, checkpoint.origin], // T16
    [CLAIM.iat, checkpoint.time],
  ]);
  return new Map<number | string, CborValue>([
    [LABEL.alg, signer.algorithm.id],
    [LABEL.kid, signer.publicKey.thumbprint()],
    [LABEL.cwtClaims, claims],
    [LABEL.vds, CHECKPOINT_VDS],
    [PROFILE_LABEL, new Map([["size", checkpoint.size]])],
  ]);
}

function claimsOf(header: CborMap): Omit<Checkpoint, "root"> {
  if (header.get(LABEL.vds) !== CHECKPOINT_VDS) {
    throw new ReceiptError("RECEIPT_VDS_UNSUPPORTED", `checkpoint vds is not ${CHECKPOINT_VDS}`);
  }
  const claims = header.get(LABEL.cwtClaims);
  const size = signedSize(header);
  if (claims === undefined || !isCborMap(claims) || size === undefined) {
    throw new ReceiptError("RECEIPT_MALFORMED", "checkpoint header lacks its claims or its size");
  }
  const issuer = claims.get(CLAIM.iss);
  const origin = claims.get(CLAIM.sub);
  const time = claims.get(CLAIM.iat);
  const isTime = typeof time === "number" && Number.isSafeInteger(time) && time >= 0;
  if (typeof issuer !== "string" || typeof origin !== "string" || !isTime) {
    throw new ReceiptError("RECEIPT_MALFORMED", "checkpoint claims lack iss, sub or iat");
  }
  return { issuer, origin, size, time };
}

interface Parts {
  readonly root: Uint8Array;
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;
}

function decodeParts(encoded: Uint8Array): Parts {
  const value = decodeStrict(encoded);
  const parts = isCborArray(value) && value.length === 3 ? value.filter(isBytes) : [];
  const [root, protectedBytes, signature] = parts;
  if (root?.length !== 32 || protectedBytes === undefined || signature === undefined) {
    throw new ReceiptError("RECEIPT_MALFORMED", "not an encoded checkpoint");
  }
  return { root, protectedBytes, signature };
}

function kidIn(protectedBytes: Uint8Array): Uint8Array {
  const kid = decodeProtected(protectedBytes).get(LABEL.kid);
  return kid !== undefined && isBytes(kid) ? kid : new Uint8Array();
}

function decodeProtected(bytes: Uint8Array): CborMap {
  try {
    return decodeCborMap(bytes);
  } catch (error) {
    throw fromCose(error);
  }
}

function requireCheckpoint({ size, time, root }: Checkpoint): void {
  if (!Number.isSafeInteger(size) || size < 1) throw new TypeError(`tree size ${size}`);
  if (!Number.isSafeInteger(time) || time < 0) throw new TypeError(`time ${time}`);
  if (root.length !== 32) throw new TypeError(`root of ${root.length} bytes, want 32`);
}
