import {
  CertificatePath,
  isSameName,
  StatementError,
  type Certificate,
  type KeyUsage,
} from "@tallystick/statement";

import { EvidenceError } from "./error.js";

/** What certificates of devices are judged by. */
export interface ChainTrust {
  /** Roots, or whatever stands above the chain, that the caller trusts. */
  readonly anchors: readonly Certificate[];
  /** Seconds since the epoch. */
  readonly time: number;
}

/** What the leaf is for: one of these, where its certificate restricts it. */
export interface LeafUse {
  readonly usages: readonly KeyUsage[];
}

const MAX_LINKS = 8;
const MAX_ANCHORS = 64;

/**
 * Verifies that a chain, leaf first, leads to a pinned anchor (RFC 5280 §6.1). Chains whose keys
 * certify one another and whose names do not are told from others, for devices in the field have
 * them; they are refused as well.
 *
 * @throws {@link EvidenceError} `EVIDENCE_CHAIN_INVALID`, `EVIDENCE_NAMES_UNCHAINED`
 */
export async function verifyChain(
  chain: readonly Certificate[],
  { anchors, time, usages }: ChainTrust & LeafUse,
): Promise<CertificatePath> {
  if (anchors.length > MAX_ANCHORS) throw new TypeError(`${anchors.length} anchors`);
  try {
    return await CertificatePath.verify(chain, anchors, { time, usages });
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    const unchained = await unchainedLink(chain, anchors);
    if (unchained === undefined) {
      throw new EvidenceError("EVIDENCE_CHAIN_INVALID", cause.message, { cause });
    }
    throw new EvidenceError("EVIDENCE_NAMES_UNCHAINED", unchained, { cause });
  }
}

/**
 * Yields the first link whose names do not chain; `undefined` unless every signature up to an anchor
 * holds.
 */
async function unchainedLink(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
): Promise<string | undefined> {
  const last = chain.at(-1);
  if (last === undefined || chain.length > MAX_LINKS) return undefined;
  let anchor: Certificate | undefined;
  for (const one of anchors) anchor ??= (await isSigned(last, one)) ? one : undefined;
  if (anchor === undefined) return undefined;
  const path = [...chain, anchor];
  let unchained: string | undefined;
  for (const [place, certificate] of chain.entries()) {
    const issuer = path[place + 1];
    if (issuer === undefined || !(await isSigned(certificate, issuer))) return undefined;
    if (isSameName(certificate.issuer, issuer.subject)) continue;
    unchained ??= `certificate ${place} (${certificate.label}) names another issuer than ${issuer.label}, whose key signed it`;
  }
  return unchained;
}

async function isSigned(certificate: Certificate, issuer: Certificate): Promise<boolean> {
  try {
    await certificate.verifySignature(issuer);
    return true;
  } catch (error) {
    if (error instanceof StatementError) return false;
    throw error;
  }
}
