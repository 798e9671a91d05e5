import { encodeHex } from "@tallystick/cose";

import { Edge } from "../edge.js";
import type { Submission } from "../pool.js";
import { Recount } from "../recount.js";
import { buildRound, type Round } from "../round.js";
import { range, request } from "./bench.js";

/** Yields the submission that {@link request} becomes. */
export function submissionFor(n: number | string, options: Partial<Submission> = {}): Submission {
  const { entry, body, collateral } = request(n);
  const unconditional = { isControl: false, precondition: undefined, admittedAt: undefined };
  return { entry, body, collateral, ...unconditional, ...options };
}

/** Yields what the sequencer hands to the writer for {@link request}. */
export function acceptedFor(
  n: number | string,
  options: Partial<Submission> = {},
): { readonly id: string; readonly submission: Submission } {
  const submission = submissionFor(n, options);
  return { id: encodeHex(submission.entry), submission };
}

/** A tree of `size` entries, `request(0)` on, as both computations see it. */
export interface Grown {
  readonly edge: Edge;
  readonly recount: Recount;
}

/** Yields the tree of the first `size` entries, grown in one round. */
export function growTo(size: number): Grown {
  if (size === 0) return { edge: Edge.empty(), recount: Recount.seed(0, []) };
  return grow(growTo(0), range(0, size));
}

/** Yields the tree that a round over these entries makes of `before`. */
export function grow({ edge, recount }: Grown, entries: readonly number[]): Grown {
  const round = roundOf(edge, entries);
  return { edge: round.after, recount: recount.count(round, digestsOf(entries)).next };
}

/** Yields the round that appends these entries. */
export function roundOf(edge: Edge, entries: readonly number[]): Round {
  return buildRound(
    edge,
    entries.map((n) => submissionFor(n)),
  );
}

/** Yields the digests of ingress of these entries. */
export function digestsOf(entries: readonly number[]): readonly Uint8Array[] {
  return entries.map((n) => request(n).entry);
}
