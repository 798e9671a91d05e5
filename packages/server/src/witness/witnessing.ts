import { setTimeout as sleep } from "node:timers/promises";

import { encodeHex } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { Log } from "@tallystick/log";
import { parseNote, TlogError, VerifiedNote } from "@tallystick/tlog";
import type { NoteSignature, VerifierKey, WitnessPolicy } from "@tallystick/tlog";
import { askWitness, latestAt, ownNoteIn } from "@tallystick/witness";
import type { Asked, AskOutcome, OwnNote } from "@tallystick/witness";

import { ServerError } from "../error.js";
import type { Notes } from "../notes.js";
import { contradictionOf, noteInEvidence } from "./alarm.js";
import type { Contradiction } from "./alarm.js";
import { CosignedNote } from "./cosigned.js";
import { type Peer, peersOf } from "./peers.js";
import { pathBetween } from "./tree.js";

/**
 * What `/checkpoint` is.
 *
 * - `preferred`: the newest checkpoint, with the cosignatures that it has.
 * - `required`: the newest checkpoint with a quorum of cosignatures, never one without.
 */
export type WitnessMode = "preferred" | "required";

/** Evidence that an earlier process may have kept. */
export interface KeptEvidence {
  readonly place: string;
  readonly evidence: Uint8Array;
}

/** Keeps what has to outlive the process. */
export interface NoteKeeper {
  /** Yields what was written last, `undefined` if nothing was. */
  readonly read: () => Promise<Uint8Array | undefined>;
  /** Replaces it, durably and as a whole, before it resolves. */
  readonly write: (note: Uint8Array) => Promise<void>;
  /** Keeps evidence under a name, durably, and yields where it is. */
  readonly writeEvidence: (name: string, evidence: Uint8Array) => Promise<string>;
  /** Yields all evidence that was kept, with where it is. */
  readonly readEvidence: () => Promise<readonly KeptEvidence[]>;
}

/** Whom to ask for cosignatures, and what for. Times are in milliseconds. */
export interface WitnessOptions {
  readonly policy: WitnessPolicy;
  /** Monitoring prefixes of witnesses whose checkpoints are not below their URL, by name. */
  readonly monitors?: ReadonlyMap<string, string>;
  readonly mode: WitnessMode;
  readonly keeper: NoteKeeper;
  /** Between two times that the same checkpoint is asked about, 60 s by default. */
  readonly everyMs?: number;
  /** Least time between two checkpoints that are asked about, 1 s by default. */
  readonly pauseMs?: number;
  /** For each exchange with a witness, 10 s by default. */
  readonly timeoutMs?: number;
  /** For each witness before the service takes registrations, 5 s by default. */
  readonly bootTimeoutMs?: number;
  /** Told what an operator should know. */
  readonly onNotice?: (line: string) => void;
}

interface Parts {
  readonly log: Log;
  readonly notes: Notes;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/**
 * The service as a client of witnesses: has each newest checkpoint cosigned, off the way of
 * registrations, and stops the log where a witness shows a checkpoint of its own that it does not extend
 * (I8). What a witness merely says never stops anything.
 */
export class Witnessing {
  readonly mode: WitnessMode;
  readonly peers: readonly Peer[];
  readonly #options: WitnessOptions;
  readonly #parts: Parts;
  readonly #abort = new AbortController();
  // Owned by #round: what is being asked about.
  #current: CosignedNote | undefined;
  // Owned by #keep: the newest with a quorum, which is kept.
  #quorum: CosignedNote | undefined;
  #keeping: Promise<void> = Promise.resolve();
  // Owned by #compare.
  #isAlarmed = false;
  #wake: () => void = () => undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: WitnessOptions, parts: Parts) {
    this.mode = options.mode;
    this.peers = peersOf(options.policy, options.monitors);
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * Holds the log against what was kept and against what each witness has of it, before anything is
   * registered; a witness that does not answer in time is passed over. Then begins to ask.
   */
  async open(): Promise<void> {
    const { keeper, bootTimeoutMs: timeoutMs = 5000 } = this.#options;
    const kept = await keeper.read();
    const found = kept && (await ownNoteIn(kept, this.#ownLog()));
    if (found !== undefined) await this.#compare(found, "what this service kept");
    else if (kept !== undefined)
      this.#tell("the kept cosigned checkpoint is not of this log's key");
    await this.#compareEvidence();
    if (found !== undefined && !this.#isAlarmed) await this.#adopt(found);
    await Promise.all(this.peers.map((peer) => this.#look(peer, timeoutMs)));
    this.#loop = this.#run();
  }

  /** Has the newest checkpoint asked about soon. */
  wake(): void {
    this.#wake();
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#wake();
    await this.#loop;
    await this.#keeping;
  }

  /**
   * Yields what `/checkpoint` is answered with.
   *
   * @throws {@link ServerError} `SERVER_NOT_WITNESSED`
   */
  async newest(): Promise<Uint8Array> {
    if (this.mode === "required") {
      if (this.#quorum !== undefined) return this.#quorum.format();
      const message = "no checkpoint has the cosignatures that this service asks for";
      throw new ServerError("SERVER_NOT_WITNESSED", message);
    }
    const { size } = this.#parts.log.head().checkpoint;
    const cosigned = [this.#quorum, this.#current].find((one) => one?.size === size);
    const isUnkept = cosigned !== this.#quorum && cosigned?.quorumTime !== undefined;
    if (cosigned?.isCosigned !== true || isUnkept) return this.#parts.notes.newest();
    return cosigned.format();
  }

  /** The same as `witnessed`; `undefined` where the log is frozen and it is not of the last checkpoint. */
  forReceipts(): Witnessing["witnessed"] {
    const { log } = this.#parts;
    const standing = log.standing();
    const isFrozen = standing.kind === "reader" && standing.code === "LOG_FROZEN";
    const isLast = this.#quorum?.size === log.head().checkpoint.size;
    return isFrozen && !isLast ? undefined : this.#quorum;
  }

  /** The signatures of the newest checkpoint with a quorum, and its size. */
  get witnessed():
    { readonly size: number; readonly signatures: readonly NoteSignature[] } | undefined {
    return this.#quorum;
  }

  /** Seconds since when the newest quorum holds, `undefined` without one. */
  quorumAge(): number | undefined {
    const time = this.#quorum?.quorumTime;
    return time === undefined ? undefined : Math.max(0, this.#parts.now() - time);
  }

  /** Whether a checkpoint was found that the log does not extend. */
  get isAlarmed(): boolean {
    return this.#isAlarmed;
  }

  async #run(): Promise<void> {
    const { pauseMs = 1000, everyMs = 60_000 } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted && !this.#isAlarmed) {
      const woken = new AbortController();
      this.#wake = () => {
        woken.abort();
      };
      try {
        await this.#round();
      } catch (error) {
        this.#tell(`could not ask witnesses: ${messageOf(error)}`);
      }
      await pause(pauseMs, signal);
      await pause(everyMs, woken.signal);
    }
  }

  /** Asks every witness that is free, and ends with a quorum, or once all of them have answered. */
  async #round(): Promise<void> {
    const { notes } = this.#parts;
    const note = parseNote(await notes.newest());
    const same = [this.#current, this.#quorum].find((one) => one?.text === note.text);
    const round = same ?? new CosignedNote(note, this.#options.policy);
    this.#current = round;
    const answers = this.peers
      .filter(({ isBusy }) => !isBusy)
      .map((peer) => this.#ask(peer, round));
    await Promise.race([
      Promise.all(answers),
      // One that hangs holds up nobody but itself.
      new Promise<void>((resolve) => {
        for (const answer of answers) {
          void answer.then((hasQuorum) => {
            if (hasQuorum) resolve();
          });
        }
      }),
    ]);
  }

  /** Yields whether the checkpoint has its quorum now. Never rejects. */
  async #ask(peer: Peer, round: CosignedNote): Promise<boolean> {
    const { log, now } = this.#parts;
    const { timeoutMs } = this.#options;
    const { signal } = this.#abort;
    peer.isBusy = true;
    try {
      const asked = await askWitness(
        peer,
        {
          note: { text: round.text, signatures: round.signatures.slice(0, 1) },
          oldSize: Math.min(peer.size, round.size),
          prove: (oldSize) => pathBetween(log, oldSize, round.size),
        },
        { now, signal, ...(timeoutMs !== undefined && { timeoutMs }) },
      );
      // Given up on by the process, not by the witness.
      if (signal.aborted) return false;
      this.#count(peer, asked);
      if (asked.outcome === "conflict" || asked.outcome === "inconsistent") await this.#look(peer);
      if (asked.outcome !== "cosigned") return false;
      peer.size = round.size;
      round.add(asked.cosignatures);
      if (round.quorumTime === undefined) return false;
      await this.#keep(round);
      return true;
    } catch (error) {
      this.#tell(`could not ask ${peer.name}: ${messageOf(error)}`);
      return false;
    } finally {
      peer.isBusy = false;
    }
  }

  #count(peer: Peer, { outcome, claimedSize }: Asked): void {
    const isNew = peer.note(outcome);
    if (!isNew) return;
    const claim = claimedSize === undefined ? "" : `, it says that it has size ${claimedSize}`;
    this.#tell(`witness ${peer.name}: ${MEANINGS[outcome]}${claim}`);
  }

  // Kept before it is shown: after a restart nobody is shown less.
  async #keep(round: CosignedNote): Promise<void> {
    const keep = async (): Promise<void> => {
      if (round.size < (this.#quorum?.size ?? 0)) return;
      try {
        await this.#options.keeper.write(round.format());
      } catch (error) {
        // The next round tries again.
        this.#tell(`the cosigned checkpoint is not kept, nor shown: ${messageOf(error)}`);
        return;
      }
      this.#quorum = round;
    };
    this.#keeping = this.#keeping.then(keep);
    await this.#keeping;
  }

  /** Looks at what a witness has of this log, and holds the log against it. Never rejects. */
  async #look(peer: Peer, timeoutMs = this.#options.timeoutMs): Promise<void> {
    const { signal } = this.#abort;
    const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
    const found = await latestAt(peer, this.#ownLog(), limits);
    if (found === undefined) return;
    // Where it stands is a claim of the witness, and no more than a guess of where to ask from.
    peer.size = found.checkpoint.size;
    await this.#compare(found, `witness ${peer.name} at ${peer.monitorUrl ?? peer.url}`);
  }

  /** Whatever came between an alarm and its freeze, the log stays held against what was found. */
  async #compareEvidence(): Promise<void> {
    for (const { place, evidence } of await this.#options.keeper.readEvidence()) {
      if (this.#isAlarmed) return;
      const note = noteInEvidence(evidence);
      const found = note && (await ownNoteIn(note, this.#ownLog()));
      if (found === undefined) this.#tell(`${place} has no checkpoint of this log's key`);
      else await this.#compare(found, place, { isKept: true });
    }
  }

  async #compare(found: OwnNote, where: string, { isKept = false } = {}): Promise<void> {
    const { log, notes, now } = this.#parts;
    try {
      const finding = { found, where, newest: () => notes.newest(), time: now() };
      const contradiction = await contradictionOf(log, finding);
      if (contradiction === undefined) return;
      this.#isAlarmed = true;
      this.#tell(`${contradiction.why}, found at ${where}`);
      // First, so that every start knows of it.
      if (!isKept) await this.#keepEvidence(contradiction);
      await this.#freeze(contradiction);
    } catch (error) {
      // A damaged log has an alarm of its own.
      if (!(error instanceof LogError)) throw error;
      this.#tell(`the log cannot be held against ${where}: ${error.message}`);
    }
  }

  async #keepEvidence({ name, evidence }: Contradiction): Promise<void> {
    const kept = await this.#options.keeper.writeEvidence(name, evidence).then(
      (place) => `the evidence is ${place}`,
      (error: unknown) => `the evidence could not be kept: ${messageOf(error)}`,
    );
    this.#tell(kept);
  }

  async #freeze({ why }: Contradiction): Promise<void> {
    const { log } = this.#parts;
    const standing = log.standing();
    // I8. An older copy that is known for one is not closed for good: it is about to be replaced.
    if (standing.kind === "reader" && standing.code === "LOG_BEHIND_ANCHOR") return;
    // Shown to everybody, so it says nothing of where things are.
    await log.freeze(`rolled back or forked: ${why}`);
    this.#tell("read-only from here on: find out which copy of the log is the newest one");
  }

  /** Takes up what was kept, if it still has its quorum and the log has signed that tree. */
  async #adopt({ bytes, checkpoint }: OwnNote): Promise<void> {
    const { log } = this.#parts;
    const { policy } = this.#options;
    try {
      const { text, signatures } = parseNote(bytes);
      const { root } = (await log.checkpointAt(checkpoint.size)).checkpoint;
      if (encodeHex(root) !== encodeHex(checkpoint.root)) {
        this.#tell("the kept cosigned checkpoint is not shown: the log has another root there");
        return;
      }
      const keys = policy.witnesses.map(({ key }) => key);
      const own = signatures.filter((line) => isOf(line, this.#ownLog().key));
      const kept = new CosignedNote({ text, signatures: own.slice(0, 1) }, policy);
      kept.add((await VerifiedNote.verify({ text, signatures }, keys)).signatures);
      if (kept.quorumTime !== undefined) this.#quorum = kept;
    } catch (error) {
      const isRefused = error instanceof TlogError || error instanceof LogError;
      if (!isRefused) throw error;
      this.#tell(`the kept cosigned checkpoint is not shown: ${error.message}`);
    }
  }

  #ownLog(): { readonly origin: string; readonly key: VerifierKey } {
    const { verifierKey } = this.#parts.notes;
    return { origin: verifierKey.name, key: verifierKey };
  }

  #tell(line: string): void {
    this.#options.onNotice?.(`tally: ${line}`);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const MEANINGS: Readonly<Record<AskOutcome, string>> = {
  cosigned: "cosigns",
  conflict: "cosigned another size last",
  inconsistent: "says that this log does not extend what it cosigned",
  refused: "refuses: it has to watch this log, under the key of its notes",
  unverified: "sends no cosignature that holds under its keys in the policy",
  late: "does not answer in time",
  unavailable: "is not there, or failed",
  malformed: "answers what no witness answers",
};

function isOf({ name, keyId }: NoteSignature, key: VerifierKey): boolean {
  return name === key.name && keyId === key.keyId;
}
