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
