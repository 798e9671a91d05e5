/** What bounds the work of a server, whoever asks for it. */
export interface Limits {
  /** Registrations of one client in a second, in the long run; 0 for no limit. */
  readonly writesPerSecond: number;
  /** Other requests of one client in a second, in the long run; 0 for no limit. */
  readonly readsPerSecond: number;
  /** How many seconds' worth of either a client may use at once. */
  readonly burstSeconds: number;
  /** How many clients are told apart at a time. */
  readonly maxClients: number;
  /** How many proxies stand before the service, each of which adds to `X-Forwarded-For`. */
  readonly proxies: number;
  /** Registrations under way. */
  readonly maxQueued: number;
  /** Bytes of the statements under way. */
  readonly maxQueuedBytes: number;
  /** Requests for reading under way. */
  readonly maxReads: number;
  /** How long a registration is waited for before 202 is answered, in milliseconds. */
  readonly registerWaitMs: number;
  /** Longest time for the headers of a request to arrive, in milliseconds. */
  readonly headersTimeoutMs: number;
  /**
   * Longest time for a body to arrive, in milliseconds; of a stream, either way, the longest time
   * without a byte.
   */
  readonly bodyTimeoutMs: number;
}

/** The limits that hold unless others are given. */
export const DEFAULT_LIMITS: Limits = {
  writesPerSecond: 500,
  readsPerSecond: 2000,
  burstSeconds: 10,
  maxClients: 65_536,
  proxies: 0,
  maxQueued: 4096,
  maxQueuedBytes: 33_554_432,
  maxReads: 1024,
  registerWaitMs: 5000,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
};
