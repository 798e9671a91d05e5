import {
  CoseError,
  decodeBase64url,
  encodeBase64url,
  encodeHex,
  parseJson,
} from "@tallystick/cose";
import { MerkleError, verifyConsistency } from "@tallystick/merkle";

import type { SignedCheckpoint } from "./checkpoint.js";
import { ReceiptError } from "./error.js";

/**
 * Why two checkpoints of one log cannot both be true.
 *
 * - `split`: one size, two roots.
 * - `rollback`: the smaller tree was signed later than the larger one.
 * - `fork`: the larger tree begins with other entries than the smaller one has.
 */
export type ContradictionKind = "split" | "rollback" | "fork";

/** What the larger tree was when it had the smaller one's size, and the path that shows it. */
export interface ForkProof {
  readonly root: Uint8Array;
  /** Consistency path (RFC 9162 §2.1.4.1) from that tree to the larger one. */
  readonly path: readonly Uint8Array[];
}

const FORMAT = "tallystick-evidence/1";

/** Far above two checkpoints under the largest signatures and a path of 126 hashes. */
const MAX_EVIDENCE_BYTES = 65_536;

const HASH_BYTES = 32;

/**
 * Two checkpoints that one log signed and that cannot both be true: evidence against its operator, or
 * of a stolen key, that convinces whoever pins the key and needs nothing else (I2, I8).
 *
 * {@link Contradiction.between} and {@link Contradiction.verify} are the only ways to one.
 */
export class Contradiction {
  readonly #found = true;
  readonly kind: ContradictionKind;
  readonly smaller: SignedCheckpoint;
  readonly larger: SignedCheckpoint;
  /** Present for a fork alone: the other kinds show by themselves. */
  readonly proof: ForkProof | undefined;

  private constructor(kind: ContradictionKind, { smaller, larger, proof }: Pair) {
    this.kind = kind;
    this.smaller = smaller;
    this.larger = larger;
    this.proof = kind === "fork" ? proof : undefined;
    Object.freeze(this);
  }

  static is(value: object): value is Contradiction {
    return #found in value;
  }

  /**
   * Yields in what two checkpoints contradict each other, `undefined` where they don't as far as can
   * be told: checkpoints of two logs never do, and what the larger tree began with takes a proof. A log
   * may go from one key to another: that both keys are of the log is for whoever opened the two to say.
   */
  static between(
    one: SignedCheckpoint,
    other: SignedCheckpoint,
    proof?: ForkProof,
  ): Contradiction | undefined {
    const isInOrder = one.checkpoint.size <= other.checkpoint.size;
    const [smaller, larger] = isInOrder ? [one, other] : [other, one];
    const pair = { smaller, larger, proof };
    const kind = kindOf(pair);
    return kind === undefined ? undefined : new Contradiction(kind, pair);
  }

  /**
   * Yields the contradiction that an evidence file shows. `verify` opens its two checkpoints, and throws
   * unless their signatures hold under a key that the caller pins for the log that they state.
   *
   * @throws {@link ReceiptError} `RECEIPT_EVIDENCE_MALFORMED`, `RECEIPT_NO_CONTRADICTION`; what
   * `verify` throws
   */
  static async verify(
    file: Uint8Array,
    verify: (checkpoint: Uint8Array) => Promise<SignedCheckpoint>,
  ): Promise<Contradiction> {
    const { smaller, larger, proof } = parseEvidence(file);
    const found = Contradiction.between(await verify(smaller), await verify(larger), proof);
    if (found !== undefined) return found;
    throw new ReceiptError("RECEIPT_NO_CONTRADICTION", "the two checkpoints can both be true");
  }

  /** Formats the evidence as a file (docs/formats/evidence.md). */
  format(): string {
    const { proof } = this;
    const evidence = {
      format: FORMAT,
      smaller: encodeBase64url(this.smaller.encode()),
      larger: encodeBase64url(this.larger.encode()),
      ...(proof && {
        proof: { root: encodeBase64url(proof.root), path: proof.path.map(encodeBase64url) },
      }),
    };
    return `${JSON.stringify(evidence, undefined, 2)}\n`;
  }
}

interface Pair {
  readonly smaller: SignedCheckpoint;
  readonly larger: SignedCheckpoint;
  readonly proof: ForkProof | undefined;
}

function kindOf({ smaller, larger, proof }: Pair): ContradictionKind | undefined {
  const [older, newer] = [smaller.checkpoint, larger.checkpoint];
  if (older.issuer !== newer.issuer || older.origin !== newer.origin) return undefined;
  if (older.size === newer.size) return isSame(older.root, newer.root) ? undefined : "split";
  // I6: times do not go back, so a tree that is signed later is never the smaller one.
  if (older.time > newer.time) return "rollback";
  if (proof === undefined || isSame(proof.root, older.root)) return undefined;
  const { size: oldSize } = older;
  const { size: newSize } = newer;
  try {
    verifyConsistency({ oldSize, newSize, path: proof.path }, proof.root, newer.root);
    return "fork";
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    return undefined;
  }
}

interface EncodedEvidence {
  readonly smaller: Uint8Array;
  readonly larger: Uint8Array;
  readonly proof: ForkProof | undefined;
}

function parseEvidence(file: Uint8Array): EncodedEvidence {
  const { format, smaller, larger, proof, ...others } = membersOf(jsonOf(file));
  if (format !== FORMAT) throw malformed(`format is not ${FORMAT}`);
  requireNone(others);
  return {
    smaller: bytesOf(smaller, "smaller"),
    larger: bytesOf(larger, "larger"),
    proof: proof === undefined ? undefined : proofOf(proof),
  };
}

function proofOf(value: unknown): ForkProof {
  const { root, path, ...others } = membersOf(value);
  requireNone(others);
  if (!Array.isArray(path)) throw malformed("path is no array");
  return { root: hashOf(root), path: path.map(hashOf) };
}

function jsonOf(file: Uint8Array): unknown {
  try {
    return parseJson(file, { maxBytes: MAX_EVIDENCE_BYTES, maxDepth: 4, maxItems: 1000 });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) throw malformed("not an object");
  return { ...value };
}

function requireNone(others: object): void {
  if (Object.keys(others).length > 0) throw malformed("a member that is not known");
}

function hashOf(value: unknown): Uint8Array {
  const hash = bytesOf(value, "a hash");
  if (hash.length !== HASH_BYTES) throw malformed(`a hash of ${hash.length} bytes`);
  return hash;
}

function bytesOf(value: unknown, name: string): Uint8Array {
  if (typeof value !== "string") throw malformed(`${name} is no text`);
  try {
    return decodeBase64url(value);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`${name}: ${cause.message}`, { cause });
  }
}

function malformed(message: string, options?: ErrorOptions): ReceiptError {
  return new ReceiptError("RECEIPT_EVIDENCE_MALFORMED", `evidence: ${message}`, options);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return encodeHex(one) === encodeHex(other);
}
