import { LABEL, verifySign1 } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";

import { fromCose } from "./cause.js";
import { StatementError } from "./error.js";
import { STATEMENT_LABELS } from "./statement.js";
import type { SignedStatement } from "./statement.js";

/** Finds the key of a statement's issuer, from protected headers alone (T5). */
export interface KeyResolver {
  /** Yields the key, `undefined` when the issuer has none by that identifier. */
  resolve(statement: SignedStatement): PublicKey | undefined;
}

/** Identifiers that name a certificate; see {@link VerifiedStatement.verify}. */
const CERTIFICATE_LABELS = [LABEL.x5chain, LABEL.x5t, LABEL.x5bag, LABEL.x5u] as const;

/** A statement whose issuer signature holds; {@link VerifiedStatement.verify} is the only way to get one. */
export class VerifiedStatement {
  readonly #verified = true;
  readonly statement: SignedStatement;
  /** The key that the signature holds under. */
  readonly key: PublicKey;

  private constructor(statement: SignedStatement, key: PublicKey) {
    this.statement = statement;
    this.key = key;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedStatement {
    return #verified in value;
  }

  /**
   * Verifies the issuer's signature (T4, T17) under the key that `keys` resolves.
   *
   * T6: every identifier present has to be checked. Certificates are not resolved yet, so a
   * statement that identifies its issuer by one, alone or beside a kid, is refused here.
   *
   * @throws {@link StatementError} `STATEMENT_PAYLOAD_MISSING` when detached,
   * `STATEMENT_KEY_UNKNOWN`, `STATEMENT_KEY_MISMATCH`, `STATEMENT_CRIT_UNKNOWN`,
   * `STATEMENT_SIGNATURE_INVALID`, `STATEMENT_MALFORMED`
   */
  static async verify(statement: SignedStatement, keys: KeyResolver): Promise<VerifiedStatement> {
    if (statement.payload === null) {
      throw new StatementError("STATEMENT_PAYLOAD_MISSING", "payload is detached");
    }
    for (const label of CERTIFICATE_LABELS) {
      if (!statement.message.protectedHeader.has(label)) continue;
      throw new StatementError(
        "STATEMENT_KEY_UNKNOWN",
        `issuer is identified by a certificate (header ${label}), which is not supported`,
      );
    }
    const key = keys.resolve(statement);
    if (key === undefined) {
      throw new StatementError("STATEMENT_KEY_UNKNOWN", "no key for this iss and kid");
    }
    try {
      // V1: RFC 9052 §4.4, with the algorithm of the protected header and the issuer's key.
      await verifySign1(statement.message, key, { understood: STATEMENT_LABELS });
    } catch (error) {
      throw fromCose(error);
    }
    return new VerifiedStatement(statement, key);
  }
}
