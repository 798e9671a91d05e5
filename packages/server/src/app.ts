import express from "express";
import { MAX_STATEMENT_BYTES } from "@tallystick/statement";
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from "express";

import { bodyReader } from "./body.js";
import { ServerError } from "./error.js";
import { PROBLEM_MEDIA_TYPE, encodeProblem, problemOf } from "./problem.js";
import type { Reply, Route } from "./route.js";
import { type RouteOptions, routesOf } from "./routes.js";
import type { TransparencyService } from "./service.js";

/** How the HTTP front end behaves. */
export interface AppOptions extends RouteOptions {
  /** Scheme and authority that clients use, where a proxy hides them; else taken from the request. */
  readonly publicUrl?: string;
  /** Largest request body, in bytes; made from the policy in force unless given. */
  readonly maxBodyBytes?: number;
  /** Largest sum of the bodies under way, in bytes. */
  readonly maxBytesInFlight?: number;
  /** Told of whatever became a 500: a defect, or damage to what is stored. */
  readonly onDefect?: (error: unknown) => void;
}

/** Room in a body for what is not kept: receipts and other unprotected headers. */
const ROOM_BYTES = 65_536;

/** Smallest limit on bodies, so that a policy can always be proposed. */
const MIN_BODY_BYTES = 1_114_112;

/**
 * Makes the HTTP application: the route table behind Express, with concise problem details on
 * every error path (S1), the framework's own included.
 */
export function createApp(service: TransparencyService, options: AppOptions = {}): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.use(commonHeaders);
  const readBody = bodyReader({
    maxBytes: () => maxBodyBytes(service, options),
    ...(options.maxBytesInFlight === undefined
      ? {}
      : { maxBytesInFlight: options.maxBytesInFlight }),
  });
  for (const route of routesOf(service, options)) {
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

const commonHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader("x-content-type-options", "nosniff");
  // Everything served is public and needs no credentials, so pages of any origin may read it.
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-expose-headers", "location, retry-after");
  next();
};

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
    send(response, reply);
  };
}

function refuseMethod(method: string): RequestHandler {
  return (_request, response) => {
    response.setHeader("allow", method === "GET" ? "GET, HEAD" : method);
    throw new ServerError("SERVER_METHOD", `use ${method}`);
  };
}

function errorHandler({ onDefect }: AppOptions): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const cause = fromFramework(error);
    const problem = problemOf(cause);
    if (problem.status === 500) onDefect?.(error);
    if (response.headersSent) {
      next(error);
      return;
    }
    const retry =
      problem.retryAfter === undefined ? {} : { "retry-after": `${problem.retryAfter}` };
    const headers = {
      "content-type": PROBLEM_MEDIA_TYPE,
      "cache-control": "no-store",
      ...retry,
    };
    send(response, { status: problem.status, headers, body: encodeProblem(problem) });
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

function send(response: Response, { status, headers, body }: Reply): void {
  response.status(status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // 204 has no body, no type and no length (SCRAPI-11 §2.4.2).
  if (status === 204) {
    response.end();
    return;
  }
  response.setHeader("content-length", body.length);
  response.end(response.req.method === "HEAD" ? undefined : body);
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

function originOf(request: Request): string {
  const { host = "" } = request.headers;
  const isOne = request.rawHeaders.filter((_, i) => i % 2 === 0).filter(isHost).length === 1;
  const url = `${request.protocol}://${host}`;
  // What is reflected into Location is a host and a port, and nothing that merely looks like one.
  if (isOne && /^[A-Za-z0-9.\-:[\]]{1,255}$/.test(host) && URL.canParse(url)) return url;
  throw new ServerError("SERVER_REQUEST_MALFORMED", "the Host header is missing or broken");
}

function isHost(name: string): boolean {
  return name.toLowerCase() === "host";
}
