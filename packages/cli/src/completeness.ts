import { encodeHex } from "@tallystick/cose";
import type { CompletenessQuestion, VerifiedCompleteness } from "@tallystick/verifier";

import type { Result } from "./commands/verify.js";
import { CliError } from "./error.js";

interface Asked {
  readonly complete?: true;
  readonly sub?: string;
  readonly iss?: string;
  readonly atLeast?: number;
  readonly payload?: string;
  readonly since?: string;
}

/**
 * Yields what a completeness proof is asked to show; `undefined` where none is.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function questionOf(asked: Asked): CompletenessQuestion | undefined {
  const { complete, sub, iss, atLeast, payload, since } = asked;
  if (complete !== true) {
    if (sub === undefined && iss === undefined && atLeast === undefined) return undefined;
    throw new CliError("CLI_USAGE", "--sub, --iss and --at-least go with --complete");
  }
  if (payload !== undefined || since !== undefined) {
    throw new CliError("CLI_USAGE", "--complete goes with neither --payload nor --since");
  }
  const least = atLeast === undefined ? {} : { atLeast };
  if (sub !== undefined && iss === undefined) return { kind: "subject", value: sub, ...least };
  if (iss !== undefined && sub === undefined) return { kind: "issuer", value: iss, ...least };
  throw new CliError("CLI_USAGE", "--complete wants one of --sub and --iss");
}

/** Yields what is said of a list that is complete. */
export function completenessResult(verified: VerifiedCompleteness): Result {
  const { kind, value, size, root, entries, service, headEntryId, steps } = verified;
  const listed = entries.map(({ index, entry }) => ({ index, entryId: encodeHex(entry) }));
  return {
    steps,
    lines: listed.map(({ index, entryId }) => `${index} ${entryId}`),
    conclusion: `complete up to size ${size} of ${service.origin}: statements of this ${kind} ${listed.length}`,
    json: {
      ...{ kind, value, size, root: encodeHex(root), entries: listed, headEntryId },
      ...{ issuer: service.issuer, origin: service.origin },
    },
  };
}
