/** What an audit has looked at. */
export interface AuditCounts {
  /** Entries whose statement and decision were checked. */
  readonly entries: number;
  /** Signatures that hold: of statements, and of checkpoints. */
  readonly signatures: number;
  readonly checkpoints: number;
  /** Policies that came into force. */
  readonly policies: number;
  /** Entries whose issuer a certificate chain identifies. */
  readonly chains: number;
  /** Entries whose key a later policy disowns from their index or an earlier one. */
  readonly disowned: number;
  /** Heads of the verifiable index that were recomputed. */
  readonly heads: number;
  /** Bytes of statements, collateral and checkpoints. */
  readonly bytes: number;
}

/** What an audit that found no disagreement came to. */
export interface AuditReport {
  readonly issuer: string | undefined;
  readonly origin: string | undefined;
  /** Whether everything up to the newest checkpoint was checked; without it there is no verdict. */
  readonly isComplete: boolean;
  /** Entries below this index are checked. */
  readonly checked: number;
  /** Size of the newest checkpoint when the run began. */
  readonly size: number;
  /** Its root, where it was reached. */
  readonly root: Uint8Array | undefined;
  readonly counts: AuditCounts;
  /** Longest time, in seconds, from a decision to the first checkpoint that covers its entry. */
  readonly longestWait: number;
  /** What was not checked, in words; empty where everything was. */
  readonly unchecked: readonly string[];
}
