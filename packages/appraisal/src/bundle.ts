import { CoseError, decodeCborMap, encodeCbor, isCborArray } from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import { AppraisalError } from "./error.js";

/** Value of the member `format`; another value is another format. */
const BUNDLE_FORMAT = "tallystick-bundle/1";

/** Largest bundle, in bytes, and most statements in one. */
export const MAX_BUNDLE_BYTES = 268_435_456;
export const MAX_BUNDLE_STATEMENTS = 10_000;

const KEY = { format: 0, statements: 1, checkpoint: 2, keys: 3 } as const;

/** What travels to where no network is: docs/formats/bundle.md. Nothing in it is trusted. */
export interface Bundle {
  /** Transparent statements. */
  readonly statements: readonly Uint8Array[];
  /** A checkpoint of their log, encoded. */
  readonly checkpoint: Uint8Array;
  /** The trust file that it was made with, for people to compare; pins come from the policy alone. */
  readonly keys: Uint8Array;
}

/** Encodes a bundle. */
export function encodeBundle({ statements, checkpoint, keys }: Bundle): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [KEY.format, BUNDLE_FORMAT],
      [KEY.statements, statements],
      [KEY.checkpoint, checkpoint],
      [KEY.keys, keys],
    ]),
  );
}

/**
 * Decodes a bundle.
 *
 * @throws {@link AppraisalError} `APPRAISAL_BUNDLE_INVALID`
 */
export function decodeBundle(bytes: Uint8Array): Bundle {
  const map = mapOf(bytes);
  const unknown = [...map.keys()].find((key) => !Object.values(KEY).some((one) => one === key));
  if (unknown !== undefined) throw invalid("it has a member that is unknown");
  if (map.get(KEY.format) !== BUNDLE_FORMAT) throw invalid(`its format is not ${BUNDLE_FORMAT}`);
  const statements = map.get(KEY.statements);
  if (statements === undefined || !isCborArray(statements)) throw invalid("it has no statements");
  if (statements.length > MAX_BUNDLE_STATEMENTS) {
    throw invalid(`it has ${statements.length} statements, limit ${MAX_BUNDLE_STATEMENTS}`);
  }
  return {
    statements: statements.map((one) => bytesOf(one, "a statement")),
    checkpoint: bytesOf(map.get(KEY.checkpoint), "the checkpoint"),
    keys: bytesOf(map.get(KEY.keys), "the list of keys"),
  };
}

function mapOf(bytes: Uint8Array): CborMap {
  try {
    return decodeCborMap(bytes, {
      maxBytes: MAX_BUNDLE_BYTES,
      maxItems: 4 * MAX_BUNDLE_STATEMENTS,
    });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(cause.message, { cause });
  }
}

function bytesOf(value: CborValue, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw invalid(`${what} is no byte string`);
}

function invalid(message: string, options?: ErrorOptions): AppraisalError {
  return new AppraisalError("APPRAISAL_BUNDLE_INVALID", `not a bundle: ${message}`, options);
}
