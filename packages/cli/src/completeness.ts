import { encodeHex } from "@tallystick/cose";
import type { CompletenessQuestion, TrustStore, VerifiedCompleteness } from "@tallystick/verifier";

import type { Result } from "./commands/verify.js";
import { CliError } from "./error.js";

interface Asked {
  readonly complete?: true;
  readonly sub?: string;
  readonly iss?: string;
  readonly origin?: string;
  readonly atLeast?: number;
  readonly payload?: string;
  readonly since?: string;
  readonly tlogProof?: string;
}

/**
 * Yields what a completeness proof is asked to show; `undefined` where none is.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function questionOf(asked: Asked): CompletenessQuestion | undefined {
  const { complete, sub, iss, origin, atLeast, payload, since, tlogProof } = asked;
  if (complete !== true) {
    const given = [sub, iss, origin, atLeast].some((one) => one !== undefined);
    if (!given) return undefined;
    throw new CliError("CLI_USAGE", "--sub, --iss, --origin and --at-least go with --complete");
  }
  if ([payload, since, tlogProof].some((one) => one !== undefined)) {
    const message = "--complete goes with none of --payload, --since and --tlog-proof";
    throw new CliError("CLI_USAGE", message);
  }
  const more = {
    ...(atLeast === undefined ? {} : { atLeast }),
    ...(origin === undefined ? {} : { origin }),
  };
  if (sub !== undefined && iss === undefined) return { kind: "subject", value: sub, ...more };
  if (iss !== undefined && sub === undefined) return { kind: "issuer", value: iss, ...more };
  throw new CliError("CLI_USAGE", "--complete wants one of --sub and --iss");
}

/**
 * Refuses a question that any of several logs could answer: a list that is complete on one of them
 * says nothing about the others.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function requireLogNamed(
  question: CompletenessQuestion | undefined,
  { services }: TrustStore,
): void {
  if (question === undefined || question.origin !== undefined || services.length < 2) return;
  const origins = services.map(({ origin }) => origin).join(", ");
  throw new CliError("CLI_USAGE", `--complete wants --origin, one of ${origins}`);
}

/** The last second that a date can tell. */
const MAX_TIME = 8_640_000_000_000;

function timeText(time: number | undefined): string {
  if (time === undefined) return "no time";
  return time > MAX_TIME ? `second ${time}` : new Date(1000 * time).toISOString();
}

/** Yields what is said of a list that is complete. */
export function completenessResult(verified: VerifiedCompleteness): Result {
  const { kind, value, size, root, time, entries, service, headEntryId, steps } = verified;
  const listed = entries.map(({ index, entry }) => ({ index, entryId: encodeHex(entry) }));
  return {
    steps,
    lines: listed.map(({ index, entryId }) => `${index} ${entryId}`),
    conclusion: `complete up to size ${size} of ${service.origin}: as of ${timeText(time)}, statements of this ${kind} ${listed.length}`,
    json: {
      ...{
        kind,
        value,
        size,
        root: encodeHex(root),
        time: time ?? null,
        entries: listed,
        headEntryId,
      },
      ...{ issuer: service.issuer, origin: service.origin },
    },
  };
}
