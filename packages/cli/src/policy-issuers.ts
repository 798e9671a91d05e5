import { PublicKey, encodeHex } from "@tallystick/cose";
import type { PolicyDocument } from "@tallystick/policy";
import type { IssuerDocument, KeyDocument, RevocationDocument } from "@tallystick/statement";
import type { TrustedIssuersDocument } from "@tallystick/verifier";

/** Which policy it is, and of which log. */
export interface PolicyPosition {
  readonly origin: string;
  /** Index of the entry that put it in force. */
  readonly index: number;
}

/**
 * Yields what a trust file says of issuers that believes whom a policy admits; nothing where the
 * first policy of a log admits nobody yet. A later one that admits nobody says that nobody is to be
 * believed.
 */
export function trustedIssuers(
  document: PolicyDocument,
  { origin, index }: PolicyPosition,
): TrustedIssuersDocument {
  const { issuers, anchors = [], selfContained = [], acceptsSingleCertificateArray } = document;
  const isOpen = issuers.length + anchors.length + selfContained.length > 0;
  if (!isOpen && index === 0) return {};
  return {
    issuers: withLostKeys(document).map(({ iss, keys }) => ({
      iss,
      keys: keys.map(({ revoked, ...key }) =>
        revoked === undefined ? key : { ...key, revoked: { ...revoked, origin } },
      ),
    })),
    ...(anchors.length === 0 ? {} : { anchors }),
    ...(selfContained.length === 0 ? {} : { selfContained }),
    ...(acceptsSingleCertificateArray === true ? { acceptsSingleCertificateArray } : {}),
  };
}

// A key that operators lost is lost for issuers too, and in certificates and DIDs.
function withLostKeys({ issuers, operators }: PolicyDocument): readonly IssuerDocument[] {
  const lost = operators.flatMap(({ iss, keys }) =>
    keys.flatMap((key) => (key.revoked === undefined ? [] : [{ iss, key, of: key.revoked }])),
  );
  if (lost.length === 0) return issuers;
  const revocations = new Map<string, RevocationDocument>(
    lost.map(({ key, of }) => [thumbprintOf(key), of]),
  );
  const listed = new Set(issuers.flatMap(({ keys }) => keys.map(thumbprintOf)));
  const byIssuer = new Map<string, readonly KeyDocument[]>(
    issuers.map(({ iss, keys }) => [
      iss,
      keys.map((key) => revokedBy(key, revocations.get(thumbprintOf(key)))),
    ]),
  );
  for (const { iss, key } of lost) {
    if (listed.has(thumbprintOf(key))) continue;
    byIssuer.set(iss, [...(byIssuer.get(iss) ?? []), key]);
  }
  return [...byIssuer].map(([iss, keys]) => ({ iss, keys }));
}

function revokedBy(key: KeyDocument, other: RevocationDocument | undefined): KeyDocument {
  if (other === undefined) return key;
  return { ...key, revoked: key.revoked && key.revoked.from < other.from ? key.revoked : other };
}

function thumbprintOf(key: KeyDocument): string {
  return encodeHex(PublicKey.fromJwk(key).thumbprint());
}
