import { ServerError } from "./error.js";
import { json } from "./route.js";
import type { Reply } from "./route.js";
import type { TransparencyService } from "./service.js";

/** When a service counts as ready. */
export interface Readiness {
  /** Oldest newest checkpoint, in seconds; none is too old unless given. */
  readonly maxCheckpointAge?: number | undefined;
  /** Oldest newest quorum of cosignatures, in seconds; none is too old unless given. */
  readonly maxQuorumAge?: number | undefined;
}

/**
 * Whether registrations are taken, for whoever sends them here or elsewhere.
 *
 * @throws {@link ServerError} `SERVER_NOT_READY` with every reason why they are not
 */
export async function readReady(
  service: TransparencyService,
  { maxCheckpointAge = Infinity, maxQuorumAge }: Readiness,
): Promise<Reply> {
  const reasons: string[] = [];
  const standing = service.standing();
  const held = service.witnessing?.held();
  if (standing.kind === "reader") reasons.push(`${standing.code}: ${standing.reason}`);
  else if (service.isStopped()) {
    reasons.push("LOG_UNAVAILABLE: the service is stopping, or its log has stopped");
  }
  // Beside the others: what mends the log does not answer the witnesses.
  if (held !== undefined) reasons.push(`SERVER_HELD: ${held}`);
  const shortage = await service.shortage();
  if (shortage !== undefined) reasons.push(`${shortage.code}: ${shortage.message}`);
  const age = service.checkpointAge();
  if (age > maxCheckpointAge) {
    reasons.push(`the newest checkpoint is ${age} s old, more than ${maxCheckpointAge}`);
  }
  if (maxQuorumAge !== undefined) {
    const quorumAge = service.witnessing?.quorumAge() ?? Infinity;
    if (quorumAge > maxQuorumAge) reasons.push(quorumReason(quorumAge, maxQuorumAge));
  }
  if (reasons.length > 0) throw new ServerError("SERVER_NOT_READY", reasons.join("; "));
  return json({ status: "ready", size: service.size() });
}

function quorumReason(age: number, maxAge: number): string {
  if (age === Infinity) return "no checkpoint has a quorum of cosignatures";
  return `the newest quorum of cosignatures is ${age} s old, more than ${maxAge}`;
}
