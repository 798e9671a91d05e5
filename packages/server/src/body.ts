import express from "express";
import type { RequestHandler } from "express";

import type { BodyBudget } from "./budget.js";
import { ServerError } from "./error.js";

/** What bounds the bodies that are read. */
export interface BodyLimits {
  /** Largest body, in bytes, asked anew for each request. */
  readonly maxBytes: () => Promise<number>;
  /** What all bodies share. */
  readonly budget: BodyBudget;
}

/**
 * Makes the reader of request bodies: uncompressed, each within its limit, all together within
 * theirs, so that many slow senders cannot fill the memory. Refuses before it reads.
 *
 * @throws {@link ServerError} `SERVER_BUSY`; the parser's own refusals pass through
 */
export function bodyReader(limits: BodyLimits): RequestHandler {
  const { maxBytes, budget } = limits;
  const parsers = new Map<number, RequestHandler>();
  return async (request, response, next) => {
    const limit = await maxBytes();
    const declared = Number(request.headers["content-length"] ?? Number.NaN);
    const bytes = Number.isSafeInteger(declared) ? Math.min(declared, limit) : limit;
    const release = budget.take(bytes);
    if (release === undefined) {
      throw new ServerError("SERVER_BUSY", "too many bodies are under way");
    }
    response.once("close", release);
    let parser = parsers.get(limit);
    if (parser === undefined) {
      parsers.clear();
      parser = express.raw({ type: () => true, limit, inflate: false });
      parsers.set(limit, parser);
    }
    parser(request, response, next);
  };
}
