import { chunksOf, readBody } from "./body.js";
import { Deadline } from "./deadline.js";
import { ClientError } from "./error.js";
import { parseRetryAfter } from "./patience.js";

/** The part of `fetch` that is used, so that another one can take its place. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What is posted, and how. */
export interface Posting {
  readonly mediaType: string;
  readonly body: Uint8Array;
  /** `Prefer` (RFC 7240). */
  readonly prefer?: string;
}

/** One request. */
export interface Exchange {
  readonly url: string;
  readonly accept: string;
  /** Posted when present. */
  readonly post?: Posting;
  /** Longest answer that is read as a whole. */
  readonly maxBytes: number;
  /** Whether an answer of the type that is accepted is left to be read as it comes. */
  readonly isStreamed?: boolean;
}

/** One answer. */
export interface Answer {
  readonly status: number;
  /** In lower case and without parameters; empty when missing. */
  readonly mediaType: string;
  readonly location: string | null;
  readonly retryAfterMs: number | undefined;
  /** The whole of it; empty where there are chunks. */
  readonly body: Uint8Array;
  /** What is left to be read, and has to be read or closed. */
  readonly chunks?: AsyncIterable<Uint8Array>;
}

/** What an exchange is made with. */
export interface ExchangeOptions {
  readonly fetch: Fetch;
  /**
   * Longest time from the request to the last byte of its answer; where the answer is streamed, to its
   * first bytes, and from then on between two pieces, without the time that its reader takes.
   */
  readonly timeoutMs: number;
  /** Milliseconds since the epoch, to read dates in `Retry-After`. */
  readonly now: () => number;
  /** Sent with each request. */
  readonly token?: string | undefined;
}

/**
 * Sends one request and reads the answer, whatever its status. Redirects are not followed: no
 * resource of the API redirects, and an answer from elsewhere is not the service's.
 *
 * @throws {@link ClientError} `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`, `CLIENT_PROTOCOL` when the
 * answer is too long
 */
export async function exchange(
  request: Exchange,
  { fetch, timeoutMs, now, token }: ExchangeOptions,
): Promise<Answer> {
  const deadline = new Deadline(timeoutMs);
  const failure = (error: unknown): unknown => failureOf(error, { request, deadline, timeoutMs });
  try {
    deadline.start();
    const response = await fetch(request.url, {
      ...initOf(request, token),
      signal: deadline.signal,
    });
    const head = headOf(response, now());
    const isLeft = request.isStreamed === true && response.ok && head.mediaType === request.accept;
    if (isLeft) {
      return { ...head, body: new Uint8Array(), chunks: chunksOf(response, { deadline, failure }) };
    }
    return { ...head, body: await readBody(response, request.maxBytes) };
  } catch (error) {
    throw failure(error);
  } finally {
    deadline.stop();
  }
}

function headOf({ headers, status }: Response, now: number): Omit<Answer, "body" | "chunks"> {
  return {
    status,
    mediaType: (headers.get("content-type") ?? "").split(";", 1).join("").trim().toLowerCase(),
    location: headers.get("location"),
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), now),
  };
}

function failureOf(
  error: unknown,
  context: {
    readonly request: Exchange;
    readonly deadline: Deadline;
    readonly timeoutMs: number;
  },
): ClientError {
  if (error instanceof ClientError) return error;
  const { request, deadline, timeoutMs } = context;
  const { host } = new URL(request.url);
  if (deadline.hasPassed) {
    const what = request.isStreamed === true ? "nothing more" : "no complete answer";
    const message = `${what} from ${host} within ${timeoutMs} ms`;
    return new ClientError("CLIENT_TIMEOUT", message, { cause: error });
  }
  const message = `${host} cannot be reached: ${reasonOf(error)}`;
  return new ClientError("CLIENT_UNREACHABLE", message, { cause: error });
}

function initOf({ accept, post }: Exchange, token: string | undefined): RequestInit {
  const credential = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const common = { redirect: "manual", credentials: "omit", cache: "no-store" } as const;
  if (post === undefined) return { ...common, method: "GET", headers: { accept, ...credential } };
  const { mediaType, body, prefer } = post;
  const preferred = prefer === undefined ? {} : { prefer };
  const headers = { accept, "content-type": mediaType, ...preferred, ...credential };
  return { ...common, method: "POST", headers, body: new Uint8Array(body) };
}

// Node's fetch says "fetch failed" and keeps the reason in the cause, which has a code of its own.
// Errors are told by their members: those of fetch may be made in another realm.
function reasonOf(error: unknown): string {
  const cause = member(error, "cause") ?? error;
  const reason = member(cause, "code") ?? member(cause, "message");
  return typeof reason === "string" && reason !== "" ? reason : "the request failed";
}

function member(value: unknown, name: "cause" | "code" | "message"): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
