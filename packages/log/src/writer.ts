import { decodeHex } from "@tallystick/cose";
import { chainDigest, encodeChainLink, type SignedCheckpoint } from "@tallystick/receipt";

import type { Anchor } from "./anchor.js";
import { Edge } from "./edge.js";
import { LogError } from "./error.js";
import type { Guard } from "./guard.js";
import { checkpointKey, controlKey, HEAD_KEY, isEqual, openRow, sealRow } from "./layout.js";
import type { Pending, Submission } from "./pool.js";
import type { Counted, Recount } from "./recount.js";
import { encodeControl, encodeHead } from "./record.js";
import { buildRound, consistencyOf, type Round, rowsOf } from "./round.js";
import { type OnStep, reachStep, type StepName } from "./step.js";
import type { Row, Store } from "./store.js";
import { View } from "./view.js";

/** What the next chain link names the newest kept checkpoint by. */
export interface ChainEnd {
  readonly digest: Uint8Array;
  readonly size: number;
}

/** Where the log stands, for the next round to start from. */
export interface WriterState {
  /** None before the genesis entry. */
  readonly view: View | undefined;
  readonly recount: Recount;
  readonly chain: ChainEnd;
}

/** What {@link Writer} needs. */
export interface WriterOptions {
  readonly store: Store;
  /** Ends with the checkpoint of `state`. */
  readonly anchor: Anchor;
  readonly guard: Guard;
  readonly epoch: number;
  /** Seconds since the epoch. */
  readonly now: () => number;
  readonly state: WriterState;
  readonly onStep?: OnStep | undefined;
}

/**
 * The one way into the stored log: build, recount, guard, sign, commit, read back, anchor. Called by the sequencer
 * alone, one round at a time.
 *
 * After a rejection the state here is dead, whatever the cause (I7): the log must be opened again.
 */
export class Writer {
  readonly #store: Store;
  readonly #anchor: Anchor;
  readonly #guard: Guard;
  readonly #epoch: number;
  readonly #now: () => number;
  readonly #onStep: OnStep | undefined;
  // Owned by integrate, which replaces it once a round is durable.
  #state: WriterState;

  constructor({ store, anchor, guard, epoch, now, state, onStep }: WriterOptions) {
    this.#store = store;
    this.#anchor = anchor;
    this.#guard = guard;
    this.#epoch = epoch;
    this.#now = now;
    this.#state = state;
    this.#onStep = onStep;
  }

  /**
   * Gives the entries the next indexes, in order, and makes them durable under a new checkpoint. A
   * control entry must come alone. `accompanying` rows go into the same write.
   *
   * Yields the view to publish. Nothing of it may be shown before this resolves (I1).
   */
  async integrate(
    accepted: readonly Pick<Pending, "id" | "submission">[],
    accompanying: readonly Row[] = [],
  ): Promise<View> {
    const submissions = accepted.map(({ submission }) => submission);
    const round = buildRound(this.#state.view?.edge ?? Edge.empty(), submissions);
    await this.#reach("built", round);
    // The ids were made from the digests when the entries came in, and are the older witness.
    const digests = accepted.map(({ id }) => decodeHex(id));
    const counted = this.#state.recount.count(round, digests);
    await this.#reach("recounted", round);
    const signed = await this.#sign(round, counted, submissions);
    await this.#reach("signed", round);
    const view = this.#viewAfter(round, signed, submissions[0]);
    const link = sealRow(checkpointKey(view.size), this.#chainLink(signed));
    const head = this.#headRow(view);
    await this.#store.write([
      ...accompanying,
      ...rowsOf(round),
      ...this.#controlRows(view),
      link,
      head,
    ]);
    // Point of no return: from here the round is durable, and a crash reopens at the new size.
    await this.#reach("committed", round);
    await this.#readBack(head);
    await this.#reach("readBack", round);
    const { size, root } = signed.checkpoint;
    await this.#anchor.append({ size, root, checkpoint: signed.encode() });
    // From here a store that lost the round opens as a reader, so the checkpoint may be shown.
    await this.#reach("anchored", round);
    const chain = { digest: chainDigest(openRow(link)), size };
    this.#state = { view, recount: counted.next, chain };
    return view;
  }

  /** Yields whether checkpoints could be signed on after an entry: one that drops the key could not. */
  names({ isControl, receiptKeys }: Pick<Submission, "isControl" | "receiptKeys">): boolean {
    return !isControl || this.#guard.isNamed(receiptKeys);
  }

  #sign(
    round: Round,
    counted: Counted,
    submissions: readonly Submission[],
  ): Promise<SignedCheckpoint> {
    const last = this.#state.view;
    const [first] = submissions;
    const proposal = {
      size: round.after.size,
      root: round.root,
      // I6: the sequencer alone assigns time, and a clock that steps back does not take it along.
      time: Math.max(this.#now(), last?.signed.checkpoint.time ?? 0, admissionTime(submissions)),
      epoch: this.#epoch,
      counted,
      named: [
        ...(last === undefined ? [] : [last.control.receiptKeys]),
        ...(first?.isControl === true ? [first.receiptKeys] : []),
      ],
      consistency: last === undefined ? undefined : consistencyOf(round),
    };
    return this.#guard.sign(proposal, () => this.#reach("guarded", round));
  }

  #reach(name: StepName, { after }: Round): Promise<void> {
    return reachStep(this.#onStep, name, after.size);
  }

  #viewAfter(round: Round, signed: SignedCheckpoint, submission: Submission | undefined): View {
    const [first] = round.entries;
    const isControl = submission?.isControl === true;
    if (isControl && round.entries.length !== 1) {
      throw new LogError("LOG_CORRUPT", "a control entry shares its round");
    }
    const control =
      isControl && first !== undefined
        ? { index: first.index, entry: first.entry, receiptKeys: submission.receiptKeys }
        : this.#state.view?.control;
    if (control === undefined)
      throw new LogError("LOG_CORRUPT", "the first entry is no control entry");
    return new View({ signed, edge: round.after, control }, this.#state.view);
  }

  #chainLink(signed: SignedCheckpoint): Uint8Array {
    const { digest, size } = this.#state.chain;
    const checkpoint = signed.encode();
    return encodeChainLink({ checkpoint, previousDigest: digest, previousSize: size });
  }

  #headRow({ signed, control }: View): Row {
    const head = { epoch: this.#epoch, control: control.index, checkpoint: signed.encode() };
    return sealRow(HEAD_KEY, encodeHead(head));
  }

  #controlRows({ control }: View): readonly Row[] {
    const previous = this.#state.view?.control;
    if (previous?.index === control.index) return [];
    const previousIndex = previous?.index ?? control.index;
    const { entry, receiptKeys } = control;
    const record = encodeControl({ entry, previousIndex, receiptKeys });
    return [sealRow(controlKey(control.index), record)];
  }

  /** Shows that the store took the write for done; what reached the disk only a reopening shows. */
  async #readBack(head: Row): Promise<void> {
    const stored = await this.#store.get(HEAD_KEY);
    if (stored === undefined || !isEqual(stored, head.value)) {
      throw new LogError("LOG_CORRUPT", "the head read back is not the head written");
    }
  }
}

function admissionTime(submissions: readonly Submission[]): number {
  return submissions.reduce((latest, { admittedAt = 0 }) => Math.max(latest, admittedAt), 0);
}
