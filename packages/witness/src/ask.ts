import { concatBytes } from "@tallystick/cose";
import {
  formatNote,
  parseCheckpoint,
  parseNote,
  parseSignatureLines,
  TlogError,
  VerifiedNote,
} from "@tallystick/tlog";
import type { Checkpoint, Note, VerifiedSignature, VerifierKey } from "@tallystick/tlog";

import { exchange } from "./exchange.js";
import type { Exchanged, NoAnswer } from "./exchange.js";
import { formatRequestHead } from "./request.js";
import { originHash } from "./witness.js";

/** A witness that can be asked: where it is, and what its cosignatures have to verify under. */
export interface WitnessPeer {
  /** Submission prefix (W10); http or https. */
  readonly url: string;
  /** Monitoring prefix (W12), http or https: where its checkpoints are looked for; `url` unless given. */
  readonly monitorUrl?: string | undefined;
  /** Names and keys that count; an answer may have a cosignature of each. */
  readonly keys: readonly VerifierKey[];
}

/** A checkpoint that is to be cosigned. */
export interface CosignRequest {
  /** The checkpoint with the signature of the log. */
  readonly note: Note;
  /** Size that this witness cosigned last, as far as the log knows; 0 if it does not. */
  readonly oldSize: number;
  /** Yields the path of consistency from a size from 1 up to below the checkpoint's. */
  readonly prove: (oldSize: number) => Promise<readonly Uint8Array[]>;
}

/** How an answer is waited for and judged. */
export interface AskOptions {
  /** Yields the time in POSIX seconds. */
  readonly now: () => number;
  /** For each exchange, 10 s by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What came of asking.
 *
 * - `cosigned`: one cosignature or more that hold.
 * - `conflict`: it says that it cosigned another size last, and asking from there did not help.
 * - `inconsistent`: it says that the checkpoint does not extend what it cosigned (422).
 * - `refused`: it does not watch this log, or does not know its key, or another 4xx.
 * - `unavailable`: no connection, or a 5xx.
 * - `late`: no whole answer in time.
 * - `malformed`: an answer that the protocol does not have: redirects, too long, no signature lines.
 * - `unverified`: signature lines, but none that holds for this checkpoint under its keys.
 */
export type AskOutcome =
  "cosigned" | "conflict" | "inconsistent" | "refused" | "unverified" | NoAnswer;

/** Every {@link AskOutcome}, for whoever counts them. */
export const ASK_OUTCOMES: readonly AskOutcome[] = [
  ...(["cosigned", "conflict", "inconsistent", "refused", "unverified"] as const),
  ...(["late", "unavailable", "malformed"] as const),
];

/** What a witness answered. */
export interface Asked {
  readonly outcome: AskOutcome;
  /** Verified, one of each key; empty unless the outcome is `cosigned`. */
  readonly cosignatures: readonly VerifiedSignature[];
  /** The size that a `conflict` names: a claim, which nothing vouches for. */
  readonly claimedSize: number | undefined;
}

const TIMEOUT_MS = 10_000;
/** Longest answer, in bytes: 16 lines of ML-DSA-44 have 54,000. */
const MAX_ANSWER_BYTES = 65_536;
/** Longest checkpoint that a witness shows to monitors, in bytes. */
const MAX_MONITOR_BYTES = 262_144;
/** How far the clock of a witness may be ahead, in seconds. */
const MAX_AHEAD_SECONDS = 300;
const SIZE_TYPE = "text/x.tlog.size";

/**
 * Asks a witness to cosign a checkpoint (C2SP tlog-witness). Whatever the witness does comes to an
 * outcome: it costs two exchanges at most, each within limits of time and bytes, and what is yielded as
 * a cosignature holds. Rejects only with what `prove` rejects with.
 */
export async function askWitness(
  peer: WitnessPeer,
  request: CosignRequest,
  options: AskOptions,
): Promise<Asked> {
  const { size } = parseCheckpoint(request.note.text);
  const first = await post(peer, request, options);
  const claim = conflictOf(first);
  if (claim === undefined) return judged(peer, request, { answer: first, options });
  // A size beyond ours, or the one that was just named, cannot be proven from.
  if (claim > size || claim === request.oldSize) return without("conflict", claim);
  const second = await post(peer, { ...request, oldSize: claim }, options);
  const again = conflictOf(second);
  if (again !== undefined) return without("conflict", again);
  return judged(peer, request, { answer: second, options });
}

async function post(
  { url }: WitnessPeer,
  { note, oldSize, prove }: CosignRequest,
  options: AskOptions,
): Promise<Exchanged | NoAnswer> {
  const { size } = parseCheckpoint(note.text);
  // W10: from nothing, and to the same tree, the proof is empty.
  const path = oldSize === 0 || oldSize === size ? [] : await prove(oldSize);
  const head = new TextEncoder().encode(formatRequestHead(oldSize, path));
  const body = concatBytes([head, formatNote(note)]);
  const { timeoutMs = TIMEOUT_MS, signal } = options;
  const limits = { timeoutMs, maxBytes: MAX_ANSWER_BYTES, signal };
  return exchange(below(url, "add-checkpoint"), { method: "POST", body }, limits);
}

function conflictOf(answer: Exchanged | NoAnswer): number | undefined {
  if (typeof answer === "string" || answer.status !== 409 || answer.type !== SIZE_TYPE) {
    return undefined;
  }
  const text = /^(0|[1-9][0-9]{0,15})\n$/.exec(textOf(answer.body))?.[1];
  const size = Number(text ?? Number.NaN);
  return Number.isSafeInteger(size) ? size : undefined;
}

async function judged(
  { keys }: WitnessPeer,
  { note }: CosignRequest,
  { answer, options }: { readonly answer: Exchanged | NoAnswer; readonly options: AskOptions },
): Promise<Asked> {
  if (typeof answer === "string") return without(answer);
  const { status, body } = answer;
  if (status === 422) return without("inconsistent");
  if (status >= 500) return without("unavailable");
  if (status >= 400 && status !== 409) return without("refused");
  if (status !== 200) return without("malformed");
  try {
    const signatures = parseSignatureLines(textOf(body));
    const { text } = note;
    const verified = await VerifiedNote.verify({ text, signatures }, keys);
    const cosignatures = firstOfEach(verified.signatures).filter(({ time }) =>
      // W11: a cosignature has a time, and nobody can have seen the tree in the future.
      time === undefined ? false : time > 0 && time <= options.now() + MAX_AHEAD_SECONDS,
    );
    if (cosignatures.length === 0) return without("unverified");
    return { outcome: "cosigned", cosignatures, claimedSize: undefined };
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    return without(error.code === "TLOG_NOTE_MALFORMED" ? "malformed" : "unverified");
  }
}

function firstOfEach(signatures: readonly VerifiedSignature[]): readonly VerifiedSignature[] {
  return signatures.filter(
    ({ key }, at) => signatures.findIndex((other) => other.key.equals(key)) === at,
  );
}

function without(outcome: Exclude<AskOutcome, "cosigned">, claimedSize?: number): Asked {
  return { outcome, cosignatures: [], claimedSize };
}

/** Whose checkpoint is looked for at a witness. */
export interface OwnLog {
  readonly origin: string;
  /** The log's own, under which the note has to hold. */
  readonly key: VerifierKey;
}

/** A checkpoint that the log's own key signed, wherever it was found. */
export interface OwnNote {
  /** As it was served. */
  readonly bytes: Uint8Array;
  readonly checkpoint: Checkpoint;
}

/**
 * Yields the checkpoint of a log that a witness shows (W12), once the signature of the log itself holds;
 * `undefined` where it shows none. The witness is not believed in anything. Never rejects.
 */
export async function latestAt(
  { url, monitorUrl = url }: WitnessPeer,
  log: OwnLog,
  { timeoutMs = TIMEOUT_MS, signal }: Omit<AskOptions, "now"> = {},
): Promise<OwnNote | undefined> {
  const address = below(monitorUrl, `${originHash(log.origin)}/checkpoint`);
  const limits = { timeoutMs, maxBytes: MAX_MONITOR_BYTES, signal };
  const answer = await exchange(address, { method: "GET" }, limits);
  if (typeof answer === "string" || answer.status !== 200) return undefined;
  return ownNoteIn(answer.body, log);
}

/**
 * Yields what a note says once the log's own signature on it holds, `undefined` for any other bytes. So
 * what is yielded was signed by that key, whoever hands it over.
 */
export async function ownNoteIn(
  bytes: Uint8Array,
  { origin, key }: OwnLog,
): Promise<OwnNote | undefined> {
  try {
    const note = parseNote(bytes);
    const checkpoint = parseCheckpoint(note.text);
    await VerifiedNote.verify(note, [key]);
    return checkpoint.origin === origin ? { bytes, checkpoint } : undefined;
  } catch (error) {
    if (error instanceof TlogError) return undefined;
    throw error;
  }
}

function below(url: string, path: string): string {
  return `${url.replace(/\/+$/, "")}/${path}`;
}

const ascii = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(body: Uint8Array): string {
  return ascii.decode(body);
}
