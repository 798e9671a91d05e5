import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

import type { Reply } from "./route.js";

/** Yields the strong entity tag of a body (RFC 9110 §8.8.3): what the bytes are, and nothing else. */
export function etagOf(body: Uint8Array): string {
  return `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}

/**
 * Yields what a request is answered with that may have the body already: a 304 without it where
 * `If-None-Match` lists its tag (RFC 9110 §13.1.2), else the reply as it is.
 */
export function conditional({ method, headers }: IncomingMessage, reply: Reply): Reply {
  const { "if-none-match": known } = headers;
  const { etag } = reply.headers;
  const isRead = method === "GET" || method === "HEAD";
  if (known === undefined || etag === undefined || !isRead || reply.status !== 200) return reply;
  if (known.trim() !== "*" && !tagsIn(known).includes(etag)) return reply;
  const headersLeft = Object.entries(reply.headers).filter(([name]) => name !== "content-type");
  return { status: 304, headers: Object.fromEntries(headersLeft), body: new Uint8Array() };
}

// Compared weakly, as the clause wants: a proxy may have marked a tag as weak.
function tagsIn(list: string): readonly string[] {
  return [...list.matchAll(/(?:W\/)?("[^"]*")/g)].map(([, tag = ""]) => tag);
}
