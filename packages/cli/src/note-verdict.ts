import { encodeHex } from "@tallystick/cose";
import { leafHash } from "@tallystick/merkle";
import { VDS } from "@tallystick/receipt";
import { SignedStatement, parseEntryId } from "@tallystick/statement";
import {
  TlogError,
  VerifiedNote,
  WitnessPolicy,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  verifyTlogProof,
  verifyWitnessed,
} from "@tallystick/tlog";
import type { Checkpoint, Cosigner, Note, VerifierKey } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import type { Result } from "./commands/verify.js";
import { CliError } from "./error.js";

/** What a note is held against. */
export interface NoteTrust {
  /** Pins the note key of the log, which alone counts for it. */
  readonly trust: TrustStore;
  /** Whose cosignatures it needs, beside the log's own signature. */
  readonly witnesses?: WitnessPolicy;
}

const HEADER = "c2sp.org/tlog-proof@v1\n";
const NO_QUORUM = WitnessPolicy.parse(new TextEncoder().encode("quorum none\n"));

/**
 * Yields the note that a file is; `undefined` for one of another form.
 *
 * @throws {@link CliError} `CLI_USAGE` for a tlog-proof, which needs a statement beside it
 */
export function noteIn(bytes: Uint8Array): Note | undefined {
  if (new TextDecoder().decode(bytes.subarray(0, HEADER.length)) === HEADER) {
    const message =
      "this is a tlog-proof: give it as --tlog-proof, and the statement that it is of";
    throw new CliError("CLI_USAGE", message);
  }
  try {
    return parseNote(bytes);
  } catch (error) {
    if (error instanceof TlogError) return undefined;
    throw error;
  }
}

/**
 * Verifies a checkpoint note (C2SP tlog-checkpoint) offline: the pinned note key of the log has signed it,
 * and the witnesses of the policy cosigned it.
 *
 * @throws TlogError
 */
export async function checkpointResult(note: Note, pins: NoteTrust): Promise<Result> {
  const { checkpoint, cosigners } = await opened(note, pins);
  const { origin, size } = checkpoint;
  return {
    steps: [stepOf(checkpoint, cosigners)],
    conclusion: `checkpoint of ${size} entries of ${origin}: witnesses ${cosigners.length}`,
    json: jsonOf(checkpoint, cosigners),
  };
}

/**
 * Verifies a C2SP tlog-proof offline: its note as {@link checkpointResult} does, and that the statement is
 * an entry of that tree. The issuer's own signature is not looked at.
 *
 * @throws TlogError; StatementError for what is no statement
 */
export async function proofResult(
  bytes: Uint8Array,
  statement: Uint8Array,
  pins: NoteTrust,
): Promise<Result> {
  const proof = parseTlogProof(bytes);
  const { entryId } = SignedStatement.decode(statement, { isSubjectOptional: true });
  const { checkpoint, keys, cosigners } = await opened(proof.note, pins);
  const leaf = leafHash(parseEntryId(entryId) ?? new Uint8Array());
  await verifyTlogProof(proof, { leafHash: leaf, policy: NO_QUORUM, logs: keys });
  const { index } = proof;
  const { origin, size } = checkpoint;
  const detail = `entry ${entryId} stands at ${index} of ${size}`;
  return {
    steps: [
      stepOf(checkpoint, cosigners),
      { step: "inclusion", outcome: "verified", detail },
      {
        step: "statement",
        outcome: "skipped",
        detail: "the issuer's own signature is not verified",
      },
    ],
    conclusion: `statement ${entryId} stands at ${index} of ${size} entries of ${origin}: witnesses ${cosigners.length}`,
    json: { entryId, index, ...jsonOf(checkpoint, cosigners) },
  };
}

interface Opened {
  readonly checkpoint: Checkpoint;
  readonly keys: readonly VerifierKey[];
  readonly cosigners: readonly Cosigner[];
}

async function opened(note: Note, { trust, witnesses }: NoteTrust): Promise<Opened> {
  const checkpoint = parseCheckpoint(note.text);
  const keys = trust.services
    .filter(({ origin, vds }) => origin === checkpoint.origin && vds === VDS.rfc9162Sha256)
    .flatMap(({ note: key }) => (key === undefined ? [] : [key]));
  if (keys.length === 0) {
    const message = `the trust file pins no note key of ${checkpoint.origin}`;
    throw new TlogError("TLOG_SIGNATURE_MISSING", message);
  }
  await VerifiedNote.verify(note, keys);
  const cosigners = witnesses === undefined ? [] : await verifyWitnessed(note, witnesses);
  return { checkpoint, keys, cosigners };
}

function stepOf(
  { origin, size, root }: Checkpoint,
  cosigners: readonly Cosigner[],
): Result["steps"][number] {
  const names = cosigners.map(({ witness }) => witness.name).join(", ");
  const also = names === "" ? "" : `, cosigned by ${names}`;
  const detail = `${origin} signed size ${size}, root ${encodeHex(root)}${also}`;
  return { step: "checkpoint", outcome: "verified", detail };
}

function jsonOf(
  { origin, size, root }: Checkpoint,
  cosigners: readonly Cosigner[],
): Result["json"] {
  const witnesses = cosigners.map(({ witness, time }) => ({ name: witness.name, time }));
  return { origin, size, root: encodeHex(root), witnesses };
}
