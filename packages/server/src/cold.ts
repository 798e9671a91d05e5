import type { RequestListener } from "node:http";

import express from "express";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";

import type { AccessControl } from "./access.js";
import { declaredLength, readBody, receiveParts } from "./body.js";
import { maxBodyBytesOf } from "./body-limit.js";
import type { SharedBudget } from "./budget.js";
import { ServerError } from "./error.js";
import type { Gate } from "./gate.js";
import { onOver } from "./over.js";
import { preferenceOf } from "./prefer.js";
import { originOf, refusalReply, sendReply } from "./respond.js";
import type { OnDefect } from "./respond.js";
import type { Route, Upload } from "./route.js";
import type { TransparencyService } from "./service.js";
import { NO_ROUTE, visitOf } from "./visit.js";

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

/** What the cold path works with. */
export interface Cold {
  readonly service: TransparencyService;
  readonly routes: readonly Route[];
  readonly budget: SharedBudget;
  readonly options: ColdOptions;
  readonly gate: Gate;
  readonly access: AccessControl | undefined;
  readonly bodyTimeoutMs: number;
}

/** What of the options of the application concerns the cold path. */
export interface ColdOptions {
  readonly publicUrl?: string;
  readonly maxBodyBytes?: number;
  readonly onDefect?: OnDefect;
}

/** Makes the part of the application that is behind Express. */
export function coldPath(cold: Cold): RequestListener {
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

function acceptable(route: Route): RequestHandler {
  return (request, _response, next) => {
    if (typeOf(request, route) !== undefined) {
      next();
      return;
    }
    const types = typesOf(route).join(" or ");
    throw new ServerError("SERVER_NOT_ACCEPTABLE", `this resource is ${types}`);
  };
}

function typesOf({ produces, alsoProduces = [] }: Route): string[] {
  return [produces, ...alsoProduces];
}

/** Yields the type that the client would rather have, of several the first. */
function typeOf(request: Request, route: Route): string | undefined {
  const type = request.accepts(typesOf(route));
  return type === false ? undefined : type;
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
      type: typeOf(request, route) ?? route.produces,
      ...{ baseUrl, client: cold.gate.clientOf(request), prefer: preferenceOf(request) },
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
  const maxBytes = await maxBodyBytesOf(cold.service, cold.options.maxBodyBytes);
  const bytes = declaredLength(request, maxBytes) ?? maxBytes;
  onOver(response, cold.budget.take(bytes, cold.gate.clientOf(request)));
  return readBody(request, { maxBytes, timeoutMs: cold.bodyTimeoutMs });
}

function uploadOf(request: Request, response: Response, cold: Cold): Upload {
  const { access, bodyTimeoutMs } = cold;
  declaredLength(request, Infinity);
  return {
    parts: receiveParts(request, bodyTimeoutMs),
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

function errorHandler({ onDefect }: ColdOptions): ErrorRequestHandler {
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
