import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import { AccessControl } from "./access.js";
import type { AccessOptions } from "./access.js";
import { MIN_BODY_BYTES, maxBodyBytesOf } from "./body-limit.js";
import { BODY_SHARE, CLIENT_SHARE, MAX_BYTES_IN_FLIGHT, SharedBudget } from "./budget.js";
import type { ClientOf } from "./client.js";
import type { Cold } from "./cold.js";
import { requireMet } from "./expectation.js";
import { Gate } from "./gate.js";
import { HotPath } from "./hot.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { Limits } from "./limits.js";
import { Metrics } from "./metrics.js";
import { Registrations } from "./registrations.js";
import type { RequestLog } from "./request-log.js";
import { refusalReply, sendReply } from "./respond.js";
import type { OnDefect } from "./respond.js";
import { type RouteOptions, routesOf } from "./routes.js";
import { batchesUnderway } from "./routes/batch.js";
import type { TransparencyService } from "./service.js";
import { beginVisit, clientOf, visitOf } from "./visit.js";

/** How the HTTP front end behaves. */
export interface AppOptions extends RouteOptions {
  /** Scheme and authority that clients use, where a proxy hides them; else taken from the request. */
  readonly publicUrl?: string;
  /** Largest request body, in bytes; made from the policy in force unless given. */
  readonly maxBodyBytes?: number;
  /** Largest sum of the bodies under way, in bytes. */
  readonly maxBytesInFlight?: number;
  /** What differs from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Limits>;
  /** Names clients that show a credential; the others go by their address. */
  readonly clientOf?: ClientOf;
  /** Told of whatever became a 500: a defect, or damage to what is stored. */
  readonly onDefect?: OnDefect;
  /** Who may do what; everybody everything unless given. */
  readonly access?: AccessOptions;
  /** Where requests are told of; nowhere unless given. */
  readonly log?: RequestLog;
  /** Median time of a synced write as of the start, for the metrics; `undefined` until it is known. */
  readonly syncSeconds?: () => number | undefined;
}

/**
 * Makes the HTTP application: the route table behind Express, with concise problem details on
 * every error path (S1), the framework's own included.
 */
export function createApp(service: TransparencyService, options: AppOptions = {}): RequestListener {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const metrics = new Metrics(service, options);
  const onNotice = (line: string): void => {
    options.log?.note(line);
  };
  const gate = new Gate(limits, { clientOf: options.clientOf ?? clientOf, onNotice });
  metrics.watchProxies(gate);
  const { maxBytesInFlight = MAX_BYTES_IN_FLIGHT } = options;
  // Batches last, so they have a half of their own and leave the other to those who send one body.
  const half = { most: maxBytesInFlight / 2, what: "bytes" };
  const budget = new SharedBudget({ ...half, mostOfOne: half.most * BODY_SHARE });
  const { onDefect, maxBodyBytes: most = MIN_BODY_BYTES } = options;
  const registrations = new Registrations({ service, metrics, limits, onDefect });
  const maxItemBytes = (): Promise<number> => maxBodyBytesOf(service, options.maxBodyBytes);
  const { bodyTimeoutMs } = limits;
  const batches = {
    ...{ writes: gate.writes, maxBytes: maxItemBytes, itemTimeoutMs: bodyTimeoutMs, onDefect },
    budget: new SharedBudget({ ...half, mostOfOne: half.most * CLIENT_SHARE }),
    underway: batchesUnderway(),
  };
  const routes = routesOf({ service, metrics, registrations, batches, ...options });
  const maxBytes = Math.min(most, MIN_BODY_BYTES);
  const clientNameOf = (request: IncomingMessage): string => gate.clientOf(request);
  const taken = { budget, maxBytes, bodyTimeoutMs, clientOf: clientNameOf };
  const hot = new HotPath({ ...options, routes, ...taken });
  const access = options.access && new AccessControl(options.access);
  const cold = lateColdPath({ service, routes, budget, options, gate, access, bodyTimeoutMs });
  const records = { metrics, log: options.log };
  const letIn = (request: IncomingMessage, response: ServerResponse): void => {
    const visit = visitOf(request);
    try {
      const client = access?.admit(request);
      if (visit !== undefined) visit.client = client;
    } finally {
      // Who is not let in counts too, by address, and comes to 429 in the end.
      gate.admit(request, response);
    }
  };
  return (request, response) => {
    const visit = beginVisit(request, response, records);
    try {
      letIn(request, response);
      requireMet(request);
    } catch (error) {
      const reply = refusalReply(error, onDefect, visit.id);
      sendReply(response, reply, { isHead: request.method === "HEAD" });
      return;
    }
    if (!hot.take(request, response)) cold(request, response);
  };
}

/**
 * Reads Express when a request first needs it: nothing else that a start waits for takes as long, and
 * it can be had before, with {@link loadColdPath}.
 */
function lateColdPath(cold: Cold): RequestListener {
  let app: RequestListener | undefined;
  return (request, response) => {
    if (app !== undefined) {
      app(request, response);
      return;
    }
    import("./cold.js").then(
      ({ coldPath }) => {
        app ??= coldPath(cold);
        app(request, response);
      },
      (error: unknown) => {
        const reply = refusalReply(error, cold.options.onDefect, visitOf(request)?.id);
        sendReply(response, reply);
      },
    );
  };
}

/** Reads what only unusual requests need, so that the first of them need not wait for it. */
export async function loadColdPath(): Promise<void> {
  await import("./cold.js");
}
