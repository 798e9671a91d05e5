import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import express from "express";
import { MAX_STATEMENT_BYTES } from "@tallystick/statement";
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from "express";

import { AccessControl } from "./access.js";
import type { AccessOptions } from "./access.js";
import { declaredLength, readBody, receiveParts } from "./body.js";
import { BodyBudget, CLIENT_SHARE, MAX_BYTES_IN_FLIGHT } from "./budget.js";
import type { ClientOf } from "./client.js";
import { ServerError } from "./error.js";
import { requireMet } from "./expectation.js";
import { Gate } from "./gate.js";
import { HotPath } from "./hot.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { Limits } from "./limits.js";
import { Metrics } from "./metrics.js";
import { onOver } from "./over.js";
import { preferenceOf } from "./prefer.js";
import { Registrations } from "./registrations.js";
import type { RequestLog } from "./request-log.js";
import { originOf, refusalReply, sendReply } from "./respond.js";
import type { OnDefect } from "./respond.js";
import type { Route, Upload } from "./route.js";
import { type RouteOptions, routesOf } from "./routes.js";
import type { TransparencyService } from "./service.js";
import { NO_ROUTE, beginVisit, clientOf, visitOf } from "./visit.js";

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
}

/** Room in a body for what is not kept: receipts and other unprotected headers. */
const ROOM_BYTES = 65_536;

/** Smallest limit on bodies, so that a policy can always be proposed. */
const MIN_BODY_BYTES = 1_114_112;

/**
 * Makes the HTTP application: the route table behind Express, with concise problem details on
 * every error path (S1), the framework's own included.
 */
export function createApp(service: TransparencyService, options: AppOptions = {}): RequestListener {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const metrics = new Metrics(service, options.scrub);
  const gate = new Gate(limits, options.clientOf ?? clientOf);
  const { maxBytesInFlight = MAX_BYTES_IN_FLIGHT } = options;
  // Batches last, so they have a half of their own and leave the other to those who send one body.
  const budget = new BodyBudget(maxBytesInFlight / 2, CLIENT_SHARE);
  const { onDefect, maxBodyBytes: most = MIN_BODY_BYTES } = options;
  const registrations = new Registrations({ service, metrics, limits, onDefect });
  const maxItemBytes = (): Promise<number> => maxBodyBytes(service, options);
  const { bodyTimeoutMs } = limits;
  const batches = {
    ...{ writes: gate.writes, maxBytes: maxItemBytes, itemTimeoutMs: bodyTimeoutMs, onDefect },
    budget: new BodyBudget(maxBytesInFlight / 2),
    underway: new Map<string, number>(),
  };
  const routes = routesOf({ service, metrics, registrations, batches, ...options });
  const maxBytes = Math.min(most, MIN_BODY_BYTES);
  const clientNameOf = (request: IncomingMessage): string => gate.clientOf(request);
  const taken = { budget, maxBytes, bodyTimeoutMs, clientOf: clientNameOf };
  const hot = new HotPath({ ...options, routes, ...taken });
  const access = options.access && new AccessControl(options.access);
  const cold = coldPath({ service, routes, budget, options, gate, access, bodyTimeoutMs });
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

// Refusals of the framework have a route, too, so it is looked at when the answer is over.
const naming: RequestHandler = (request, _response, next) => {
  const visit = visitOf(request);
  if (visit !== undefined) visit.routeOf = () => templateOf(request);
  next();
};

function templateOf(request: Request): string {
  const route: unknown = request.route;
  const isRoute = typeof route === "object" && route !== null && "path" in route;
  return isRoute && typeof route.path === "string" ? route.path : NO_ROUTE;
}

interface Cold {
  readonly service: TransparencyService;
  readonly routes: readonly Route[];
  readonly budget: BodyBudget;
  readonly options: AppOptions;
  readonly gate: Gate;
  readonly access: AccessControl | undefined;
  readonly bodyTimeoutMs: number;
}

function coldPath(cold: Cold): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.use(naming);
  for (const route of cold.routes) {
    const place = app.route(route.path);
    // The type is refused before a byte of the body is read.
    const post = [acceptable(route), contentType(route), answer(route, cold)];
    if (route.method === "POST") place.post(...post);
    else place.get(acceptable(route), answer(route, cold));
    place.all(refuseMethod(route.method));
  }
  app.use(() => {
    throw new ServerError("SERVER_ROUTE_UNKNOWN", "see the documentation of the HTTP interface");
  });
  app.use(errorHandler(cold.options));
  return app;
}

async function maxBodyBytes(service: TransparencyService, options: AppOptions): Promise<number> {
  if (options.maxBodyBytes !== undefined) return options.maxBodyBytes;
  const { policy } = await service.policyInForce();
  const { maxStatementBytes } = policy.document;
  return Math.max(Math.min(maxStatementBytes, MAX_STATEMENT_BYTES) + ROOM_BYTES, MIN_BODY_BYTES);
}

function acceptable({ produces }: Route): RequestHandler {
  return (request, _response, next) => {
    if (request.accepts(produces) !== false) {
      next();
      return;
    }
    throw new ServerError("SERVER_NOT_ACCEPTABLE", `this resource is ${produces}`);
  };
}

function contentType({ consumes }: Route): RequestHandler {
  return (request, _response, next) => {
    const [type = ""] = (request.headers["content-type"] ?? "").split(";", 1);
    if (type.trim().toLowerCase() === consumes) {
      next();
      return;
    }
    throw new ServerError("SERVER_MEDIA_TYPE", `send content-type ${consumes ?? ""}`);
  };
}

function answer(route: Route, cold: Cold): RequestHandler {
  const { publicUrl, onDefect } = cold.options;
  return async (request, response) => {
    const isUpload = route.isStreamed === true;
    const baseUrl = publicUrl ?? originOf(request);
    const [, ...query] = request.originalUrl.split("?");
    const asked = {
      ...{ params: paramsOf(request, route), query: query.join("?") },
      ...{ baseUrl, prefer: preferenceOf(request) },
    };
    const body = isUpload ? new Uint8Array() : await bodyOf(request, response, cold);
    const upload = isUpload ? { upload: uploadOf(request, response, cold) } : {};
    const reply = await route.answer({ ...asked, body, ...upload });
    sendReply(response, reply, {
      isHead: request.method === "HEAD",
      onDefect,
      stallMs: cold.bodyTimeoutMs,
    });
  };
}

// All bodies together stay within their limit, so that many slow senders cannot fill the memory.
async function bodyOf(request: Request, response: Response, cold: Cold): Promise<Uint8Array> {
  if (request.method !== "POST") return new Uint8Array();
  const maxBytes = await maxBodyBytes(cold.service, cold.options);
  const bytes = declaredLength(request, maxBytes) ?? maxBytes;
  onOver(response, cold.budget.take(bytes, cold.gate.clientOf(request)));
  return readBody(request, { maxBytes, timeoutMs: cold.bodyTimeoutMs });
}

function uploadOf(request: Request, response: Response, cold: Cold): Upload {
  const { gate, access, bodyTimeoutMs } = cold;
  declaredLength(request, Infinity);
  return {
    parts: receiveParts(request, bodyTimeoutMs),
    client: gate.clientOf(request),
    requireAdmitted: () => {
      access?.admit(request);
    },
    onClose: (act) => {
      onOver(response, act);
    },
  };
}

function refuseMethod(method: string): RequestHandler {
  return (_request, response) => {
    response.setHeader("allow", method === "GET" ? "GET, HEAD" : method);
    throw new ServerError("SERVER_METHOD", `use ${method}`);
  };
}

function errorHandler({ onDefect }: AppOptions): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) next(error);
    else sendReply(response, refusalReply(fromFramework(error), onDefect, visitOf(request)?.id));
  };
}

// Express throws errors with an HTTP status; those that a client can cause become codes of ours.
function fromFramework(error: unknown): unknown {
  if (!(error instanceof Error) || !("status" in error) || error.status !== 400) return error;
  return new ServerError("SERVER_REQUEST_MALFORMED", "the path is broken", { cause: error });
}

function paramsOf(request: Request, { path }: Route): Readonly<Record<string, string>> {
  const params = Object.entries(request.params).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
  const [before = "", rest] = path.split("*");
  // Not decoded: another spelling is another path.
  if (rest !== undefined) params.push([rest, request.path.slice(before.length)]);
  return Object.fromEntries(params);
}
