import express from "express";
import type { RequestHandler } from "express";

import { ServerError } from "./error.js";

/** Bytes of request bodies that the process holds at once, over all connections. */
const MAX_BYTES_IN_FLIGHT = 268_435_456;

/** What bounds the bodies that are read. */
export interface BodyLimits {
  /** Largest body, in bytes, asked anew for each request. */
  readonly maxBytes: () => Promise<number>;
  /** Largest sum of the bodies under way, in bytes. */
  readonly maxBytesInFlight?: number;
}

/**
 * Makes the reader of request bodies: uncompressed, each within its limit, all together within
 * theirs, so that many slow senders cannot fill the memory. Refuses before it reads.
 *
 * @throws {@link ServerError} `SERVER_BUSY`; the parser's own refusals pass through
 */
export function bodyReader(limits: BodyLimits): RequestHandler {
  const { maxBytes, maxBytesInFlight = MAX_BYTES_IN_FLIGHT } = limits;
  // Owned by this reader: what the requests under way may still send or have sent.
  let inFlight = 0;
  const parsers = new Map<number, RequestHandler>();
  return async (request, response, next) => {
    const limit = await maxBytes();
    const declared = Number(request.headers["content-length"] ?? Number.NaN);
    const bytes = Number.isSafeInteger(declared) ? Math.min(declared, limit) : limit;
    if (inFlight + bytes > maxBytesInFlight) {
      throw new ServerError("SERVER_BUSY", "too many bodies are under way");
    }
    inFlight += bytes;
    response.once("close", () => {
      inFlight -= bytes;
    });
    let parser = parsers.get(limit);
    if (parser === undefined) {
      parsers.clear();
      parser = express.raw({ type: () => true, limit, inflate: false });
      parsers.set(limit, parser);
    }
    parser(request, response, next);
  };
}
