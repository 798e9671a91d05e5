import type { PublicKey } from "@tallystick/cose";
import type { Issuer, IssuerKeys, KeyResolver, SignedStatement } from "@tallystick/statement";

import { POLICY_MEDIA_TYPE, parseDocument } from "./document.js";
import type { PolicyDocument, PolicyParts } from "./document.js";

/**
 * A registration policy (T3): who may register what. {@link Policy.parse} is the only way to get
 * one, so a policy that is in hand is well-formed.
 */
export class Policy implements KeyResolver {
  readonly #operators: IssuerKeys;
  readonly #issuers: IssuerKeys;
  readonly document: PolicyDocument;
  readonly issuers: readonly Issuer[];

  private constructor({ document, issuers, operatorKeys, issuerKeys }: PolicyParts) {
    this.document = document;
    this.issuers = issuers;
    this.#operators = operatorKeys;
    this.#issuers = issuerKeys;
    Object.freeze(this);
  }

  /**
   * Parses the payload of a policy statement.
   *
   * @throws PolicyError `POLICY_MALFORMED`
   */
  static parse(bytes: Uint8Array): Policy {
    return new Policy(parseDocument(bytes));
  }

  /**
   * Yields the key that a statement must be signed with: an operator's for a policy, an issuer's
   * for everything else (T7). A key that is both has to be listed as both.
   */
  resolve(statement: SignedStatement): PublicKey | undefined {
    const keys = isPolicyStatement(statement) ? this.#operators : this.#issuers;
    return keys.resolve(statement);
  }
}

/** Yields whether a statement proposes a policy, judged by its protected content type. */
export function isPolicyStatement(statement: SignedStatement): boolean {
  return statement.contentType === POLICY_MEDIA_TYPE;
}
