import type { TrustStore } from "@tallystick/verifier";

import type { Fetch } from "./exchange.js";

/** How a client behaves; everything that touches the world can be replaced. */
export interface ClientOptions {
  /**
   * Keys that receipts have to hold under. Without it they have to hold under the keys that the
   * service itself publishes, which proves that it answers consistently, and no more.
   */
  readonly trust?: TrustStore;
  /** Bearer token that the service knows; it goes to the service's own origin, and only over TLS. */
  readonly token?: string;
  readonly fetch?: Fetch;
  /**
   * Longest time for one request and its answer; for a bundle of a replay, until it begins and between
   * two pieces of it; 30 s.
   */
  readonly timeoutMs?: number;
  /** Longest time spent waiting in one call, for a receipt or for a busy service; 60 s. */
  readonly patienceMs?: number;
  /** Most waits in one call; 20. */
  readonly maxRetries?: number;
  /** Longest answer; 64 MiB. Receipts, keys and errors have lower limits of their own. */
  readonly maxResponseBytes?: number;
  readonly wait?: (ms: number) => Promise<void>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** A number from 0 up to 1, for jitter. */
  readonly random?: () => number;
}
