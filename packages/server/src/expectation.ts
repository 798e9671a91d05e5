import type { IncomingMessage } from "node:http";

import { ServerError } from "./error.js";

const UNMET = new WeakSet<IncomingMessage>();

/** Marks a request that expects what this service does not do, as Node has found. */
export function markUnmet(request: IncomingMessage): void {
  UNMET.add(request);
}

/**
 * Refuses a marked request (RFC 9110 §10.1.1). S1: as a problem.
 *
 * @throws {@link ServerError} `SERVER_EXPECTATION`
 */
export function requireMet(request: IncomingMessage): void {
  if (!UNMET.has(request)) return;
  const mend = "leave the Expect header out, or expect 100-continue";
  throw new ServerError("SERVER_EXPECTATION", mend);
}
