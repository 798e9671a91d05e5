import { readBody } from "./body.js";
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
  /** Longest answer that is read. */
  readonly maxBytes: number;
}

/** One answer, wholly read. */
export interface Answer {
  readonly url: string;
  readonly status: number;
  /** In lower case and without parameters; empty when missing. */
  readonly mediaType: string;
  readonly location: string | null;
  readonly retryAfterMs: number | undefined;
  readonly body: Uint8Array;
}

/** What an exchange is made with. */
export interface ExchangeOptions {
  readonly fetch: Fetch;
  /** Longest time from the request to the last byte of its answer. */
  readonly timeoutMs: number;
  /** Milliseconds since the epoch, to read dates in `Retry-After`. */
  readonly now: () => number;
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
  { fetch, timeoutMs, now }: ExchangeOptions,
): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(request.url, { ...initOf(request), signal });
    const { headers, status } = response;
    return {
      url: request.url,
      status,
      mediaType: (headers.get("content-type") ?? "").split(";", 1).join("").trim().toLowerCase(),
      location: headers.get("location"),
      retryAfterMs: parseRetryAfter(headers.get("retry-after"), now()),
      body: await readBody(response, request.maxBytes),
    };
  } catch (error) {
    if (error instanceof ClientError) throw error;
    const { host } = new URL(request.url);
    if (signal.aborted) {
      const message = `no complete answer from ${host} within ${timeoutMs} ms`;
      throw new ClientError("CLIENT_TIMEOUT", message, { cause: error });
    }
    const message = `${host} cannot be reached: ${reasonOf(error)}`;
    throw new ClientError("CLIENT_UNREACHABLE", message, { cause: error });
  }
}

function initOf({ accept, post }: Exchange): RequestInit {
  const common = { redirect: "manual", credentials: "omit", cache: "no-store" } as const;
  if (post === undefined) return { ...common, method: "GET", headers: { accept } };
  const { mediaType, body, prefer } = post;
  const preferred = prefer === undefined ? {} : { prefer };
  const headers = { accept, "content-type": mediaType, ...preferred };
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
