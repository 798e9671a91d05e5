import { setTimeout as sleep } from "node:timers/promises";

import { encodeHex } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { Log } from "@tallystick/log";
import { parseNote, TlogError, VerifiedNote } from "@tallystick/tlog";
import type { NoteSignature, VerifierKey } from "@tallystick/tlog";
import { askWitness, latestAt, ownNoteIn } from "@tallystick/witness";
import type { Asked, OwnNote } from "@tallystick/witness";

import { ServerError } from "../error.js";
import type { Notes } from "../notes.js";
import { CosignedNote } from "./cosigned.js";
import { Hold } from "./hold.js";
import type { WitnessMode, WitnessOptions, WitnessOutlook } from "./options.js";
import { MEANINGS, type Peer, peersOf } from "./peers.js";
import { RollbackAlarm } from "./rollback-alarm.js";
import { pathBetween } from "./tree.js";

/** How often a writer that is held asks again, at the least. */
const HELD_MS = 5000;

/** Where from and until when a witness is asked. */
interface Asking {
  readonly oldSize?: number;
  readonly signal?: AbortSignal;
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
 * (I8). What a witness merely says freezes nothing; what a quorum says holds the writer.
 */
export class Witnessing {
  readonly mode: WitnessMode;
  readonly peers: readonly Peer[];
  readonly #options: WitnessOptions;
  readonly #parts: Parts;
  readonly #alarm: RollbackAlarm;
  readonly #abort = new AbortController();
  // Owned by #round: what is being asked about.
  #current: CosignedNote | undefined;
  // Owned by #keep: the newest with a quorum, which is kept.
  #quorum: CosignedNote | undefined;
  #keeping: Promise<void> = Promise.resolve();
  // Owned by open: nothing is held before.
  #hold: Hold | undefined;
  // Owned by #tellHold: why the writer is held, as it was told last.
  #told: string | undefined;
  // Owned by #run: whether what is heard is told together, once all have answered.
  #isGathering = true;
  #wake: () => void = () => undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: WitnessOptions, parts: Parts) {
    this.mode = options.mode;
    this.peers = peersOf(options.policy, options.monitors);
    this.#options = options;
    this.#parts = parts;
    const { keeper, onNotice, onAlarm = onNotice } = options;
    this.#alarm = new RollbackAlarm({
      ...{ ...parts, keeper, ownLog: this.#ownLog() },
      tell: (line) => onAlarm?.(`tally: ${line}`),
    });
  }

  /**
   * Holds the log against what was kept and against what each witness has of it, before anything is
   * registered; a witness that does not answer in time is passed over. Then begins to ask.
   */
  async open(): Promise<void> {
    const { policy, keeper, ignoreSizes: isIgnored = false } = this.#options;
    const isHeardFirst = this.mode === "required";
    this.#hold = new Hold({ policy, peers: this.peers, isHeardFirst, isIgnored });
    const kept = await keeper.read();
    const found = kept && (await ownNoteIn(kept, this.#ownLog()));
    if (found !== undefined) await this.#alarm.compare(found, "what this service kept");
    else if (kept !== undefined)
      this.#tell("the kept cosigned checkpoint is not of this log's key");
    await this.#alarm.compareEvidence();
    if (found !== undefined && !this.isAlarmed) await this.#adopt(found);
    await this.#hear();
    this.#tellHold();
    this.#tellUnplaced();
    this.#loop = this.#run();
  }

  /** Hears every witness before the first signature: what it shows, and what it says to a first request. */
  async #hear(): Promise<void> {
    const { bootTimeoutMs = 5000 } = this.#options;
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(bootTimeoutMs)]);
    const round = this.isAlarmed ? undefined : await this.#newRound();
    const heard = this.peers.flatMap((peer) => [
      this.#look(peer, signal),
      ...(round === undefined ? [] : [this.#ask(peer, round, { oldSize: 0, signal })]),
    ]);
    await Promise.all(heard);
  }

  /** Why nothing is registered for now, `undefined` where no quorum of witnesses speaks against it. */
  held(): string | undefined {
    return this.#hold?.reason();
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

  /** What witnesses did for this process so far, for whoever looks after it. */
  outlook(): WitnessOutlook {
    const { mode, peers } = this;
    const witnesses = peers.map(({ name, last = null, cosigned = null }) => {
      return { name, outcome: last, cosigned };
    });
    const [size, ageSeconds] = [this.#quorum?.size ?? 0, this.quorumAge() ?? null];
    return { mode, quorum: { size, ageSeconds }, witnesses };
  }

  /** Whether a checkpoint was found that the log does not extend. */
  get isAlarmed(): boolean {
    return this.#alarm.isRaised;
  }

  async #run(): Promise<void> {
    const { pauseMs = 1000, everyMs = 60_000 } = this.#options;
    const { signal } = this.#abort;
    while (!signal.aborted && !this.isAlarmed) {
      const woken = new AbortController();
      this.#wake = () => {
        woken.abort();
      };
      this.#isGathering = true;
      try {
        await this.#round();
      } catch (error) {
        this.#tell(`could not ask witnesses: ${messageOf(error)}`);
      }
      this.#isGathering = false;
      this.#tellHold();
      await pause(pauseMs, signal);
      const isHeld = this.held() !== undefined;
      await pause(isHeld ? Math.min(everyMs, HELD_MS) : everyMs, woken.signal);
    }
  }

  /** Asks every witness that is free, and ends with a quorum, or once all of them have answered. */
  async #round(): Promise<void> {
    const round = await this.#newRound();
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

  async #newRound(): Promise<CosignedNote> {
    const note = parseNote(await this.#parts.notes.newest());
    const same = [this.#current, this.#quorum].find((one) => one?.text === note.text);
    this.#current = same ?? new CosignedNote(note, this.#options.policy);
    return this.#current;
  }

  /** Yields whether the checkpoint has its quorum now. Never rejects. */
  async #ask(
    peer: Peer,
    round: CosignedNote,
    { oldSize = Math.min(peer.size, round.size), signal = this.#abort.signal }: Asking = {},
  ): Promise<boolean> {
    const { log, now } = this.#parts;
    const { timeoutMs } = this.#options;
    peer.isBusy = true;
    try {
      const asked = await askWitness(
        peer,
        {
          note: { text: round.text, signatures: round.signatures.slice(0, 1) },
          oldSize,
          prove: (from) => pathBetween(log, from, round.size),
        },
        { now, signal, ...(timeoutMs !== undefined && { timeoutMs }) },
      );
      // Given up on by the process, not by the witness.
      if (this.#abort.signal.aborted) return false;
      this.#count(peer, asked, round);
      if (asked.outcome === "conflict" || asked.outcome === "inconsistent") {
        await this.#look(peer, signal);
      }
      if (asked.outcome !== "cosigned") return false;
      peer.size = round.size;
      const times = asked.cosignatures.map(({ time = 0 }) => time);
      peer.cosigned = { size: round.size, time: Math.max(...times) };
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

  #count(peer: Peer, asked: Asked, round: CosignedNote): void {
    const { outcome, claimedSize } = asked;
    const { size } = this.#parts.log.head().checkpoint;
    this.#hold?.hear(peer, asked, { asked: round.size, size });
    // Of one that answers once the round is over; the next one may be a minute away.
    if (!this.#isGathering) this.#tellLateHold();
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
  async #look(peer: Peer, signal: AbortSignal): Promise<void> {
    const { timeoutMs } = this.#options;
    const limits = { signal, ...(timeoutMs !== undefined && { timeoutMs }) };
    const found = await latestAt(peer, this.#ownLog(), limits);
    if (found === undefined) return;
    // Where it stands is a claim of the witness, and no more than a guess of where to ask from.
    peer.size = found.checkpoint.size;
    await this.#alarm.compare(found, `witness ${peer.name} at ${peer.monitorUrl ?? peer.url}`);
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

  // Once for each reason: what witnesses say in their answers is told of each of them.
  #tellHold(): void {
    const why = this.#hold?.claim() ?? this.held();
    if (why === this.#told) return;
    this.#told = why;
    const { size } = this.#parts.log.head().checkpoint;
    const { onAlarm, onNotice } = this.#options;
    const isHeld = this.held() !== undefined;
    const what = isHeld ? "nothing is registered" : "registered all the same, as asked";
    if (why === undefined) this.#tell("no quorum of witnesses speaks against this log any more");
    else (onAlarm ?? onNotice)?.(`tally: ${what}: ${why}; the log has ${size} entries`);
  }

  #tellLateHold(): void {
    const before = this.#told;
    this.#tellHold();
    if (this.#told !== before) this.wake();
  }

  // Claims are heard from those that are asked, and they alone are not enough.
  #tellUnplaced(): void {
    const { policy } = this.#options;
    const names = this.peers.flatMap((peer) => peer.names);
    if (policy.isQuorum(names)) return;
    this.#tell(
      "the witnesses that have a URL cannot make the quorum of their policy: no checkpoint will have one, " +
        "and however many of them contradict this log, registrations go on",
    );
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

function isOf({ name, keyId }: NoteSignature, key: VerifierKey): boolean {
  return name === key.name && keyId === key.keyId;
}
