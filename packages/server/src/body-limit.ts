import { MAX_STATEMENT_BYTES } from "@tallystick/statement";

import type { TransparencyService } from "./service.js";

/** Room in a body for what is not kept: receipts and other unprotected headers. */
const ROOM_BYTES = 65_536;

/** Smallest limit on bodies, so that a policy can always be proposed. */
export const MIN_BODY_BYTES = 1_114_112;

/** Yields the largest body that is taken: the given one, or what the policy in force makes of it. */
export async function maxBodyBytesOf(
  service: TransparencyService,
  given: number | undefined,
): Promise<number> {
  if (given !== undefined) return given;
  const { policy } = await service.policyInForce();
  const { maxStatementBytes } = policy.document;
  return Math.max(Math.min(maxStatementBytes, MAX_STATEMENT_BYTES) + ROOM_BYTES, MIN_BODY_BYTES);
}
