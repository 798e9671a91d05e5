import { LogError, type LogErrorCode } from "./error.js";
import type { Frozen } from "./record.js";

/** Why a log takes no entries while it can be read. */
export type ReaderCode = Extract<
  LogErrorCode,
  "LOG_BEHIND_ANCHOR" | "LOG_FROZEN" | "LOG_CLOCK_BACKWARD"
>;

/** The standing of a log that is read and not written. */
export interface ReaderStanding {
  readonly kind: "reader";
  readonly code: ReaderCode;
  /** What is missing, in sizes and times, and the ways out. */
  readonly reason: string;
  /** What was signed once and is not there; none unless the anchor shows it. */
  readonly loss?: string | undefined;
}

/** Whether a log takes entries. */
export type Standing = { readonly kind: "writer" } | ReaderStanding;

/** The standing of a log that takes entries. */
export const WRITER: Standing = { kind: "writer" };

/** Yields what somebody is told who appends to such a log. */
export function refusalOf({ code, reason }: ReaderStanding): LogError {
  return new LogError(code, reason);
}

/** Yields the standing of a log that was closed for good; what else is wrong with it stays known. */
export function frozenStanding({ why, time }: Frozen, otherwise: Standing): ReaderStanding {
  const reason = `closed to new entries for good at ${formatTime(time)}: ${why}`;
  const loss = otherwise.kind === "reader" ? otherwise.loss : undefined;
  if (loss === undefined) return { kind: "reader", code: "LOG_FROZEN", reason };
  const told = `${reason}. And ${loss}. Put a newer copy of the database back (tally restore FILE DIR)`;
  return { kind: "reader", code: "LOG_FROZEN", reason: told, loss };
}

/** Yields the standing of a log whose newest checkpoint is of a time to come. */
export function clockStanding(now: number, signed: number): ReaderStanding {
  const reason =
    `the clock reads ${formatTime(now)}, the newest checkpoint was signed at ${formatTime(signed)}. ` +
    "Set the clock and open again; if it was wrong at that time and is right now: " +
    "tally serve DIR --ignore-clock";
  return { kind: "reader", code: "LOG_CLOCK_BACKWARD", reason };
}

/** Yields seconds since the epoch as ISO 8601 in UTC. */
export function formatTime(time: number): string {
  const date = new Date(time * 1000);
  return Number.isNaN(date.valueOf()) ? `second ${time}` : date.toISOString().replace(".000Z", "Z");
}
