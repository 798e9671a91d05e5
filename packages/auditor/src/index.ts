/**
 * The auditor: does a transparency log do what it says?
 *
 * {@link audit} replays a log from its first entry, as a {@link LogSource} gives it: each statement
 * is decoded, its signature and its certificates verified as of the recorded time, and the decision
 * made again under the policy that was in force at its index; the tree is rebuilt, and every
 * checkpoint has to sign its root and follow the one before. The first thing that is not as it should
 * be is thrown as an {@link AuditorError}.
 *
 * Nothing here opens a socket or reads a clock, and nothing that the source gives is trusted: keys are
 * arguments.
 *
 * @packageDocumentation
 */
export { audit } from "./audit.js";
export type { Audit, AuditOptions, AuditProgress } from "./audit.js";
export { AuditorError } from "./error.js";
export type { AuditorErrorCode, Whereabouts } from "./error.js";
export type { AuditCounts, AuditReport } from "./report.js";
export type { AuditTrust, LogSource, SourceEntry, SourceHead } from "./source.js";
export { AuditState } from "./state.js";
