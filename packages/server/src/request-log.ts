import { destination, pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger } from "pino";

import type { Visit } from "./visit.js";

/** How much is logged, least first. */
export const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** How a log is written. */
export interface RequestLogOptions {
  readonly level: LogLevel;
  /** Whether there is a line for each request; true unless given. */
  readonly requests?: boolean;
  /** Standard error unless given. */
  readonly write?: (line: string) => void;
}

/** An answered request. */
export interface Answered {
  readonly visit: Visit;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  /** Whether all of the answer was taken. */
  readonly isWhole: boolean;
}

// Lines are collected, so that a busy server does not make a system call for each; what matters is
// written at once. A reader who does not read loses lines, and not the server its memory.
const BUFFER_BYTES = 4096;
const MAX_WAITING_BYTES = 8_388_608;
const FLUSH_MS = 500;

/**
 * The log of a server, one JSON object a line: what became of requests, and what went wrong. No path,
 * header, body or address of a request is in it.
 */
export class RequestLog {
  readonly #logger: Logger;
  readonly #tellsRequests: boolean;
  readonly #flush: () => void;

  private constructor(logger: Logger, tellsRequests: boolean, flush: () => void) {
    this.#logger = logger;
    this.#tellsRequests = tellsRequests && logger.isLevelEnabled("info");
    this.#flush = flush;
  }

  /** Makes a log. */
  static open({ level, requests = true, write }: RequestLogOptions): RequestLog {
    if (write !== undefined) {
      return new RequestLog(loggerTo(level, { write }), requests, () => undefined);
    }
    const waiting = { minLength: BUFFER_BYTES, maxLength: MAX_WAITING_BYTES };
    const stream = destination({ dest: 2, sync: false, periodicFlush: FLUSH_MS, ...waiting });
    // Whoever read the log may be gone; that is no reason to stop.
    stream.on("error", () => undefined);
    return new RequestLog(loggerTo(level, stream), requests, () => {
      stream.flushSync();
    });
  }

  /** Tells of an answered request. */
  answered({ visit, method, status, seconds, isWhole }: Answered): void {
    if (!this.#tellsRequests) return;
    const { id, bytes, client } = visit;
    const route = visit.routeOf();
    const ms = Math.round(seconds * 1e6) / 1000;
    const told = { id, method: methodOf(method), route, status, bytes, ms };
    const odd = isWhole ? undefined : true;
    this.#logger.info({ ...told, client, cut: odd }, "request");
  }

  /** Tells of a request that became a 500. */
  defect(reason: string, id: string | undefined): void {
    this.#logger.error({ id, reason }, "request failed");
    this.flush();
  }

  /** Tells the operator something about the server; what stands before it on a terminal is left out. */
  note(line: string): void {
    this.#logger.warn(line.replace(/^tally: /, ""));
    this.flush();
  }

  /** Tells the operator what has to be acted upon, as `note` does. */
  alarm(line: string): void {
    this.#logger.error(line.replace(/^tally: /, ""));
    this.flush();
  }

  /** Writes what was collected. */
  flush(): void {
    try {
      this.#flush();
    } catch {
      // Nobody is left to be told.
    }
  }
}

function loggerTo(level: LogLevel, stream: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, stream);
}

// A method is a token of any length, and whoever sends it chooses it.
function methodOf(method: string): string {
  return method.slice(0, 20);
}
