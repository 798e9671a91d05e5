/** Why a witness gave no answer that can be used. */
export type NoAnswer = "late" | "unavailable" | "malformed";

/** An answer as it came, within its limits; nothing of it is believed. */
export interface Exchanged {
  readonly status: number;
  /** Media type in lower case, without parameters. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** What an answer may take. */
export interface ExchangeLimits {
  /** From the connection to the last byte of the body. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined;
}

/** What is sent. */
export interface Sent {
  readonly method: "GET" | "POST";
  readonly body?: Uint8Array;
}

/**
 * Asks once and reads the answer whole. Follows no redirect: a witness is where the policy says, and
 * nobody who is asked chooses whom this process talks to. Never rejects.
 */
export async function exchange(
  url: string,
  { method, body }: Sent,
  limits: ExchangeLimits,
): Promise<Exchanged | NoAnswer> {
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort();
  }, limits.timeoutMs);
  const { signal } = limits;
  const stop = (): void => {
    abort.abort();
  };
  signal?.addEventListener("abort", stop);
  if (signal?.aborted === true) stop();
  try {
    const response = await fetch(url, {
      method,
      redirect: "manual",
      // What is compressed could become any size.
      headers: { "accept-encoding": "identity" },
      signal: abort.signal,
      ...(body !== undefined && { body: new Uint8Array(body) }),
    });
    const read = await readUpTo(response, limits.maxBytes);
    if (read === undefined) return "malformed";
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";", 1);
    return { status: response.status, type: type.trim().toLowerCase(), body: read };
  } catch {
    // Refused, reset, no such name, no TLS, broken HTTP: it is not there as far as the log can tell.
    return abort.signal.aborted ? "late" : "unavailable";
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    // Hangs up on whatever is still to come.
    abort.abort();
  }
}

/** Yields the body, `undefined` once it is longer than that. */
async function readUpTo(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body === null) return new Uint8Array();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
