import { PublicKey, encodeHex } from "@tallystick/cose";
import { Admission, PolicyError, PolicyState, isOperatorStatement } from "@tallystick/policy";
import type { Policy } from "@tallystick/policy";
import { StatementError, VerifiedStatement, keysBehind } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

import { isSame } from "./collateral.js";
import type { Collateral } from "./collateral.js";
import type { ReadEntry } from "./entry.js";
import { AuditorError } from "./error.js";
import type { AuditorErrorCode, Whereabouts } from "./error.js";

/** That the entries of a key from one index on are disowned, said by a policy at another. */
export interface Revocation {
  /** Thumbprint, in hexadecimal. */
  readonly key: string;
  readonly from: number;
  /** Index of the entry that put the policy in force; entries behind it are refused anyway. */
  readonly at: number;
}

/** A decision that was made again, and came out as recorded. */
export interface Decided {
  readonly admission: Admission;
  /**
   * Thumbprints of the keys that the identity rests on, in hexadecimal, a space between two: the
   * signer's, and with a certificate path those of its authorities.
   */
  readonly signer: string;
}

/** What verification came to; the first statement is verified with its admission. */
export type Verified = VerifiedStatement | Admission;

/** The policies of a log, entry after entry, and every decision under them made again. */
export class PolicyHistory {
  // Owned by advance.
  #state: PolicyState | undefined;
  readonly #controls: ReadEntry[] = [];
  // Owned by advance; by key and first index, the newest policy that says so.
  readonly #revocations = new Map<string, Revocation>();
  #count = 0;
  // Owned by advance; what each policy names, from the entry that put it in force on.
  readonly #named: { readonly index: number; readonly kids: ReadonlySet<string> | undefined }[] =
    [];

  /** Policies that came into force. */
  get count(): number {
    return this.#count;
  }

  /** The control entries so far. */
  get controls(): readonly ReadEntry[] {
    return this.#controls;
  }

  get revocations(): readonly Revocation[] {
    return [...this.#revocations.values()];
  }

  /**
   * Yields whether a receipt key may have signed the checkpoint of a size, by its thumbprint: it is named
   * where the last entry was decided on, and after that entry. Where a policy names none, `first` is.
   */
  names(kid: Uint8Array, size: number, first: Uint8Array): boolean {
    return [Math.max(size - 1, 1), size].every((end) => {
      const kids = this.#named.findLast(({ index }) => index < end)?.kids;
      return (kids ?? new Set([encodeHex(first)])).has(encodeHex(kid));
    });
  }

  /**
   * Verifies the statement of an entry under the policy in force: who signed it is who the policy,
   * its anchors and the recorded certificates say, at the recorded time.
   *
   * @throws {@link AuditorError} `AUDITOR_STATEMENT_UNVERIFIED`, `AUDITOR_DECISION_DIFFERS`
   */
  async verify({ index, statement, collateral }: ReadEntry): Promise<Verified> {
    const { time, chain } = collateral;
    const where = { index, entryId: statement.entryId };
    const state = this.#state;
    return attempt<Verified>(where, () =>
      state === undefined
        ? Admission.bootstrap(statement, time)
        : VerifiedStatement.verify(statement, state.inForce.policy, {
            time,
            ...(chain === undefined ? {} : { chain }),
          }),
    );
  }

  /**
   * Decides on a verified entry again.
   *
   * @throws {@link AuditorError} `AUDITOR_POLICY_MISMATCH`, `AUDITOR_COLLATERAL_MALFORMED`,
   * `AUDITOR_DECISION_DIFFERS`
   */
  async decide(entry: ReadEntry, verified: Verified): Promise<Decided> {
    const { index, statement, collateral } = entry;
    const where = { index, entryId: statement.entryId };
    this.#requirePolicy(collateral, where);
    // T13: from the statement, what was recorded beside it, and the policy then in force alone.
    const admission = await attempt(where, () => this.#admit(verified, collateral.time));
    requireChain(admission.chain, collateral.chain, where);
    return { admission, signer: signerOf(statement, verified) };
  }

  /** Goes on to the state after an entry that was decided on. */
  advance(entry: ReadEntry, { admission }: Decided): void {
    if (!admission.isControl) return;
    const before = this.#state?.inForce.policy;
    this.#state = this.#state?.next(admission, entry.index) ?? PolicyState.genesis(admission);
    this.#controls.push(entry);
    const { policy } = this.#state.inForce;
    if (policy === before) return;
    this.#count++;
    const { receiptKeys } = policy;
    this.#named.push({
      index: entry.index,
      kids: receiptKeys && new Set(receiptKeys.map((key) => key.thumbprintHex)),
    });
    for (const revocation of revocationsIn(policy, entry.index)) {
      this.#revocations.set(`${revocation.from} ${revocation.key}`, revocation);
    }
  }

  #admit(verified: Verified, time: number): Admission {
    if (Admission.is(verified)) return verified;
    const state = this.#state;
    if (state === undefined)
      throw new TypeError("only the first entry is verified without a state");
    return Admission.admit(verified, state, time);
  }

  #requirePolicy({ policy }: Collateral, where: Whereabouts): void {
    const inForce = this.#state?.inForce.entry ?? null;
    const isRight =
      policy === null || inForce === null ? policy === inForce : isSame(policy, inForce);
    if (isRight) return;
    const [recorded, right] = [policy, inForce].map((one) =>
      one === null ? "none" : encodeHex(one),
    );
    const reason = `records the policy ${recorded ?? ""}, in force was ${right ?? ""}`;
    throw new AuditorError("AUDITOR_POLICY_MISMATCH", reason, where);
  }
}

/** Yields whether an entry is one that later decisions depend on, by its protected headers. */
export function isControlEntry({ statement, index }: ReadEntry): boolean {
  return index === 0 || isOperatorStatement(statement);
}

// What the collateral has beside what the decision rests on was recorded by nobody.
function requireChain(
  used: readonly Uint8Array[] | undefined,
  recorded: readonly Uint8Array[] | undefined,
  where: Whereabouts,
): void {
  const isRight =
    used?.length === recorded?.length &&
    (used ?? []).every((der, i) => isSame(der, recorded?.[i] ?? new Uint8Array()));
  if (isRight) return;
  const reason = "records other certificates than its signature rests on";
  throw new AuditorError("AUDITOR_COLLATERAL_MALFORMED", reason, where);
}

async function attempt<T>(where: Whereabouts, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const code = codeFor(cause);
    if (code === undefined || !(cause instanceof Error)) throw cause;
    throw new AuditorError(code, cause.message, { ...where, cause });
  }
}

function codeFor(error: unknown): AuditorErrorCode | undefined {
  if (error instanceof PolicyError) return "AUDITOR_DECISION_DIFFERS";
  return error instanceof StatementError ? "AUDITOR_STATEMENT_UNVERIFIED" : undefined;
}

/** Yields whose entry it is, as far as a revocation can tell; see {@link Decided}. */
function signerOf(statement: SignedStatement, verified: Verified): string {
  if (VerifiedStatement.is(verified)) {
    return keysBehind(verified.identity)
      .map(({ key }) => key.thumbprintHex)
      .join(" ");
  }
  const policy = verified.change?.kind === "proposal" ? verified.change.policy : undefined;
  const key = policy?.resolve(statement);
  return key?.thumbprintHex ?? "";
}

function revocationsIn({ document }: Policy, at: number): readonly Revocation[] {
  return [...document.operators, ...document.issuers].flatMap(({ keys }) =>
    keys.flatMap((jwk) =>
      jwk.revoked === undefined
        ? []
        : [{ key: PublicKey.fromJwk(jwk).thumbprintHex, from: jwk.revoked.from, at }],
    ),
  );
}
