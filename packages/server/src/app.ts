import type { RequestListener } from "node:http";

import express from "express";
import { MAX_STATEMENT_BYTES } from "@tallystick/statement";
import type { ErrorRequestHandler, Express, Request, RequestHandler } from "express";

import { AccessControl } from "./access.js";
import type { AccessOptions } from "./access.js";
import { bodyReader } from "./body.js";
import { BodyBudget } from "./budget.js";
import { ServerError } from "./error.js";
import { HotPath } from "./hot.js";
import { Metrics } from "./metrics.js";
import type { RequestLog } from "./request-log.js";
import { originOf, refusalReply, sendReply } from "./respond.js";
import type { OnDefect } from "./respond.js";
import type { Route } from "./route.js";
import { type RouteOptions, routesOf } from "./routes.js";
import type { TransparencyService } from "./service.js";
import { NO_ROUTE, beginVisit, visitOf } from "./visit.js";

/** How the HTTP front end behaves. */
export interface AppOptions extends RouteOptions {
  /** Scheme and authority that clients use, where a proxy hides them; else taken from the request. */
  readonly publicUrl?: string;
  /** Largest request body, in bytes; made from the policy in force unless given. */
  readonly maxBodyBytes?: number;
  /** Largest sum of the bodies under way, in bytes. */
  readonly maxBytesInFlight?: number;
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
  const metrics = new Metrics(service, options.scrub);
  const routes = routesOf(service, metrics, options);
  const budget = new BodyBudget(options.maxBytesInFlight);
  const { maxBodyBytes: most = MIN_BODY_BYTES } = options;
  const maxBytes = Math.min(most, MIN_BODY_BYTES);
  const hot = new HotPath({ ...options, routes, budget, maxBytes });
  const cold = coldPath(service, { routes, budget, options });
  const records = { metrics, log: options.log };
  const access = options.access && new AccessControl(options.access);
  return (request, response) => {
    const visit = beginVisit(request, response, records);
    try {
      visit.client = access?.admit(request);
    } catch (error) {
      sendReply(response, refusalReply(error, options.onDefect, visit.id));
      return;
    }
    if (!hot.take(request, response)) cold(request, response);
  };
}

// Refusals of the framework have a route, too, so it is looked at when the answer has been given,
// and before the visit is told of.
const naming: RequestHandler = (request, response, next) => {
  response.prependOnceListener("close", () => {
    const visit = visitOf(request);
    if (visit !== undefined) visit.route = templateOf(request);
  });
  next();
};

function templateOf(request: Request): string {
  const route: unknown = request.route;
  const isRoute = typeof route === "object" && route !== null && "path" in route;
  return isRoute && typeof route.path === "string" ? route.path : NO_ROUTE;
}

interface Cold {
  readonly routes: readonly Route[];
  readonly budget: BodyBudget;
  readonly options: AppOptions;
}

function coldPath(service: TransparencyService, { routes, budget, options }: Cold): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.use(naming);
  const readBody = bodyReader({
    maxBytes: () => maxBodyBytes(service, options),
    budget,
  });
  for (const route of routes) {
    const place = app.route(route.path);
    // The type is refused before a byte of the body is read.
    const post = [acceptable(route), contentType(route), readBody, answer(route, options)];
    if (route.method === "POST") place.post(...post);
    else place.get(acceptable(route), answer(route, options));
    place.all(refuseMethod(route.method));
  }
  app.use(() => {
    throw new ServerError("SERVER_ROUTE_UNKNOWN", "see the documentation of the HTTP interface");
  });
  app.use(errorHandler(options));
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

function answer(route: Route, options: AppOptions): RequestHandler {
  return async (request, response) => {
    const reply = await route.answer({
      params: paramsOf(request),
      body: bodyOf(request),
      baseUrl: options.publicUrl ?? originOf(request),
    });
    sendReply(response, reply, {
      isHead: request.method === "HEAD",
      onDefect: options.onDefect,
    });
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

// Express and its body parser throw errors with an HTTP status; they become codes of ours.
function fromFramework(error: unknown): unknown {
  if (!(error instanceof Error) || !("status" in error)) return error;
  const options = { cause: error };
  switch (error.status) {
    case 413:
      return new ServerError(
        "SERVER_BODY_TOO_LARGE",
        "see the policy's maxStatementBytes",
        options,
      );
    case 415:
      return new ServerError("SERVER_MEDIA_TYPE", "send the body uncompressed", options);
    case 400:
      return new ServerError("SERVER_REQUEST_MALFORMED", "path or body is broken", options);
    default:
      return error;
  }
}

function paramsOf(request: Request): Readonly<Record<string, string>> {
  const params = Object.entries(request.params);
  return Object.fromEntries(
    params.filter((pair): pair is [string, string] => typeof pair[1] === "string"),
  );
}

function bodyOf(request: Request): Uint8Array {
  const body: unknown = request.body;
  return body instanceof Uint8Array ? body : new Uint8Array();
}
