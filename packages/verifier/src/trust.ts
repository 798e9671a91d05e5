import { CoseError, encodeHex, parseJson } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { VDS } from "@tallystick/receipt";
import {
  anchorsOf,
  issuerDocument,
  issuersOf,
  publicKeyOf,
  selfContainedOf,
} from "@tallystick/statement";
import type {
  AnchorDocument,
  IssuerDocument,
  Members,
  RevocationDocument,
  SelfContainedMethod,
  TermedIssuer,
} from "@tallystick/statement";
import { TlogError, VerifierKey } from "@tallystick/tlog";

import { cutoffOf, requireWithin } from "./cutoff.js";
import type { Cutoff, SignedTree } from "./cutoff.js";
import { TrustedIssuers } from "./issuers.js";
import { malformed, reader } from "./reader.js";

/** A transparency service whose receipts count. */
export interface TrustedService {
  /** `iss` of its receipts. */
  readonly issuer: string;
  /** `sub` of its receipts: the log's name. */
  readonly origin: string;
  readonly keys: readonly PublicKey[];
  /** How far each of its keys counts, `undefined` for one that is not retired. */
  readonly cutoffs: readonly (Cutoff | undefined)[];
  /** Verifiable data structure that the keys sign for; 1 unless the file says otherwise. */
  readonly vds: number;
  /** What its notes verify under (C2SP signed-note); no notes count unless the file has it. */
  readonly note: VerifierKey | undefined;
}

/** What a trust file says of issuers, in canonical form; docs/formats/trust.md describes each member. */
export interface TrustedIssuersDocument {
  readonly issuers?: readonly IssuerDocument[];
  readonly anchors?: readonly AnchorDocument[];
  readonly selfContained?: readonly SelfContainedMethod[];
  readonly acceptsSingleCertificateArray?: boolean;
}

/** A key that counts, with the service whose it is. */
interface PinnedKey {
  readonly service: TrustedService;
  readonly key: PublicKey;
  readonly cutoff: Cutoff | undefined;
}

const ISSUER_MEMBERS = ["issuers", "anchors", "selfContained", "acceptsSingleCertificateArray"];

/**
 * What a relying party trusts: keys and anchors that it pinned itself, nothing from a message (V2,
 * D4). {@link TrustStore.parse} is the only way to get one.
 */
export class TrustStore {
  readonly #pinned: ReadonlyMap<string, PinnedKey>;
  readonly services: readonly TrustedService[];
  /** What vouches for issuers; `undefined` when statements' own signatures are not to be verified. */
  readonly issuers: TrustedIssuers | undefined;
  /** What {@link TrustStore.issuers} is read from. */
  readonly issuersDocument: TrustedIssuersDocument;
  /** How many distinct services must vouch. */
  readonly requireReceipts: number;

  private constructor(services: readonly TrustedService[], rest: Rest) {
    this.services = services;
    this.#pinned = pinnedKeys(services);
    this.issuers = rest.issuers;
    this.issuersDocument = rest.issuersDocument;
    this.requireReceipts = rest.requireReceipts;
    Object.freeze(this);
  }

  /**
   * Parses a trust file, given as text or as its UTF-8; docs/formats/trust.md describes each member.
   *
   * @throws {@link VerifierError} `VERIFIER_TRUST_MALFORMED`
   */
  static parse(text: string | Uint8Array): TrustStore {
    const members = reader.membersOf(jsonOf(text), "trust file", {
      required: ["services"],
      optional: [...ISSUER_MEMBERS, "requireReceipts"],
    });
    const services = reader.listOf(members["services"], "services").map(serviceOf);
    const requireReceipts = thresholdOf(members, services);
    return new TrustStore(services, { ...issuersIn(members, services), requireReceipts });
  }

  /**
   * Finds the service and key that a receipt names, `undefined` when none is pinned. A key answers
   * to all its {@link PublicKey.names}.
   */
  resolve(issuer: string | undefined, kid: Uint8Array | undefined): PinnedKey | undefined {
    if (issuer === undefined || kid === undefined) return undefined;
    return this.#pinned.get(nameOf(issuer, kid));
  }

  /**
   * Returns if a pinned key counts for what it has signed: it is not retired, or not yet at that tree.
   *
   * @throws {@link VerifierError} `VERIFIER_KEY_RETIRED`
   */
  requireWithin(issuer: string, key: PublicKey, tree: SignedTree): void {
    const cutoff = this.resolve(issuer, key.thumbprint())?.cutoff;
    if (cutoff !== undefined) requireWithin(cutoff, key, tree);
  }
}

interface Rest {
  readonly issuers: TrustedIssuers | undefined;
  readonly issuersDocument: TrustedIssuersDocument;
  readonly requireReceipts: number;
}

function jsonOf(text: string | Uint8Array): unknown {
  try {
    return parseJson(typeof text === "string" ? new TextEncoder().encode(text) : text);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

function thresholdOf(members: Members, services: readonly TrustedService[]): number {
  const { requireReceipts = 1 } = members;
  const bounds = { min: 1, max: Number.MAX_SAFE_INTEGER };
  const threshold = reader.integerOf(requireReceipts, "requireReceipts", bounds);
  const distinct = new Set(services.map((service) => service.issuer)).size;
  if (threshold <= distinct) return threshold;
  throw malformed(`requireReceipts is ${threshold}, services named: ${distinct}`);
}

function serviceOf(value: unknown, position: number): TrustedService {
  const where = `services[${position}]`;
  const names = { required: ["issuer", "origin", "keys"], optional: ["vds", "note"] };
  const members = reader.membersOf(value, where, names);
  const { issuer, origin, keys, vds = VDS.rfc9162Sha256, note } = members;
  if (typeof issuer !== "string" || typeof origin !== "string") {
    throw malformed(`${where}: issuer or origin is not text`);
  }
  if (issuer === "" || origin === "") throw malformed(`${where}: issuer or origin is empty`);
  if (vds !== VDS.rfc9162Sha256 && vds !== VDS.ccfLedgerSha256) {
    throw malformed(`${where}.vds is not supported, want 1 or 2`);
  }
  const place = `${where}.keys`;
  const pinned = reader.listOf(keys, place).map((jwk, at) => serviceKeyOf(jwk, `${place}[${at}]`));
  if (pinned.length === 0) throw malformed(`${place} is empty`);
  const noteKey = note === undefined ? undefined : noteKeyOf(note, `${where}.note`);
  // W6: a note is of the log that its key is called like.
  if (noteKey !== undefined && noteKey.name !== origin) {
    throw malformed(`${where}.note is a key of another name than origin`);
  }
  return {
    ...{ issuer, origin, vds, note: noteKey },
    keys: pinned.map(({ key }) => key),
    cutoffs: pinned.map(({ cutoff }) => cutoff),
  };
}

function serviceKeyOf(value: unknown, where: string): Pick<PinnedKey, "key" | "cutoff"> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const { until, ...jwk }: Readonly<Record<string, unknown>> = isObject ? { ...value } : {};
  const key = publicKeyOf(isObject ? jwk : value, where, reader);
  return { key, cutoff: until === undefined ? undefined : cutoffOf(until, `${where}.until`) };
}

function noteKeyOf(vkey: unknown, where: string): VerifierKey {
  if (typeof vkey !== "string") throw malformed(`${where} is not text`);
  try {
    const key = VerifierKey.parse(vkey);
    if (key.type === "ed25519") return key;
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
  throw malformed(`${where} is no key of plain Ed25519 signatures`);
}

function pinnedKeys(services: readonly TrustedService[]): ReadonlyMap<string, PinnedKey> {
  const seen = new Set<string>();
  const pinned = new Map<string, PinnedKey>();
  for (const service of services) {
    for (const [place, key] of service.keys.entries()) {
      const thumbprint = encodeHex(key.thumbprint());
      // A threshold counts distinct services; one key under two names would count twice.
      if (seen.has(thumbprint)) throw malformed("one key is pinned twice among the services");
      seen.add(thumbprint);
      for (const kid of key.names) {
        const name = nameOf(service.issuer, kid);
        if (pinned.has(name)) throw malformed("two keys of one service share a kid");
        pinned.set(name, { service, key, cutoff: service.cutoffs[place] });
      }
    }
  }
  return pinned;
}

function nameOf(issuer: string, kid: Uint8Array): string {
  return `${encodeHex(kid)} ${issuer}`;
}

function issuersIn(
  members: Members,
  services: readonly TrustedService[],
): Pick<Rest, "issuers" | "issuersDocument"> {
  const { issuers, anchors, selfContained, acceptsSingleCertificateArray: accepts } = members;
  const listed =
    issuers === undefined
      ? undefined
      : issuersOf(issuers, "issuers", { reader, namesLogs: true }).map((issuer, position) =>
          withLogs(issuer, `issuers[${position}]`, services),
        );
  const anchored = anchors === undefined ? undefined : anchorsOf(anchors, "anchors", reader);
  const methods =
    selfContained === undefined
      ? undefined
      : selfContainedOf(selfContained, "selfContained", reader);
  const flag =
    accepts === undefined ? undefined : reader.booleanOf(accepts, "acceptsSingleCertificateArray");
  const issuersDocument: TrustedIssuersDocument = {
    ...(listed === undefined ? {} : { issuers: listed.map(issuerDocument) }),
    ...(anchored === undefined ? {} : { anchors: anchored.map(({ document }) => document) }),
    ...(methods === undefined ? {} : { selfContained: methods }),
    ...(flag === undefined ? {} : { acceptsSingleCertificateArray: flag }),
  };
  const isPinned = [listed, anchored, methods].some((given) => given !== undefined);
  if (!isPinned) return { issuers: undefined, issuersDocument };
  const parts = {
    issuers: listed ?? [],
    anchors: anchored?.map(({ anchor }) => anchor) ?? [],
    selfContained: methods ?? [],
    acceptsSingleCertificateArray: flag ?? false,
  };
  return { issuers: new TrustedIssuers(parts), issuersDocument };
}

function withLogs(
  { iss, keys }: TermedIssuer,
  where: string,
  services: readonly TrustedService[],
): TermedIssuer {
  const termed = keys.map((key, position) => {
    if (key.revoked === undefined) return key;
    const place = `${where}.keys[${position}].revoked`;
    return { ...key, revoked: withLog(key.revoked, place, services) };
  });
  return { iss, keys: termed };
}

// An index says nothing without its log.
function withLog(
  revocation: RevocationDocument,
  where: string,
  services: readonly TrustedService[],
): RevocationDocument {
  const logs = new Map(services.map(({ issuer, origin }) => [`${issuer}\n${origin}`, origin]));
  const origins = [...logs.values()];
  const [only = ""] = origins;
  if (revocation.origin === undefined && origins.length > 1) {
    throw malformed(`${where} lacks origin, and there are ${origins.length} logs`);
  }
  const { origin = only } = revocation;
  const count = origins.filter((name) => name === origin).length;
  if (count !== 1) throw malformed(`${where}.origin is that of ${count} services, want one`);
  return { ...revocation, origin };
}
