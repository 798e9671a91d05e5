import {
  CatalogError,
  MAX_COMPLETENESS_BYTES,
  decodeCompleteness,
  decodeHead,
  isHeadStatement,
  termKey,
  verifyList,
  verifyPath,
} from "@tallystick/catalog";
import type { CommittedKind, Completeness, IndexHead, ListedEntry } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";
import type { WitnessPolicy } from "@tallystick/tlog";

import { VerifierError } from "./error.js";
import type { VerifierErrorCode } from "./error.js";
import { failed } from "./step.js";
import type { Step } from "./step.js";
import { verifyTransparentStatement } from "./transparent.js";
import type { CountedReceipt, VerifiedTransparentStatement } from "./transparent.js";
import type { TrustStore, TrustedService } from "./trust.js";

/** What a completeness proof has to be about. */
export interface CompletenessQuestion {
  readonly kind: CommittedKind;
  readonly value: string;
  /** Name of the log; any log that is pinned unless given. */
  readonly origin?: string;
  /** Least number of entries that the list has to be complete among. */
  readonly atLeast?: number;
  /** Witnesses whose cosignatures the receipts of the head need; see {@link verifyTransparentStatement}. */
  readonly witnesses?: WitnessPolicy;
}

interface VerifiedParts extends CompletenessQuestion {
  readonly head: IndexHead;
  readonly statement: VerifiedTransparentStatement;
  readonly receipt: CountedReceipt;
  readonly entries: readonly ListedEntry[];
  readonly steps: readonly Step[];
}

/**
 * All entries of a log about a subject, or by an issuer, up to a size; {@link verifyCompleteness} is
 * the only way to get one.
 */
export class VerifiedCompleteness {
  readonly #verified = true;
  readonly kind: CommittedKind;
  readonly value: string;
  /** How many entries of the log it holds for; nothing is said of later ones. */
  readonly size: number;
  readonly root: Uint8Array;
  /** Time of the tree that the head's receipt is under, in seconds: the proof may be this old. */
  readonly time: number | undefined;
  /** In the order of the log; none where the proof shows that there are none. */
  readonly entries: readonly ListedEntry[];
  /** The service whose log it is. */
  readonly service: TrustedService;
  /** The head's own statement on the log. */
  readonly headEntryId: string;
  readonly steps: readonly Step[];

  private constructor({ kind, value, head, statement, receipt, entries, steps }: VerifiedParts) {
    this.kind = kind;
    this.value = value;
    this.size = head.size;
    this.root = head.root;
    this.time = receipt.inclusion.receipt.issuedAt;
    this.entries = entries;
    this.service = receipt.service;
    this.headEntryId = statement.statement.entryId;
    this.steps = steps;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedCompleteness {
    return #verified in value;
  }

  /** See {@link verifyCompleteness}. */
  static async verify(
    bytes: Uint8Array,
    trust: TrustStore,
    question: CompletenessQuestion,
  ): Promise<VerifiedCompleteness> {
    const { witnesses } = question;
    const steps: Step[] = [];
    const proof = attempt(steps, () => decodeCompleteness(requireSize(bytes)));
    const statement = await verifyTransparentStatement(
      proof.head,
      trust,
      witnesses === undefined ? {} : { witnesses },
    );
    steps.push(...statement.steps);
    const { head, receipt } = attempt(steps, () => headOf(statement, question.origin));
    const root = encodeHex(head.root);
    const detail = `${receipt.service.issuer} commits to the index of ${head.size} entries, root ${root}`;
    steps.push({ step: "index", outcome: "verified", detail });
    const entries = attempt(steps, () => entriesOf(proof, question, head));
    const { kind, value, atLeast = 0 } = question;
    const found = `all entries of this ${kind} among the first ${head.size}: ${entries.length}`;
    steps.push({ step: "completeness", outcome: "verified", detail: found });
    if (head.size < atLeast) {
      const message = `the proof covers ${head.size} entries, want ${atLeast} at least`;
      throw new VerifierError("VERIFIER_INDEX_STALE", message, { steps });
    }
    const parts = { kind, value, head, statement, receipt, entries, steps };
    return new VerifiedCompleteness(parts);
  }
}

/**
 * Verifies that a list of entries is all that a log has about a subject, or by an issuer, up to the
 * size that its index was committed to at: the head's statement and receipt, the way from the head's
 * root to the list or to where it would be, and the list itself.
 *
 * Opens no socket and reads no clock (I10). That the service put every entry into its index is what
 * auditors recompute: one who hides an entry has signed, on its own log, what they refuse.
 *
 * @throws {@link VerifierError} `VERIFIER_COMPLETENESS_REFUSED`, `VERIFIER_INDEX_HEAD_REFUSED`,
 * `VERIFIER_INDEX_STALE`, and for the head's statement what {@link verifyTransparentStatement} throws
 */
export function verifyCompleteness(
  bytes: Uint8Array,
  trust: TrustStore,
  question: CompletenessQuestion,
): Promise<VerifiedCompleteness> {
  return VerifiedCompleteness.verify(bytes, trust, question);
}

function requireSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= MAX_COMPLETENESS_BYTES) return bytes;
  throw refused("VERIFIER_COMPLETENESS_REFUSED", `the proof has ${bytes.length} bytes`);
}

function headOf(
  { statement, allReceipts }: VerifiedTransparentStatement,
  origin: string | undefined,
): { readonly head: IndexHead; readonly receipt: CountedReceipt } {
  const own = allReceipts.filter(
    ({ service }) =>
      isHeadStatement(statement, service) && service.origin === (origin ?? service.origin),
  );
  if (own.length === 0 || statement.payload === null) {
    const asked = origin === undefined ? "a log whose service" : `the log ${origin}, whose service`;
    throw refused("VERIFIER_INDEX_HEAD_REFUSED", `it is no head of ${asked} vouches for it`);
  }
  const head = headIn(statement.payload);
  const receipt = own.find(({ inclusion }) => inclusion.receipt.signedSize !== undefined);
  const index = receipt?.inclusion.index;
  if (receipt === undefined || index === undefined) {
    throw refused("VERIFIER_INDEX_HEAD_REFUSED", "its receipt does not sign where it stands");
  }
  if (head.size <= index) return { head, receipt };
  const message = `a head at index ${index} cannot cover ${head.size} entries`;
  throw refused("VERIFIER_INDEX_HEAD_REFUSED", message);
}

function headIn(payload: Uint8Array): IndexHead {
  try {
    return decodeHead(payload);
  } catch (cause) {
    if (!(cause instanceof CatalogError)) throw cause;
    throw refused("VERIFIER_INDEX_HEAD_REFUSED", cause.message, cause);
  }
}

function entriesOf(
  { kind, value, path, entries }: Completeness,
  question: CompletenessQuestion,
  { size, root }: IndexHead,
): readonly ListedEntry[] {
  if (kind !== question.kind || value !== question.value) {
    throw refused("VERIFIER_COMPLETENESS_REFUSED", `the proof is about another ${question.kind}`);
  }
  const list = verifyPath(path, termKey(question), root);
  const all = verifyList(entries, list);
  const beyond = all.find(({ index }) => index >= size);
  if (beyond === undefined) return all;
  const message = `the list has the index ${beyond.index}, and the head covers ${size} entries`;
  throw refused("VERIFIER_COMPLETENESS_REFUSED", message);
}

function refused(code: VerifierErrorCode, message: string, cause?: Error): VerifierError {
  return new VerifierError(code, message, { cause });
}

/** Yields what an act yields; its refusal is noted as a step, and ends the verification. */
function attempt<T>(steps: readonly Step[], act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CatalogError) && !(error instanceof VerifierError)) throw error;
    const isHead = error.code === "VERIFIER_INDEX_HEAD_REFUSED";
    const code = isHead ? error.code : "VERIFIER_COMPLETENESS_REFUSED";
    const all = [...steps, failed(isHead ? "index" : "completeness", error)];
    throw new VerifierError(code, error.message, { cause: error, steps: all });
  }
}
