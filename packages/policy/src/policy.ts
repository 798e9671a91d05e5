import type { ReviewKey } from "@tallystick/content";
import { digest, encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { keysBehind } from "@tallystick/statement";
import type {
  Authority,
  Certificate,
  Issuer,
  KeyList,
  SelfContainedMethod,
  SignedStatement,
  TrustAnchor,
  VerifiedStatement,
} from "@tallystick/statement";

import { APPROVAL_MEDIA_TYPE } from "./approval.js";
import { POLICY_MEDIA_TYPE, parseDocument } from "./document.js";
import type { PolicyDocument, PolicyParts } from "./document.js";
import { Finding, isAsked, type Questions } from "./finding.js";
import { thumbprintOf } from "./report-signature.js";
import { anchorName } from "./rim-signature.js";
import type { Rule } from "./rule.js";

/** How many policies are kept once they are parsed: those that decide and are proposed meanwhile. */
const MAX_PARSED = 4;

/**
 * A registration policy (T3): who may register what. {@link Policy.parse} is the only way to get
 * one, so a policy that is in hand is well-formed and its rules compile.
 */
export class Policy implements Authority {
  // Owned by parse: by the digest of their bytes, the one asked for last at the end.
  static readonly #parsed = new Map<string, Policy>();
  readonly #operators: KeyList;
  readonly #issuers: KeyList;
  readonly document: PolicyDocument;
  readonly issuers: readonly Issuer[];
  /** Distinct operators that have to sign a change. */
  readonly approvals: number;
  readonly anchors: readonly TrustAnchor[];
  readonly selfContained: ReadonlySet<SelfContainedMethod>;
  readonly acceptsSingleCertificateArray: boolean;
  readonly isSubjectOptional: boolean;
  readonly rules: readonly Rule[];
  /** Keys that checkpoints are signed with while it is in force; `undefined` for the log's first alone. */
  readonly receiptKeys: readonly PublicKey[] | undefined;
  readonly #questions: Questions;

  private constructor(parts: PolicyParts) {
    const { document, operators, issuers, anchors, rules } = parts;
    this.document = document;
    this.receiptKeys = parts.receiptKeys;
    this.issuers = issuers.issuers;
    this.approvals = document.approvals ?? 1;
    this.anchors = anchors;
    this.selfContained = new Set(document.selfContained);
    this.acceptsSingleCertificateArray = document.acceptsSingleCertificateArray ?? false;
    this.isSubjectOptional = document.isSubjectOptional ?? false;
    this.rules = rules;
    this.#questions = {
      reviewKeys: distinctKeys(rules.flatMap(({ reviewKeys }) => reviewKeys)),
      rimAuthorities: {
        keys: distinctKeys(rules.flatMap(({ rimAuthorities }) => rimAuthorities.keys)),
        anchors: distinctAnchors(rules.flatMap(({ rimAuthorities }) => rimAuthorities.anchors)),
      },
      asksForSchema: rules.some(({ asksForSchema }) => asksForSchema),
    };
    this.#operators = operators;
    this.#issuers = issuers;
    Object.freeze(this);
  }

  /**
   * Parses the payload of a policy statement. The same bytes yield the same policy as long as few
   * others have come between: a change is parsed when it is admitted, each time that has to be done
   * again, and when it is followed on the log.
   *
   * @throws {@link PolicyError} `POLICY_MALFORMED`
   */
  static parse(bytes: Uint8Array): Policy {
    const name = encodeHex(digest("sha-256", bytes));
    const policy = Policy.#parsed.get(name) ?? new Policy(parseDocument(bytes));
    Policy.#parsed.delete(name);
    Policy.#parsed.set(name, policy);
    const [oldest = name] = Policy.#parsed.keys();
    if (Policy.#parsed.size > MAX_PARSED) Policy.#parsed.delete(oldest);
    return policy;
  }

  /**
   * Yields the key that a statement must be signed with: an operator's for a policy or an approval,
   * an issuer's for everything else (T7). A key that is both has to be listed as both.
   *
   * A key is found whether or not its terms allow it now: {@link Policy.termRefusals} says that, so
   * that who signed too late is told so, and not that nobody knows the key.
   */
  resolve(statement: SignedStatement): PublicKey | undefined {
    return this.#listFor(statement).keys.resolve(statement);
  }

  /**
   * Yields what rules ask of a payload that takes more than reading it; `undefined`, and nothing is
   * read, where none does.
   */
  async examine(
    statement: SignedStatement,
    before: object | undefined,
  ): Promise<Finding | undefined> {
    const { reviewKeys, rimAuthorities, asksForSchema } = this.#questions;
    const asks = reviewKeys.length > 0 || isAsked(rimAuthorities) || asksForSchema;
    if (!asks || isOperatorStatement(statement)) return undefined;
    return Finding.find(statement, this.#questions, before);
  }

  /**
   * Yields why the terms of keys do not allow a statement at `time`, in seconds since the epoch;
   * empty when they do. A revoked key signs nothing for anybody, whether it is revoked among the
   * issuers or among the operators, and no certificate path leads over it.
   */
  termRefusals({ statement, identity }: VerifiedStatement, time: number): readonly string[] {
    const list = this.#listFor(statement);
    const window = list.windowRefusals(statement.claims.issuer, identity.key, time);
    const revoked = keysBehind(identity).flatMap(({ key, label }) => {
      const of = label === undefined ? "" : ` (the key of ${label})`;
      return this.#revocations(key).map((revocation) => `${revocation}${of}`);
    });
    return [...window, ...revoked].map((reason) => `key: ${reason}`);
  }

  /**
   * Yields why a key, whoever has it listed, may not sign for the issuer at `time`, in seconds since
   * the epoch; empty when its terms are no reason.
   */
  issuerRefusals(issuer: string, key: PublicKey, time: number): readonly string[] {
    return [...this.#issuers.windowRefusals(issuer, key, time), ...this.#revocations(key)];
  }

  #revocations(key: PublicKey): readonly string[] {
    const said = [this.#operators, this.#issuers].flatMap((list) =>
      list.revocationsOf(key).map(({ from, reason }) => {
        const why = reason === undefined ? "" : `, ${reason}`;
        return `revoked from entry ${from} on${why}`;
      }),
    );
    return [...new Set(said)];
  }

  #listFor(statement: SignedStatement): KeyList {
    return isOperatorStatement(statement) ? this.#operators : this.#issuers;
  }
}

/** Yields each key once: two rules may name one with different terms, which are each rule's own. */
function distinctKeys(keys: readonly ReviewKey[]): readonly ReviewKey[] {
  return [...new Map(keys.map((key) => [thumbprintOf(key.key), key])).values()];
}

function distinctAnchors(anchors: readonly Certificate[]): readonly Certificate[] {
  return [...new Map(anchors.map((anchor) => [anchorName(anchor), anchor])).values()];
}

/** Yields whether a statement proposes a policy, judged by its protected content type. */
export function isPolicyStatement(statement: SignedStatement): boolean {
  return statement.contentType === POLICY_MEDIA_TYPE; // T18
}

/** Yields whether a statement approves a proposal, judged by its protected content type. */
export function isApprovalStatement(statement: SignedStatement): boolean {
  return statement.contentType === APPROVAL_MEDIA_TYPE; // T18
}

/** Yields whether a statement is one by which operators change the policy. */
export function isOperatorStatement(statement: SignedStatement): boolean {
  return isPolicyStatement(statement) || isApprovalStatement(statement);
}
