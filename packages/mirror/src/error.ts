import type { Contradiction } from "@tallystick/receipt";

/**
 * What a log, or a copy of one, shows that it should not. Codes are stable; see docs/errors.md.
 *
 * - `MIRROR_CHECKPOINT_INVALID`: a checkpoint is not of a pinned key, or does not fit the others.
 * - `MIRROR_CONTRADICTION`: two checkpoints of the log cannot both be true; with the evidence.
 * - `MIRROR_NOT_EXTENDED`: the tree is not the one that was seen, without evidence for others.
 * - `MIRROR_NOT_WITNESSED`: the published note lacks the cosignatures that a policy wants.
 * - `MIRROR_STALE`: the tree is an earlier one, or its checkpoint is too old.
 * - `MIRROR_TILE_INVALID`: a tile or bundle does not lead to the signed root.
 * - `MIRROR_BODY_INVALID`: a statement, or what belongs to it, is not what the tree has.
 * - `MIRROR_INCOMPLETE`: something that the checkpoint covers is not there, or longer than it can be.
 * - `MIRROR_STATE_INVALID`: what an earlier run kept cannot be read.
 */
export type MirrorErrorCode =
  | "MIRROR_CHECKPOINT_INVALID"
  | "MIRROR_CONTRADICTION"
  | "MIRROR_NOT_EXTENDED"
  | "MIRROR_NOT_WITNESSED"
  | "MIRROR_STALE"
  | "MIRROR_TILE_INVALID"
  | "MIRROR_BODY_INVALID"
  | "MIRROR_INCOMPLETE"
  | "MIRROR_STATE_INVALID";

/** The one error of this package. */
export class MirrorError extends Error {
  readonly code: MirrorErrorCode;
  /** What convinces others, with `MIRROR_CONTRADICTION`. */
  readonly contradiction: Contradiction | undefined;

  constructor(
    code: MirrorErrorCode,
    message: string,
    {
      contradiction,
      ...options
    }: ErrorOptions & { readonly contradiction?: Contradiction | undefined } = {},
  ) {
    super(message, options);
    this.name = "MirrorError";
    this.code = code;
    this.contradiction = contradiction;
  }
}
