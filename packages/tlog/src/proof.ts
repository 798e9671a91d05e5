import { HASH_BYTES, MerkleError, verifyInclusion } from "@tallystick/merkle";

import { decodeBase64, encodeBase64 } from "./base64.js";
import { TlogError } from "./error.js";
import { formatNote, parseNote } from "./note.js";
import type { Note } from "./note.js";
import { WitnessedCheckpoint } from "./policy.js";
import type { WitnessPolicy } from "./policy.js";
import { decodeText, encodeText, parseDecimal } from "./text.js";
import type { VerifierKey } from "./verifier-key.js";

/** That an entry is in a log, to be verified offline (C2SP tlog-proof). */
export interface TlogProof {
  /** Data of the application, which nothing vouches for. */
  readonly extra?: Uint8Array;
  /** Place of the entry, from 0. */
  readonly index: number;
  /** From the sibling of the leaf up. */
  readonly path: readonly Uint8Array[];
  /** The checkpoint with its signatures. */
  readonly note: Note;
}

const HEADER = "c2sp.org/tlog-proof@v1";
/** Longest path of a tree whose size is a u64. */
const MAX_PATH = 64;
const MAX_BYTES = 2_097_152;

/**
 * Yields the proof in the bytes; nothing in it is verified.
 *
 * @throws {@link TlogError} `TLOG_PROOF_MALFORMED`, `TLOG_NOTE_MALFORMED`
 */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  if (bytes.length > MAX_BYTES) throw malformed("proof is larger than 2 MiB");
  const text = decodeText(bytes);
  if (text === undefined) throw malformed("proof is not UTF-8");
  const split = text.indexOf("\n\n");
  if (split < 0) throw malformed("proof has no empty line before its checkpoint");
  const [header, ...lines] = text.slice(0, split).split("\n");
  if (header !== HEADER) throw malformed(`first line is not ${HEADER}`);
  const extra = lines[0]?.startsWith("extra ") === true ? lines.shift() : undefined;
  const index = parseDecimal(/^index (.*)$/.exec(lines.shift() ?? "")?.[1] ?? "");
  if (index === undefined) throw malformed("no canonical index below 2^53");
  if (lines.length > MAX_PATH) throw malformed(`path of more than ${MAX_PATH} hashes`);
  return {
    ...(extra !== undefined && { extra: extraOf(extra) }),
    index,
    path: lines.map(hashOf),
    note: parseNote(encodeText(text.slice(split + 2))),
  };
}

/**
 * Yields the bytes of a proof.
 *
 * @throws {@link TlogError} `TLOG_PROOF_MALFORMED`, `TLOG_NOTE_MALFORMED`
 */
export function formatTlogProof({ extra, index, path, note }: TlogProof): Uint8Array {
  const isPath = path.length <= MAX_PATH && path.every(({ length }) => length === HASH_BYTES);
  if (!isPath || !Number.isSafeInteger(index) || index < 0) throw malformed("malformed proof");
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${encodeBase64(extra)}`]),
    `index ${index}`,
    ...path.map(encodeBase64),
  ];
  const head = encodeText(`${lines.join("\n")}\n\n`);
  const tail = formatNote(note);
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}

/** What a proof is held against. */
export interface ProofTrust {
  /** Of the entry, computed by the verifier. */
  readonly leafHash: Uint8Array;
  readonly policy: WitnessPolicy;
  /** Keys of logs beside those of the policy. */
  readonly logs?: readonly VerifierKey[];
}

/**
 * Verifies that the leaf stands at the proof's index in the tree of its checkpoint, and that log and
 * witnesses vouch for the checkpoint. Yields the checkpoint.
 *
 * @throws {@link TlogError} `TLOG_PROOF_INVALID`, and what {@link WitnessedCheckpoint.verify} throws
 */
export async function verifyTlogProof(
  { index, path, note }: TlogProof,
  { leafHash, policy, logs }: ProofTrust,
): Promise<WitnessedCheckpoint> {
  const witnessed = await WitnessedCheckpoint.verify(note, policy, logs);
  const { size, root } = witnessed.checkpoint;
  try {
    verifyInclusion({ index, size, path }, leafHash, root);
  } catch (cause) {
    if (!(cause instanceof MerkleError)) throw cause;
    const message = `path does not lead to the root: ${cause.message}`;
    throw new TlogError("TLOG_PROOF_INVALID", message, { cause });
  }
  return witnessed;
}

function extraOf(line: string): Uint8Array {
  const extra = decodeBase64(line.slice("extra ".length));
  if (extra === undefined) throw malformed("extra is not base64");
  return extra;
}

function hashOf(line: string): Uint8Array {
  const hash = decodeBase64(line);
  if (hash?.length !== HASH_BYTES) throw malformed("a line of the path is not 32 bytes in base64");
  return hash;
}

function malformed(message: string): TlogError {
  return new TlogError("TLOG_PROOF_MALFORMED", message);
}
