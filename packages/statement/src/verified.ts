import { verifySign1 } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";

import { fromCose } from "./cause.js";
import { StatementError } from "./error.js";
import { identify } from "./identity.js";
import type { Authority, Identified, Identity, IdentityOptions } from "./identity.js";
import { STATEMENT_LABELS } from "./statement.js";
import type { SignedStatement } from "./statement.js";

/** A statement whose issuer signature holds; {@link VerifiedStatement.verify} is the only way to get one. */
export class VerifiedStatement {
  readonly #verified = true;
  readonly statement: SignedStatement;
  /** Who signed, and what vouches for it. */
  readonly identity: Identity;
  /** The key that the signature holds under. */
  readonly key: PublicKey;
  /**
   * The certificates that came unprotected and that the identity rests on, leaf first, in DER: what a
   * later reader needs beside the normalised statement. `undefined` where there are none.
   */
  readonly chain: readonly Uint8Array[] | undefined;

  /** What the authority found in the payload; it alone can tell what it is. */
  readonly finding: object | undefined;

  private constructor(
    statement: SignedStatement,
    { identity, chain }: Identified,
    finding: object | undefined,
  ) {
    this.statement = statement;
    this.identity = identity;
    this.key = identity.key;
    this.chain = chain;
    this.finding = finding;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedStatement {
    return #verified in value;
  }

  /**
   * Verifies the issuer's signature (T4, T17) under the key of the identity that `authority` vouches
   * for. T6: every identifier in the protected header is checked; they have to agree.
   *
   * @throws {@link StatementError} `STATEMENT_PAYLOAD_MISSING` when detached,
   * `STATEMENT_KEY_UNKNOWN`, `STATEMENT_KEY_MISMATCH`, `STATEMENT_CRIT_UNKNOWN`,
   * `STATEMENT_SIGNATURE_INVALID`, `STATEMENT_MALFORMED`, `STATEMENT_DID_INVALID`,
   * `STATEMENT_IDENTIFIER_MISMATCH`, `STATEMENT_CHAIN_MALFORMED`, `STATEMENT_CHAIN_UNTRUSTED`,
   * `STATEMENT_CHAIN_INVALID`, `STATEMENT_CERTIFICATE_MALFORMED`
   */
  static async verify(
    statement: SignedStatement,
    authority: Authority,
    options: IdentityOptions = {},
  ): Promise<VerifiedStatement> {
    if (statement.payload === null) {
      throw new StatementError("STATEMENT_PAYLOAD_MISSING", "payload is detached");
    }
    const identified = await identify(statement, authority, options);
    await verifySignature(statement, identified.identity.key); // T4
    const finding = await authority.examine?.(statement, undefined);
    return new VerifiedStatement(statement, identified, finding);
  }

  /**
   * Verifies the statement by another authority, or at another time, as if for the first time: who
   * signed it is asked again. Only the signature is not verified twice under one key.
   *
   * @throws {@link StatementError} as {@link VerifiedStatement.verify}
   */
  async verifyAgain(
    authority: Authority,
    options: IdentityOptions = {},
  ): Promise<VerifiedStatement> {
    const { statement } = this;
    const identified = await identify(statement, authority, options);
    const { key } = identified.identity;
    const isSame = key.thumbprintHex === this.key.thumbprintHex && key.fits(statement.algorithm);
    if (!isSame) await verifySignature(statement, key);
    const finding = await authority.examine?.(statement, this.finding);
    return new VerifiedStatement(statement, identified, finding);
  }
}

// V1: RFC 9052 §4.4, with the algorithm of the protected header and the issuer's key.
async function verifySignature({ message }: SignedStatement, key: PublicKey): Promise<void> {
  try {
    await verifySign1(message, key, { understood: STATEMENT_LABELS });
  } catch (error) {
    throw fromCose(error);
  }
}
