import type { SignedCheckpoint } from "@tallystick/receipt";

/** What {@link sequencedEntry} is told. */
export interface SequencedFacts {
  readonly entry: Uint8Array;
  readonly index: number;
  readonly checkpoint: SignedCheckpoint;
  readonly isDuplicate: boolean;
}

let make: (facts: SequencedFacts) => SequencedEntry;

/**
 * An entry with its index, covered by a checkpoint that is durable and published. Only the sequencer
 * makes one.
 */
export class SequencedEntry {
  readonly #sequenced = true;
  readonly entry: Uint8Array;
  readonly index: number;
  /** The newest checkpoint when the entry was answered for; it covers the entry. */
  readonly checkpoint: SignedCheckpoint;
  /** Whether somebody else had submitted the entry before. */
  readonly isDuplicate: boolean;

  private constructor(facts: SequencedFacts) {
    this.entry = facts.entry;
    this.index = facts.index;
    this.checkpoint = facts.checkpoint;
    this.isDuplicate = facts.isDuplicate;
    Object.freeze(this);
  }

  static {
    make = (facts) => new SequencedEntry(facts);
  }

  static is(value: object): value is SequencedEntry {
    return #sequenced in value;
  }
}

/** Makes a {@link SequencedEntry}; not exported from the package. */
export function sequencedEntry(facts: SequencedFacts): SequencedEntry {
  return make(facts);
}
