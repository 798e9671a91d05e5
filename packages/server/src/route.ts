import { etagOf } from "./conditional.js";
import type { Preference } from "./prefer.js";

/** A body that is read as it comes. */
export interface Upload {
  /** Its parts, none of them read before it is asked for. */
  readonly parts: AsyncIterable<Uint8Array>;
  /**
   * Asks again whether the client may send more, for its credential may have been taken away.
   *
   * @throws ServerError `SERVER_UNAUTHENTICATED`, `SERVER_FORBIDDEN`
   */
  readonly requireAdmitted: () => void;
  /** Has a function called once the answer is over, whichever way, or at once if it is. */
  readonly onClose: (act: () => void) => void;
}

/** What a route is given: nothing of HTTP but this reaches the service (S31). */
export interface RouteRequest {
  /** Decoded path parameters by name. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows the question mark, as it was sent; only searches look at it. */
  readonly query?: string;
  /** Empty for GET. */
  readonly body: Uint8Array;
  /** Scheme and authority under which the client reaches the service, without a trailing slash. */
  readonly baseUrl: string;
  /** Names the client; what it may hold at once is counted by it, and decides about nothing else. */
  readonly client: string;
  /** The media type that the client takes, where the route produces several. */
  readonly type?: string;
  /** When the client would like its answer; decides about nothing else. */
  readonly prefer: Preference;
  /** In the place of `body` where the route is streamed. */
  readonly upload?: Upload;
}

/** What a route answers. A refusal is thrown and becomes a problem. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** All of it, or its parts as they come; an error among them cuts the connection. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  /** Called once the answer is over, whichever way: what was held for it is given back. */
  readonly onOver?: () => void;
}

export type Method = "GET" | "POST";

/** A JSON Schema (2020-12). */
export type Schema = Readonly<Record<string, unknown>>;

/** What a request may come to, as the interface's document tells it. */
export interface Outcome {
  readonly description: string;
  /** Media type of the body, `null` for none; what the route produces unless given. */
  readonly type?: string | null;
  /** What the body is, where a schema can tell. */
  readonly schema?: Schema;
  /** Headers that always come with it. */
  readonly headers?: readonly string[];
  /** Headers that may come with it. */
  readonly mayHave?: readonly string[];
}

/** What a resource and method do, as the interface's document tells it. */
export interface Operation {
  readonly id: string;
  readonly summary: string;
  /** Parameters of its query. */
  readonly query?: readonly string[];
  readonly outcomes: Readonly<Record<number, Outcome>>;
}

/**
 * One resource and method. Adding a resource is one row in `routes.ts`, one in `operations.ts`, and one
 * function.
 */
export interface Route {
  readonly method: Method;
  /** Path with `:name` parameters; a `*name` at its end is the rest of the path, as it was sent. */
  readonly path: string;
  /** Media type of a successful answer with a body; what `Accept` is held against. */
  readonly produces: string;
  /** Other media types that it can answer in; `type` of the request says which is asked for. */
  readonly alsoProduces?: readonly string[];
  /** Media type that a body must have. */
  readonly consumes?: string;
  /** Whether it is given `upload`, and never a whole body. */
  readonly isStreamed?: boolean;
  readonly answer: (request: RouteRequest) => Promise<Reply>;
  readonly operation: Operation;
}

/** How long an answer may be kept. */
export const CACHE = {
  /** The bytes at this path never change. */
  immutable: "public, max-age=31536000, immutable",
  /** Keys: a new one may be added (S8). */
  minutes: "public, max-age=300, must-revalidate",
  /** The newest note: readers who poll need not all be answered, and a few seconds are no lag. */
  seconds: "public, max-age=5, must-revalidate",
  /** Whatever else the growing log changes. */
  none: "no-store",
} as const;

/** Makes a 200 with a body; one that may be kept has its entity tag. */
export function ok(
  body: Uint8Array,
  { type, cache, ...headers }: { type: string; cache: string } & Record<string, string>,
): Reply {
  const tag = cache === CACHE.none ? {} : { etag: etagOf(body) };
  return {
    status: 200,
    headers: { "content-type": type, "cache-control": cache, ...tag, ...headers },
    body,
  };
}

/**
 * Makes a 200 whose body comes in parts. The first part is made before the answer begins, so that what
 * is refused there is still a problem.
 */
export async function stream(
  parts: AsyncGenerator<Uint8Array, void, undefined>,
  { type, cache }: { readonly type: string; readonly cache: string },
): Promise<Reply> {
  const first = await parts.next();
  return {
    status: 200,
    headers: { "content-type": type, "cache-control": cache },
    body: first.done === true ? new Uint8Array() : continued(first.value, parts),
  };
}

async function* continued(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first;
  yield* rest;
}

/** Makes an answer without a body. */
export function empty(status: number, headers: Readonly<Record<string, string>>): Reply {
  return { status, headers, body: new Uint8Array() };
}

/** Makes a 200 with JSON that must not be kept. */
export function json(value: unknown, status = 200): Reply {
  return jsonText(JSON.stringify(value), status);
}

/** Makes a 200 with a text that is JSON and must not be kept. */
export function jsonText(text: string, status = 200): Reply {
  const body = new TextEncoder().encode(`${text}\n`);
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": CACHE.none },
    body,
  };
}
