/**
 * The transparency service over HTTP: the SCITT reference API (SCRAPI, draft 11) and read-only
 * resources of its own.
 *
 * {@link TransparencyService} owns a log and runs the whole way of a statement: bytes, signed
 * statement, verified statement, admission, sequenced entry, receipt. `register.ts` is the one
 * place where that way is walked. Nothing of HTTP enters a decision (S31).
 *
 * `routes.ts` is the table of resources; {@link createApp} puts it behind Express and turns every
 * refusal into concise problem details by the table in `problem.ts`. {@link serve} binds a port
 * and stops gracefully; {@link listen} binds it before the log is open. Each request is a visit:
 * `visit.ts` names it, `access.ts` lets it in, and {@link RequestLog} and metrics tell of it.
 *
 * @packageDocumentation
 */
export { SCOPES } from "./access.js";
export type { AccessOptions, Scope, TokenRecord } from "./access.js";
export { createApp, loadColdPath } from "./app.js";
export type { AppOptions } from "./app.js";
export type { ClientOf } from "./client.js";
export { ServerError } from "./error.js";
export type { ServerErrorCode } from "./error.js";
export { listen, serve } from "./listen.js";
export type { BindOptions, BootingServer, ListenOptions, RunningServer } from "./listen.js";
export { DEFAULT_LIMITS } from "./limits.js";
export type { Limits } from "./limits.js";
export type { CommittedPolicy } from "./policies.js";
export { publishedFiles } from "./published-files.js";
export type { CosignedCheckpoint, PublishedFile } from "./published-files.js";
export { LOG_LEVELS, RequestLog } from "./request-log.js";
export type { LogLevel, RequestLogOptions } from "./request-log.js";
export { DerivedSearch } from "./search/derived.js";
export type { Commitment } from "./search/derived.js";
export { Follower, openIndex } from "./search/follower.js";
export type { SearchPlace } from "./search/follower.js";
export type { HeadOptions } from "./search/heads.js";
export { MAX_HITS, searchPage } from "./search/query.js";
export type { SpokenRole } from "./search/mention-list.js";
export type { SoughtMention } from "./search/mention-rows.js";
export type { PartialEntry } from "./search/partial.js";
export type { FoundMention, SearchHit, SearchPage, SearchQuery } from "./search/query.js";
export { SearchIndex } from "./search/search-index.js";
export type { CommittedHead } from "./search/rows.js";
export type { CheckpointTime, IndexSource } from "./search/search-index.js";
export { TransparencyService } from "./service.js";
export type { Registration, ServiceOptions } from "./service.js";
export type { TlsMaterial } from "./tls.js";
export { peersOf } from "./witness/peers.js";
export type { KeptEvidence, NoteKeeper } from "./witness/keeper.js";
export type { WitnessMode, WitnessOptions, WitnessOutlook } from "./witness/options.js";
export { VERSION } from "./version.js";
