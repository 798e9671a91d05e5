/** A state as stored, with the number of its version: the first is 1. */
export interface StoredState {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/**
 * Keeps the state of each log, under a name of 64 hex digits. What {@link StateStore.replace} has
 * answered for is durable.
 */
export interface StateStore {
  /**
   * Yields the newest version, `undefined` if there is none.
   *
   * @throws {@link WitnessError} `WITNESS_STORE_FAILED`
   */
  read(name: string): Promise<StoredState | undefined>;

  /**
   * Stores the version that follows `expected`, 0 for the first. Compares and stores in one step,
   * also among processes: of two that replace the same version, one succeeds.
   *
   * After `WITNESS_STORE_FAILED` the state may have been replaced or not.
   *
   * @throws {@link WitnessError} `WITNESS_STORE_CONFLICT`, `WITNESS_STORE_FAILED`
   */
  replace(name: string, expected: number, bytes: Uint8Array): Promise<void>;
}
