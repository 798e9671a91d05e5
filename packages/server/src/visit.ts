import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Metrics } from "./metrics.js";
import { onOver } from "./over.js";
import type { RequestLog } from "./request-log.js";

/** What is known of a request beside what it asks for. */
export interface Visit {
  /** Names the request in answers and logs. */
  readonly id: string;
  /** When it began, as `performance.now()` counts. */
  readonly began: number;
  /** Yields the template of the route, never the path that was asked for. */
  routeOf: () => string;
  /** Bytes of the answer's body that were handed over to be sent. */
  bytes: number;
  /** Name of the credential that it came with. */
  client: string | undefined;
}

/** Header in which a request's name comes and goes. */
export const REQUEST_ID_HEADER = "x-request-id";

/** Route of what no route is for. */
export const NO_ROUTE = "none";

/** Status of a request whose sender left before there was an answer. */
const LEFT = 499;

const VISITS = new WeakMap<IncomingMessage, Visit>();

/** What requests are counted and told by. */
export interface VisitRecords {
  /** None while there is no service yet. */
  readonly metrics: Metrics | undefined;
  readonly log: RequestLog | undefined;
}

/** Begins a visit, which is counted and told of when its answer has been given. */
export function beginVisit(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, log }: VisitRecords,
): Visit {
  const visit = newVisit(request);
  VISITS.set(request, visit);
  onOver(response, () => {
    const { method = "" } = request;
    const isWhole = response.writableFinished;
    const status = response.headersSent ? response.statusCode : LEFT;
    const seconds = (performance.now() - visit.began) / 1000;
    metrics?.request({ method, route: visit.routeOf(), status, seconds });
    log?.answered({ method, status, seconds, isWhole, visit });
  });
  return visit;
}

/** Yields the visit that a request is, `undefined` where none was begun. */
export function visitOf(request: IncomingMessage): Visit | undefined {
  return VISITS.get(request);
}

/**
 * Yields the name of the credential that a request was let in with, `undefined` where it came with
 * none: what limits by client count by, and logs name.
 */
export function clientOf(request: IncomingMessage): string | undefined {
  return VISITS.get(request)?.client;
}

function newVisit({ headers }: IncomingMessage): Visit {
  const given = headers[REQUEST_ID_HEADER];
  const isGood = typeof given === "string" && /^[A-Za-z0-9._-]{1,64}$/.test(given);
  const id = isGood ? given : randomUUID();
  return { id, began: performance.now(), routeOf: () => NO_ROUTE, bytes: 0, client: undefined };
}
