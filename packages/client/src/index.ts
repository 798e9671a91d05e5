/**
 * A client of the SCITT reference API (SCRAPI, draft 11).
 *
 * {@link ServiceClient} registers signed statements with one transparency service and resolves
 * their receipts. It computes EntryIDs itself and takes no receipt that does not hold for the entry
 * it was asked for; what to trust beyond that is for `@tallystick/verifier` and pinned keys.
 *
 * {@link Follower} demands that each checkpoint of a log extends the one seen before, and has the
 * evidence where it does not.
 *
 * A service may answer at once or later, and may ask for time: the client waits as `Retry-After`
 * says, else with exponential backoff and jitter, up to a limit. Every answer is bounded in length
 * and time, redirects are not followed, and a `Location` elsewhere is ignored.
 *
 * Runs wherever `fetch` does; `fetch`, clock, chance and waiting can be replaced.
 *
 * @packageDocumentation
 */
export { requirePrivate } from "./address.js";
export { ClientError } from "./error.js";
export type { ClientErrorCode, ClientErrorOptions, Refusal } from "./error.js";
export { Follower } from "./follower.js";
export type { FollowerOptions, LogView } from "./follower.js";
export type { BatchResult } from "./many.js";
export { exchange } from "./exchange.js";
export type { Answer, Exchange, ExchangeOptions, Fetch, Posting } from "./exchange.js";
export type {
  FoundMention,
  OpenProposal,
  PartialEntry,
  PolicyInForce,
  SearchHit,
  SearchPage,
  ServiceVersion,
} from "./record.js";
export type { ReplayedEntry } from "./replay.js";
export { decodeKeySet } from "./keyset.js";
export { parseServiceVersion } from "./record.js";
export type { SearchParameters } from "./search.js";
export { SeenCheckpoints } from "./seen.js";
export { ServiceClient } from "./service.js";
export type { ClientOptions } from "./options.js";
export type { Registered, Submitted } from "./service.js";
