import { formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { KeyList, formatInstant, keysBehind } from "@tallystick/statement";
import type {
  Authority,
  RevocationDocument,
  SelfContainedMethod,
  SignedStatement,
  TermedIssuer,
  TrustAnchor,
  VerifiedStatement,
} from "@tallystick/statement";

import { VerifierError } from "./error.js";
import { reader } from "./reader.js";

/** What a trust file says of issuers. */
export interface TrustedIssuersParts {
  readonly issuers: readonly TermedIssuer[];
  readonly anchors: readonly TrustAnchor[];
  readonly selfContained: readonly SelfContainedMethod[];
  readonly acceptsSingleCertificateArray: boolean;
}

/** A receipt that holds, as far as the terms of keys are about it. */
export interface Placement {
  readonly origin: string;
  /** `undefined` where no signature covers it. */
  readonly index: number | undefined;
}

/** What the terms of a key are held against. */
export interface TermFacts {
  /** Seconds since the epoch; `undefined` where no receipt that holds says when it was issued. */
  readonly time: number | undefined;
  readonly placements: readonly Placement[];
}

/** Who may sign statements, as a relying party sees it: the {@link Authority} of a trust file. */
export class TrustedIssuers implements Authority {
  readonly #keys: KeyList;
  readonly anchors: readonly TrustAnchor[];
  readonly selfContained: ReadonlySet<SelfContainedMethod>;
  readonly acceptsSingleCertificateArray: boolean;

  /** @throws {@link VerifierError} `VERIFIER_TRUST_MALFORMED` */
  constructor(parts: TrustedIssuersParts) {
    this.#keys = new KeyList(parts.issuers, "issuers", reader);
    this.anchors = parts.anchors;
    this.selfContained = new Set(parts.selfContained);
    this.acceptsSingleCertificateArray = parts.acceptsSingleCertificateArray;
    Object.freeze(this);
  }

  resolve(statement: SignedStatement): PublicKey | undefined {
    return this.#keys.keys.resolve(statement);
  }

  /**
   * Yields the statement once the terms of the key that signed it allow it: its `nbf` and `exp` at
   * the time of the receipts, and its revocation by where the log has the statement. A revoked key
   * is so under whatever `iss`, in a DID and in every certificate of the path.
   *
   * @throws {@link VerifierError} `VERIFIER_KEY_OUT_OF_TERM`, `VERIFIER_KEY_REVOKED`
   */
  requireTerms(verified: VerifiedStatement, { time, placements }: TermFacts): VerifiedStatement {
    const { key, identity, statement } = verified;
    const { issuer } = statement.claims;
    const name = nameOf(key);
    if (time === undefined && this.#keys.hasWindow(issuer, key)) {
      throw outOfTerm(
        `${name}: no receipt that holds says when it was issued, so nbf and exp cannot be judged`,
      );
    }
    const [refusal] = time === undefined ? [] : this.#keys.windowRefusals(issuer, key, time);
    if (refusal !== undefined && time !== undefined) {
      throw outOfTerm(`${name}: ${refusal}, and the receipt is of ${formatInstant(time)}`);
    }
    for (const behind of keysBehind(identity)) {
      const of = behind.label === undefined ? "" : ` of ${behind.label}`;
      for (const revocation of this.#keys.revocationsOf(behind.key)) {
        requireBefore(revocation, placements, `${nameOf(behind.key)}${of}`);
      }
    }
    return verified;
  }
}

function nameOf(key: PublicKey): string {
  return `key ${formatThumbprint(key)}`;
}

// The log has an entry once, so its first place is its only one.
function requireBefore(
  { from, reason, origin }: RevocationDocument,
  placements: readonly Placement[],
  name: string,
): void {
  const indexes = placements
    .filter((placement) => placement.origin === origin)
    .flatMap(({ index }) => (index === undefined ? [] : [index]));
  const why = reason === undefined ? "" : ` (${reason})`;
  const said = `${name} is revoked from entry ${from} of ${origin ?? "the log"} on${why}`;
  if (indexes.length === 0) {
    throw revoked(`${said}, and no receipt of that log says at which index the statement is`);
  }
  const index = Math.min(...indexes);
  if (index >= from) throw revoked(`${said}, and the statement is entry ${index}`);
}

function outOfTerm(message: string): VerifierError {
  return new VerifierError("VERIFIER_KEY_OUT_OF_TERM", message);
}

function revoked(message: string): VerifierError {
  return new VerifierError("VERIFIER_KEY_REVOKED", message);
}
