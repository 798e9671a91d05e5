import { CoseError, decodeCborMap, decodeHex, encodeCbor } from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";
import {
  PolicyError,
  isApprovalStatement,
  isPolicyStatement,
  parseApproval,
} from "@tallystick/policy";
import { MAX_STATEMENT_BYTES, SignedStatement, StatementError } from "@tallystick/statement";

import { idOf } from "./bundle.js";
import { MirrorError } from "./error.js";
import type { CheckedReader } from "./read-path.js";
import { isSame } from "./same.js";

/** Certificates, a time and a digest; a chain has 131,072 bytes at most. */
const MAX_COLLATERAL_BYTES = 262_144;

/**
 * Reads the statement of an entry, with all that the read path has of it: the statement is the one that
 * the tree has, its collateral has the one encoding, and a policy is what the statement proposes.
 *
 * The tree does not cover collateral: what is in it is for an audit to judge.
 *
 * @throws {@link MirrorError} `MIRROR_BODY_INVALID`, `MIRROR_INCOMPLETE`; what the source throws
 */
export async function readBody(reader: CheckedReader, entry: Uint8Array): Promise<SignedStatement> {
  const statement = await readStatement(reader, entry);
  const id = idOf(entry);
  await reader.read({
    ...{ path: `entries/${id}/collateral`, maxBytes: MAX_COLLATERAL_BYTES },
    check: (bytes) => {
      requireCollateral(bytes, id);
    },
  });
  if (isPolicyStatement(statement)) {
    const { payload } = statement;
    await reader.read(wantedPolicy(id, payload ?? new Uint8Array()));
  } else if (isApprovalStatement(statement)) {
    const payload = await approved(reader, statement);
    // An approval that no policy came into force with has none.
    if (payload !== undefined) await reader.find(wantedPolicy(id, payload));
  }
  return statement;
}

/**
 * Reads the statement of an entry alone: the one that the tree has.
 *
 * @throws {@link MirrorError} `MIRROR_BODY_INVALID`, `MIRROR_INCOMPLETE`; what the source throws
 */
export function readStatement(reader: CheckedReader, entry: Uint8Array): Promise<SignedStatement> {
  const id = idOf(entry);
  return reader.read({
    ...{ path: `statements/${id}`, maxBytes: MAX_STATEMENT_BYTES },
    check: (bytes) => {
      if (!isSame(sha256(bytes), entry)) throw invalid(`statement ${id} is another one`);
      return decoded(bytes, id);
    },
  });
}

function decoded(bytes: Uint8Array, id: string): SignedStatement {
  try {
    const statement = SignedStatement.decode(bytes, { isSubjectOptional: true });
    if (isSame(statement.normalised, bytes)) return statement;
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw invalid(`statement ${id}: ${cause.message}`, { cause });
  }
  throw invalid(`statement ${id} is not in its normalised form`);
}

function requireCollateral(bytes: Uint8Array, id: string): void {
  try {
    if (isSame(encodeCbor(decodeCborMap(bytes)), bytes)) return;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(`collateral of ${id}: ${cause.message}`, { cause });
  }
  throw invalid(`collateral of ${id} is not in the one encoding`);
}

function wantedPolicy(
  id: string,
  payload: Uint8Array,
): { path: string; maxBytes: number; check: (bytes: Uint8Array) => void } {
  return {
    ...{ path: `policies/${id}`, maxBytes: MAX_STATEMENT_BYTES },
    check: (bytes) => {
      if (!isSame(bytes, payload)) throw invalid(`policy ${id} is not the one that was signed`);
    },
  };
}

/** Yields the policy that an approval is of, `undefined` where it names none. */
async function approved(
  reader: CheckedReader,
  { payload }: SignedStatement,
): Promise<Uint8Array | undefined> {
  try {
    const { proposal } = parseApproval(payload ?? new Uint8Array());
    const entry = decodeHex(proposal);
    return (await readStatement(reader, entry)).payload ?? undefined;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return undefined;
  }
}

function invalid(message: string, options: ErrorOptions = {}): MirrorError {
  return new MirrorError("MIRROR_BODY_INVALID", message, options);
}
