import { PublicKey, encodeHex } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import type { Policy } from "@tallystick/policy";

import { CliError } from "./error.js";

/** The policy that is in force, as far as a proposal needs it. */
export interface CurrentPolicy {
  readonly policy: Policy;
  readonly entryId: string;
}

/** An issuer's key that is to be admitted. */
export interface IssuerKey {
  readonly iss: string;
  readonly key: PublicKey;
}

/** Yields whether the policy lists the key for the issuer, on whatever terms. */
export function isListed({ policy }: CurrentPolicy, { iss, key }: IssuerKey): boolean {
  const issuer = policy.issuers.find((known) => known.iss === iss);
  return issuer?.keys.some((known) => isSameKey(known, key)) ?? false;
}

/** Yields why the terms in the policy keep the issuer from signing with the key at `time`. */
export function termRefusals(
  { policy }: CurrentPolicy,
  { iss, key }: IssuerKey,
  time: number,
): readonly string[] {
  return policy.issuerRefusals(iss, key, time);
}

/**
 * Signs the policy that follows the one in force and admits the key too.
 *
 * @throws {@link CliError} `CLI_OPERATOR_UNKNOWN`
 */
export function signProposal(
  { policy, entryId }: CurrentPolicy,
  addition: IssuerKey,
  { operator, issuedAt }: { readonly operator: Signer; readonly issuedAt: number },
): Promise<Uint8Array> {
  const next = withIssuerKey(policy.document, entryId, addition);
  return signPolicy(next, { issuer: operatorOf(policy, operator), issuedAt }, operator);
}

/**
 * Yields the `iss` of the operator that has the key.
 *
 * @throws {@link CliError} `CLI_OPERATOR_UNKNOWN`
 */
export function operatorOf({ document }: Policy, { publicKey }: Signer): string {
  const found = document.operators.find(({ keys }) =>
    keys.some((jwk) => isSameKey(PublicKey.fromJwk(jwk), publicKey)),
  );
  if (found !== undefined) return found.iss;
  throw new CliError(
    "CLI_OPERATOR_UNKNOWN",
    "the key is not that of an operator in the policy in force",
  );
}

// A statement names its key by kid, so one key under two kids counts as two.
function isSameKey(a: PublicKey, b: PublicKey): boolean {
  return nameOf(a) === nameOf(b);
}

function nameOf(key: PublicKey): string {
  return `${encodeHex(key.kid)} ${encodeHex(key.thumbprint())}`;
}
