import {
  CLAIM,
  CoseError,
  LABEL,
  decodeBase64url,
  decodeCbor,
  decodeCborMap,
  encodeBase64url,
  encodeHex,
  isCborArray,
  isCborMap,
  parseJson,
} from "@tallystick/cose";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { VerifierError, verifyCheckpoint } from "@tallystick/verifier";
import type { TrustStore } from "@tallystick/verifier";

import { ClientError } from "./error.js";

const FORMAT = "tallystick-seen/1";

/** Logs in one file, far more than a relying party pins. */
const MAX_LOGS = 1024;

/**
 * The newest checkpoint that was seen of each log, kept from one run to the next.
 *
 * Immutable. What it was read from counts under pinned keys alone, so whoever changes the file can make
 * it forget, but not believe.
 */
export class SeenCheckpoints {
  static readonly NONE: SeenCheckpoints = new SeenCheckpoints(new Map(), new Set());
  readonly #newest: ReadonlyMap<string, SignedCheckpoint>;
  // Of keys that are not pinned: they say nothing, and are there when the key is pinned again.
  readonly #unpinned: ReadonlySet<string>;

  private constructor(
    newest: ReadonlyMap<string, SignedCheckpoint>,
    unpinned: ReadonlySet<string>,
  ) {
    this.#newest = newest;
    this.#unpinned = unpinned;
  }

  /**
   * Parses a file that {@link SeenCheckpoints.format} gave; docs/formats/evidence.md describes it. What
   * names a key that is not pinned is kept and counts for nothing.
   *
   * @throws {@link ClientError} `CLIENT_SEEN_INVALID`
   */
  static async parse(file: Uint8Array, trust: TrustStore): Promise<SeenCheckpoints> {
    const newest = new Map<string, SignedCheckpoint>();
    const unpinned = new Set<string>();
    for (const text of checkpointsIn(file)) {
      if (!isPinned(text, trust)) {
        unpinned.add(text);
        continue;
      }
      const signed = await verified(text, trust);
      const name = nameOf(signed);
      const other = newest.get(name);
      if (other !== undefined && encodeHex(other.kid) === encodeHex(signed.kid)) {
        throw invalid("one log is there twice");
      }
      // A log that went from one key to another, as it was kept before that was known.
      if (other === undefined || other.checkpoint.size < signed.checkpoint.size) {
        newest.set(name, signed);
      }
    }
    return new SeenCheckpoints(newest, unpinned);
  }

  /** Yields the newest checkpoint of the log that a checkpoint is of, `undefined` for a log not seen. */
  of(signed: SignedCheckpoint): SignedCheckpoint | undefined {
    return this.#newest.get(nameOf(signed));
  }

  /** Yields what was seen once this checkpoint is the newest of its log. */
  with(signed: SignedCheckpoint): SeenCheckpoints {
    const newest = new Map([...this.#newest, [nameOf(signed), signed]]);
    return new SeenCheckpoints(newest, this.#unpinned);
  }

  /** Yields what either has seen, of a log that both have seen the larger tree. */
  and(other: SeenCheckpoints): SeenCheckpoints {
    const newest = new Map(this.#newest);
    for (const [name, signed] of other.#newest) {
      const own = newest.get(name);
      if (own === undefined || own.checkpoint.size < signed.checkpoint.size) {
        newest.set(name, signed);
      }
    }
    return new SeenCheckpoints(newest, new Set([...this.#unpinned, ...other.#unpinned]));
  }

  format(): string {
    const counted = [...this.#newest.values()].map((signed) => encodeBase64url(signed.encode()));
    const checkpoints = [...counted, ...this.#unpinned];
    return `${JSON.stringify({ format: FORMAT, checkpoints }, undefined, 2)}\n`;
  }
}

// Whatever pinned key a log signs with: a rotation must not make anybody forget what was seen.
function nameOf({ checkpoint: { issuer, origin } }: SignedCheckpoint): string {
  return JSON.stringify([issuer, origin]);
}

/** Yields whether a checkpoint names a key that is pinned for its service. */
function isPinned(text: string, trust: TrustStore): boolean {
  try {
    const parts = decodeCbor(decodeBase64url(text));
    const [, header] = isCborArray(parts) ? parts : [];
    if (!(header instanceof Uint8Array)) throw invalid("a checkpoint is malformed");
    const named = decodeCborMap(header);
    const [kid, claims] = [named.get(LABEL.kid), named.get(LABEL.cwtClaims)];
    const issuer = claims !== undefined && isCborMap(claims) ? claims.get(CLAIM.iss) : undefined;
    if (!(kid instanceof Uint8Array) || typeof issuer !== "string") {
      throw invalid("a checkpoint names no key");
    }
    return trust.resolve(issuer, kid) !== undefined;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(cause.message, { cause });
  }
}

async function verified(text: string, trust: TrustStore): Promise<SignedCheckpoint> {
  try {
    // What was seen before a key was retired is still what the log has to extend.
    return await verifyCheckpoint(decodeBase64url(text), trust, { ignoresCutoffs: true });
  } catch (cause) {
    if (!(cause instanceof VerifierError) && !(cause instanceof CoseError)) throw cause;
    throw invalid(cause.message, { cause });
  }
}

function checkpointsIn(file: Uint8Array): readonly string[] {
  const value = jsonOf(file);
  const isObject = typeof value === "object" && value !== null;
  const { format, checkpoints, ...others }: Record<string, unknown> = isObject ? { ...value } : {};
  const isKnown = format === FORMAT && Object.keys(others).length === 0;
  if (!isKnown || !Array.isArray(checkpoints) || checkpoints.length > MAX_LOGS) {
    throw invalid(`want an object with format ${FORMAT} and checkpoints`);
  }
  return checkpoints.map((text: unknown) => {
    if (typeof text === "string") return text;
    throw invalid("a checkpoint is no text");
  });
}

function jsonOf(file: Uint8Array): unknown {
  try {
    return parseJson(file, { maxBytes: 16_777_216, maxDepth: 3, maxItems: 4 * MAX_LOGS });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(cause.message, { cause });
  }
}

function invalid(message: string, options: ErrorOptions = {}): ClientError {
  return new ClientError("CLIENT_SEEN_INVALID", `checkpoints seen: ${message}`, options);
}
