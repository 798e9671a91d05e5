import { encodeHex } from "@tallystick/cose";
import { emptyRoot, MerkleError, sha256, verifyConsistency } from "@tallystick/merkle";
import { cosign, formatSignatureLines, TlogError, VerifiedNote } from "@tallystick/tlog";
import type { NoteSignature, NoteSigner, VerifierKey } from "@tallystick/tlog";

import { WitnessError } from "./error.js";
import { parseAddCheckpoint } from "./request.js";
import type { AddCheckpoint } from "./request.js";
import { damaged, readState, stateOf } from "./state.js";
import type { LogState } from "./state.js";
import type { StateStore } from "./store.js";

/** A log that a witness watches: its name and the keys that sign its checkpoints. */
export interface WatchedLog {
  readonly origin: string;
  readonly keys: readonly VerifierKey[];
}

/** What a witness is made of. */
export interface WitnessOptions {
  /** The keys that cosign, one at least. Each answers for every log. */
  readonly signers: readonly NoteSigner[];
  readonly logs: readonly WatchedLog[];
  readonly store: StateStore;
  /** Yields the time in POSIX seconds. */
  readonly now: () => number;
}

/** Longest origin that is watched, in bytes: what an ML-DSA-44 cosignature can name (W9). */
export const MAX_ORIGIN_BYTES = 255;

/** Yields the name under which the state of a log is stored and served (W12). */
export function originHash(origin: string): string {
  return encodeHex(sha256(new TextEncoder().encode(origin)));
}

interface Loaded extends LogState {
  readonly version: number;
  /** What was answered at {@link LogState.time}, where this process did. */
  readonly answer?: { readonly text: string; readonly lines: string };
}

/** A log with its state, which is touched by one request at a time. */
class Watch {
  readonly log: WatchedLog;
  readonly hash: string;
  /** What the store holds, once read and while nothing failed. Owned by whoever has the turn. */
  loaded: Loaded | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(log: WatchedLog) {
    this.log = log;
    this.hash = originHash(log.origin);
  }

  /** Runs an action once all before it have ended, however they did. */
  exclusively<Result>(action: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(action, action);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/**
 * A witness: cosigns a checkpoint of a log that it watches if it extends the last one that it
 * cosigned, and never two that contradict (C2SP tlog-witness).
 */
export class Witness {
  readonly #signers: readonly NoteSigner[];
  readonly #own: readonly VerifierKey[];
  readonly #byOrigin = new Map<string, Watch>();
  readonly #byHash = new Map<string, Watch>();
  readonly #store: StateStore;
  readonly #now: () => number;

  constructor({ signers, logs, store, now }: WitnessOptions) {
    if (signers.length === 0) throw new TypeError("a witness needs a key");
    if (signers.some(({ key }) => key.type === "ed25519")) {
      throw new TypeError("the key of a witness has to cosign");
    }
    this.#signers = signers;
    this.#own = signers.map(({ key }) => key);
    this.#store = store;
    this.#now = now;
    for (const log of logs) {
      const isLong = new TextEncoder().encode(log.origin).length > MAX_ORIGIN_BYTES;
      if (isLong || this.#byOrigin.has(log.origin)) {
        throw new TypeError(`origin is too long or there twice: ${log.origin}`);
      }
      const watch = new Watch(log);
      this.#byOrigin.set(log.origin, watch);
      this.#byHash.set(watch.hash, watch);
    }
    Object.freeze(this);
  }

  /**
   * Answers a request to cosign: yields the signature lines (W11), once the checkpoint is durably
   * the last one cosigned.
   *
   * @throws {@link WitnessError} `WITNESS_REQUEST_MALFORMED`, `WITNESS_ORIGIN_UNKNOWN`,
   * `WITNESS_SIGNATURE_REFUSED`, `WITNESS_SIZE_CONFLICT`, `WITNESS_INCONSISTENT`,
   * `WITNESS_CLOCK_BACKWARD`, `WITNESS_STATE_DAMAGED`, `WITNESS_STORE_FAILED`,
   * `WITNESS_STORE_CONFLICT`
   */
  async addCheckpoint(body: Uint8Array): Promise<string> {
    const request = parseAddCheckpoint(body);
    const watch = this.#byOrigin.get(request.checkpoint.origin);
    if (watch === undefined) {
      throw new WitnessError("WITNESS_ORIGIN_UNKNOWN", "no log of this origin is watched");
    }
    const logLines = await signaturesOf(request, watch.log);
    if (request.oldSize > request.checkpoint.size) {
      const message = `old size ${request.oldSize} is larger than the checkpoint`;
      throw new WitnessError("WITNESS_REQUEST_MALFORMED", message);
    }
    return watch.exclusively(() => this.#cosign(watch, request, logLines));
  }

  /**
   * Yields the last checkpoint cosigned for a log, with the signatures of the log and this witness
   * (W12).
   *
   * @throws {@link WitnessError} `WITNESS_CHECKPOINT_UNKNOWN`, `WITNESS_STATE_DAMAGED`,
   * `WITNESS_STORE_FAILED`
   */
  async checkpoint(hash: string): Promise<Uint8Array> {
    const watch = this.#byHash.get(hash);
    const state = await watch?.exclusively(() => this.#load(watch));
    if (state?.note !== undefined) return state.note;
    throw new WitnessError("WITNESS_CHECKPOINT_UNKNOWN", "nothing was cosigned for such a log");
  }

  async #cosign(
    watch: Watch,
    request: AddCheckpoint,
    logLines: readonly NoteSignature[],
  ): Promise<string> {
    const state = await this.#load(watch);
    requireExtension(request, state);
    const time = this.#timeAfter(state);
    const { text } = request.note;
    // The same words within a second: signed and stored once, however often anybody sends them.
    if (state.answer?.text === text && state.time === time) return state.answer.lines;
    const lines = await Promise.all(this.#signers.map((signer) => cosign(text, signer, time)));
    const next = stateOf({ text, signatures: [...logLines, ...lines] }, time);
    // W11: stored before anybody sees the signature. Until that is certain nothing is known.
    watch.loaded = undefined;
    await this.#store.replace(watch.hash, state.version, next.note);
    const answer = { text, lines: formatSignatureLines(lines) };
    watch.loaded = { ...next, version: state.version + 1, answer };
    return answer.lines;
  }

  async #load(watch: Watch): Promise<Loaded> {
    if (watch.loaded !== undefined) return watch.loaded;
    const { origin, keys } = watch.log;
    const stored = await this.#store.read(watch.hash);
    if (stored === undefined) throw damaged(origin, "it is missing");
    const state = await readState(stored.bytes, { origin, own: this.#own, logKeys: keys });
    watch.loaded = { ...state, version: stored.version };
    return watch.loaded;
  }

  // A time that goes back would say that a larger tree was seen before a smaller one.
  #timeAfter({ time: last }: LogState): number {
    const time = this.#now();
    if (Number.isSafeInteger(time) && time > 0 && time >= last) return time;
    throw new WitnessError(
      "WITNESS_CLOCK_BACKWARD",
      `the clock says ${time} and the last cosignature is of ${last}`,
    );
  }
}

/** Yields the signatures of the log, one of each key that signed. */
async function signaturesOf(
  { note }: AddCheckpoint,
  { keys }: WatchedLog,
): Promise<readonly NoteSignature[]> {
  try {
    const { signatures } = await VerifiedNote.verify(note, keys);
    return signatures
      .filter(({ key }, at) => signatures.findIndex((other) => other.key === key) === at)
      .map(({ line }) => line);
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw new WitnessError("WITNESS_SIGNATURE_REFUSED", cause.message, { cause });
  }
}

function requireExtension({ oldSize, proof, checkpoint }: AddCheckpoint, state: LogState): void {
  if (oldSize !== state.size) {
    const message = `the last checkpoint cosigned has size ${state.size}`;
    throw new WitnessError("WITNESS_SIZE_CONFLICT", message, { size: state.size });
  }
  const { size, root } = checkpoint;
  try {
    if (size === 0 && encodeHex(root) !== encodeHex(emptyRoot())) {
      throw inconsistent("the root of an empty tree is SHA-256 of nothing");
    }
    if (oldSize === 0 && proof.length > 0) throw inconsistent("a proof from size 0 is empty");
    if (oldSize === 0 || state.root === undefined) return;
    // D4: the older root is the one that was stored, never one that was sent.
    verifyConsistency({ oldSize, newSize: size, path: proof }, state.root, root);
  } catch (cause) {
    if (!(cause instanceof MerkleError)) throw cause;
    throw inconsistent(cause.message, { cause });
  }
}

function inconsistent(message: string, options?: ErrorOptions): WitnessError {
  return new WitnessError("WITNESS_INCONSISTENT", message, options);
}
