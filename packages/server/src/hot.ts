import type { IncomingMessage, ServerResponse } from "node:http";

import { hasBody, readBody } from "./body.js";
import type { SharedBudget } from "./budget.js";
import { onOver } from "./over.js";
import { preferenceOf } from "./prefer.js";
import { originOf, refusalReply, sendReply } from "./respond.js";
import type { OnDefect } from "./respond.js";
import type { Reply, Route, RouteRequest } from "./route.js";
import { visitOf } from "./visit.js";

/** What the hot path works with. */
export interface HotOptions {
  readonly routes: readonly Route[];
  readonly budget: SharedBudget;
  /** Names the client behind a request. */
  readonly clientOf: (request: IncomingMessage) => string;
  /** Largest body that is taken here, in bytes; larger ones are for the framework to judge. */
  readonly maxBytes: number;
  /** Longest time for a body to arrive, in milliseconds. */
  readonly bodyTimeoutMs: number;
  readonly publicUrl?: string;
  readonly onDefect?: OnDefect;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The plain requests that a busy service is made of, answered without the framework, which takes
 * longer over each than the rest of the registration.
 *
 * Only what is beyond doubt is taken: a known path in its one spelling, a method that it has, a type
 * asked for by its name, a body with a length within the limits. Everything else, every refusal of
 * HTTP among it, is left to the framework: one place decides about odd requests, and both have the
 * same routes behind them.
 */
export class HotPath {
  readonly #options: HotOptions;
  readonly #posts = new Map<string, Route>();
  readonly #gets = new Map<string, Route>();
  // The first segment of a path with one parameter as its second.
  readonly #getsById = new Map<string, { readonly route: Route; readonly name: string }>();

  constructor(options: HotOptions) {
    this.#options = options;
    for (const route of options.routes) {
      // Which of several types is meant is for the framework to judge.
      if (route.isStreamed === true || route.alsoProduces !== undefined) continue;
      const [, first = "", parameter, ...rest] = route.path.split("/");
      if (parameter === undefined) {
        (route.method === "POST" ? this.#posts : this.#gets).set(route.path, route);
      } else if (route.method === "GET" && parameter.startsWith(":") && rest.length === 0) {
        this.#getsById.set(first, { route, name: parameter.slice(1) });
      }
    }
  }

  /** Takes a request over, or yields false and has not touched it. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const answer = this.#find(request);
    if (answer === undefined) return false;
    answer(request, response);
    return true;
  }

  #find(request: IncomingMessage): Answer | undefined {
    const { method, url = "" } = request;
    if (method === "POST") {
      const route = this.#posts.get(url);
      return route === undefined ? undefined : this.#post(route, request);
    }
    if (method !== "GET" || hasBody(request)) return undefined;
    const [, first = "", id = "", ...rest] = url.split("/");
    // What would have to be decoded first is no identifier of ours.
    if (rest.length > 0 || !/^[A-Za-z0-9_-]*$/.test(id)) return undefined;
    const plain = this.#gets.get(url);
    if (plain !== undefined) return this.#get(plain, {}, request);
    const byId = this.#getsById.get(first);
    if (byId === undefined || id === "") return undefined;
    return this.#get(byId.route, { [byId.name]: id }, request);
  }

  #get(
    route: Route,
    params: Readonly<Record<string, string>>,
    request: IncomingMessage,
  ): Answer | undefined {
    if (!accepts(request, route.produces)) return undefined;
    return (_request, response) => {
      const body = new Uint8Array();
      void this.#answer(route, response, async () =>
        route.answer({ params, body, ...this.#asked(request) }),
      );
    };
  }

  #post(route: Route, request: IncomingMessage): Answer | undefined {
    const { "content-type": type, "content-length": length, ...others } = request.headers;
    const isPlain =
      others["transfer-encoding"] === undefined &&
      others["content-encoding"] === undefined &&
      others.expect === undefined;
    const bytes = /^[0-9]{1,15}$/.test(length ?? "") ? Number(length) : Number.NaN;
    if (!isPlain || type !== route.consumes || !accepts(request, route.produces)) return undefined;
    if (!(bytes > 0 && bytes <= this.#options.maxBytes)) return undefined;
    const { budget, clientOf } = this.#options;
    const client = clientOf(request);
    if (!budget.hasRoom(bytes, client)) return undefined;
    return (_request, response) => {
      onOver(response, budget.take(bytes, client));
      const limits = { maxBytes: bytes, timeoutMs: this.#options.bodyTimeoutMs };
      void this.#answer(route, response, async () => {
        const body = await readBody(request, limits);
        return route.answer({ params: {}, body, ...this.#asked(request) });
      });
    };
  }

  async #answer(
    { path }: Route,
    response: ServerResponse,
    answer: () => Promise<Reply>,
  ): Promise<void> {
    const visit = visitOf(response.req);
    if (visit !== undefined) visit.routeOf = () => path;
    let reply: Reply;
    try {
      reply = await answer();
    } catch (error) {
      reply = refusalReply(error, this.#options.onDefect, visit?.id);
    }
    sendReply(response, reply, { onDefect: this.#options.onDefect });
  }

  #asked(request: IncomingMessage): Pick<RouteRequest, "baseUrl" | "client" | "prefer"> {
    const baseUrl = this.#options.publicUrl ?? originOf(request);
    const client = this.#options.clientOf(request);
    return { baseUrl, client, prefer: preferenceOf(request) };
  }
}

// Anything with a weight or another parameter is for the framework to judge.
function accepts({ headers: { accept } }: IncomingMessage, type: string): boolean {
  if (accept === undefined || accept === "*/*" || accept === type) return true;
  return !accept.includes(";") && accept.split(",").some((name) => name.trim() === type);
}
