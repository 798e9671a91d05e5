import { ServerError } from "./error.js";
import { json } from "./route.js";
import type { Reply } from "./route.js";
import type { TransparencyService } from "./service.js";

/** When a service counts as ready. */
export interface Readiness {
  /** Oldest newest checkpoint, in seconds; none is too old unless given. */
  readonly maxCheckpointAge?: number | undefined;
}

/**
 * Whether registrations are taken, for whoever sends them here or elsewhere.
 *
 * @throws {@link ServerError} `SERVER_NOT_READY` with every reason why they are not
 */
export async function readReady(
  service: TransparencyService,
  { maxCheckpointAge = Infinity }: Readiness,
): Promise<Reply> {
  const reasons: string[] = [];
  const standing = service.standing();
  if (standing.kind === "reader") reasons.push(`${standing.code}: ${standing.reason}`);
  else if (!service.isWritable()) {
    reasons.push("LOG_UNAVAILABLE: the service is stopping, or its log has stopped");
  }
  const shortage = await service.shortage();
  if (shortage !== undefined) reasons.push(`${shortage.code}: ${shortage.message}`);
  const age = service.checkpointAge();
  if (age > maxCheckpointAge) {
    reasons.push(`the newest checkpoint is ${age} s old, more than ${maxCheckpointAge}`);
  }
  if (reasons.length > 0) throw new ServerError("SERVER_NOT_READY", reasons.join("; "));
  return json({ status: "ready", size: service.size() });
}
