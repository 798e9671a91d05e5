import { CoseError, decodeBase64url, encodeBase64url, parseJson } from "@tallystick/cose";
import { HASH_BYTES } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { VerifierError, verifyCheckpoint } from "@tallystick/verifier";
import type { TrustStore } from "@tallystick/verifier";

import type { ChainEnd } from "./chain.js";
import { MirrorError } from "./error.js";

/** How far a log was followed. */
export interface MonitorState {
  /** The newest checkpoint that extended all before it; `undefined` before the first. */
  readonly seen: SignedCheckpoint | undefined;
  /** The checkpoint up to which the chain was followed. */
  readonly chained: ChainEnd | undefined;
  /** Entries that were checked and told of. */
  readonly position: number;
  /** The note that the log published last; `undefined` where nobody has kept it. */
  readonly published?: SeenNote | undefined;
}

/** A note that was published. */
export interface SeenNote extends Pick<ChainEnd, "size"> {
  /** SHA-256 of the record of its size, once the chain was found to have that. */
  readonly digest?: Uint8Array | undefined;
}

const FORMAT = "tallystick-monitor/1";
const MAX_BYTES = 65_536;

/** Where a log is followed from that nobody has followed before. */
export const FRESH_STATE: MonitorState = { seen: undefined, chained: undefined, position: 0 };

/** Formats a state as a file (docs/monitor.md). */
export function formatState({ seen, chained, position, published }: MonitorState): string {
  const members = {
    format: FORMAT,
    seen: seen === undefined ? null : encodeBase64url(seen.encode()),
    chained:
      chained === undefined
        ? null
        : { size: chained.size, digest: encodeBase64url(chained.digest) },
    position,
    ...(published === undefined ? {} : { published: membersOfNote(published) }),
  };
  return `${JSON.stringify(members, undefined, 2)}\n`;
}

function membersOfNote({ size, digest }: SeenNote): Readonly<Record<string, unknown>> {
  return { size, digest: digest === undefined ? null : encodeBase64url(digest) };
}

/**
 * Parses a file that {@link formatState} gave. The checkpoint in it counts under pinned keys alone, and
 * nothing in it says more than that checkpoint covers.
 *
 * @throws {@link MirrorError} `MIRROR_STATE_INVALID`
 */
export async function parseState(file: Uint8Array, trust: TrustStore): Promise<MonitorState> {
  const { format, seen, chained, position, published, ...others } = membersOf(jsonOf(file));
  if (format !== FORMAT || Object.keys(others).length > 0) throw invalid(`want format ${FORMAT}`);
  const signed = seen === null ? undefined : await checkpointOf(seen, trust);
  const end = chained === null ? undefined : chainEndOf(chained);
  const note = published === undefined ? undefined : seenNoteOf(published);
  const size = signed?.checkpoint.size ?? 0;
  const isCovered = [position, end?.size ?? 0, note?.size ?? 0].every((one) => isWithin(one, size));
  if (isCovered && isCount(position)) {
    return { seen: signed, chained: end, position, ...(note && { published: note }) };
  }
  throw invalid("it says more than its checkpoint covers");
}

function chainEndOf(value: unknown): ChainEnd {
  const { size, digest, ...others } = membersOf(value);
  const bytes = typeof digest === "string" ? bytesOf(digest) : new Uint8Array();
  if (isCount(size) && bytes.length === HASH_BYTES && Object.keys(others).length === 0) {
    return { size, digest: bytes };
  }
  throw invalid("the size and digest of a checkpoint are malformed");
}

function seenNoteOf(value: unknown): SeenNote {
  const { size, digest, ...others } = membersOf(value);
  if (digest !== null) return chainEndOf(value);
  if (isCount(size) && Object.keys(others).length === 0) return { size };
  throw invalid("the published note is malformed");
}

async function checkpointOf(value: unknown, trust: TrustStore): Promise<SignedCheckpoint> {
  if (typeof value !== "string") throw invalid("the checkpoint is no text");
  try {
    // What was seen before a key was retired is still what the log has to extend.
    return await verifyCheckpoint(bytesOf(value), trust, { ignoresCutoffs: true });
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    throw invalid(cause.message, { cause });
  }
}

function bytesOf(text: string): Uint8Array {
  return restate(() => decodeBase64url(text));
}

function jsonOf(file: Uint8Array): unknown {
  return restate(() => parseJson(file, { maxBytes: MAX_BYTES, maxDepth: 3, maxItems: 24 }));
}

function restate<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(cause.message, { cause });
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) throw invalid("not an object");
  return { ...value };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isWithin(value: unknown, size: number): boolean {
  return isCount(value) && value <= size;
}

function invalid(message: string, options: ErrorOptions = {}): MirrorError {
  return new MirrorError("MIRROR_STATE_INVALID", `state: ${message}`, options);
}
