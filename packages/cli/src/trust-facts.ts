import { createHash } from "node:crypto";

import { PublicKey, formatThumbprint } from "@tallystick/cose";
import type { KeyDocument } from "@tallystick/statement";
import type { Cutoff, TrustStore, TrustedService } from "@tallystick/verifier";

/** One thing that a trust file says, in words that two people can compare. */
export interface TrustFact {
  /** Of whom: a service by issuer and log, or an issuer. */
  readonly of: string;
  readonly what: string;
}

/** Yields all that a trust file says, key by key. */
export function trustFacts(trust: TrustStore): readonly TrustFact[] {
  const { issuersDocument, requireReceipts } = trust;
  const { issuers = [], anchors = [], selfContained = [] } = issuersDocument;
  return [
    ...trust.services.flatMap(serviceFacts),
    ...issuers.flatMap(({ iss, keys }) =>
      keys.map((key) => ({ of: `issuer ${iss}`, what: `thumbprint: ${keyName(key)}` })),
    ),
    ...anchors.map(({ certificate, ...rest }) => ({
      of: "certificate authority",
      what: `sha-256: ${fingerprintOf(certificate)}${termsText(rest)}`,
    })),
    ...selfContained.map((method) => ({ of: "issuers of a DID method", what: method })),
    ...(issuersDocument.acceptsSingleCertificateArray === true
      ? [{ of: "certificates", what: "an x5chain may be an array of one" }]
      : []),
    { of: "services that have to vouch", what: String(requireReceipts) },
  ];
}

/** Yields the keys that a trust file pins, as JSON has them (docs/cli.md). */
export function pinnedOf({
  services,
  issuersDocument,
  requireReceipts,
}: TrustStore): Readonly<Record<string, unknown>> {
  const { issuers } = issuersDocument;
  return {
    services: services.map(({ issuer, origin, keys, note }) => ({
      ...{ issuer, origin },
      thumbprints: keys.map((key) => formatThumbprint(key)),
      noteKey: note?.format() ?? null,
    })),
    issuers:
      issuers?.map(({ iss, keys }) => ({
        issuer: iss,
        thumbprints: keys.map((key) => formatThumbprint(PublicKey.fromJwk(key))),
      })) ?? null,
    requireReceipts,
  };
}

/** Yields what the one says and the other does not, each as a line. */
export function factsBeyond(
  one: readonly TrustFact[],
  other: readonly TrustFact[],
): readonly string[] {
  const known = new Set(other.map(lineOf));
  return one.map(lineOf).filter((line) => !known.has(line));
}

function lineOf({ of, what }: TrustFact): string {
  return `${of}: ${what}`;
}

function serviceFacts({ issuer, origin, keys, cutoffs, note }: TrustedService): TrustFact[] {
  const of = `service ${issuer}, log ${origin}`;
  const facts = keys.map((key, at) => ({
    of,
    what: `thumbprint: ${formatThumbprint(key)}${cutoffText(cutoffs[at])}`,
  }));
  return note === undefined ? facts : [...facts, { of, what: `note key: ${note.format()}` }];
}

function cutoffText(cutoff: Cutoff | undefined): string {
  return cutoff === undefined ? "" : `, which counts up to size ${cutoff.size}`;
}

function keyName({ nbf, exp, revoked, ...jwk }: KeyDocument): string {
  return `${formatThumbprint(PublicKey.fromJwk(jwk))}${termsText({ nbf, exp, revoked })}`;
}

function termsText(terms: object): string {
  const text = JSON.stringify(terms);
  return text === "{}" ? "" : `, ${text}`;
}

function fingerprintOf(certificate: string): string {
  return createHash("sha256").update(Buffer.from(certificate, "base64")).digest("hex");
}
