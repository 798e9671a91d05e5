import { SignedStatement, StatementError } from "@tallystick/statement";

import { decodeCollateral, isSame } from "./collateral.js";
import type { Collateral } from "./collateral.js";
import { AuditorError } from "./error.js";
import type { SourceEntry } from "./source.js";

/** An entry, decoded strictly, with its index. */
export interface ReadEntry {
  readonly index: number;
  readonly statement: SignedStatement;
  readonly collateral: Collateral;
  /** As it came. */
  readonly source: SourceEntry;
}

/**
 * Decodes an entry: the statement is in its normalised form, and so its own digest is what the tree
 * has to have at the index.
 *
 * @throws {@link AuditorError} `AUDITOR_STATEMENT_MISMATCH`, `AUDITOR_COLLATERAL_MALFORMED`
 */
export function readEntry(source: SourceEntry, index: number): ReadEntry {
  const { statement, collateral } = source;
  const decoded = decodeStatement(statement, index);
  const where = { index, entryId: decoded.entryId };
  if (!isSame(decoded.normalised, statement)) {
    const reason = "the statement is not in its normalised form";
    throw new AuditorError("AUDITOR_STATEMENT_MISMATCH", reason, where);
  }
  return {
    index,
    statement: decoded,
    collateral: decodeCollateral(collateral, where),
    source,
  };
}

/** Yields the bytes of an entry. */
export function bytesOf({ source: { statement, collateral } }: ReadEntry): number {
  return statement.length + collateral.length;
}

function decodeStatement(bytes: Uint8Array, index: number): SignedStatement {
  try {
    // Whether a subject is needed is for the policy to say.
    return SignedStatement.decode(bytes, { isSubjectOptional: true });
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new AuditorError("AUDITOR_STATEMENT_MISMATCH", cause.message, { index, cause });
  }
}
