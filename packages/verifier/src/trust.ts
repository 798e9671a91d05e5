import { CoseError, PublicKey, encodeHex, parseJson } from "@tallystick/cose";
import { VDS } from "@tallystick/receipt";
import { IssuerKeys } from "@tallystick/statement";
import type { Issuer } from "@tallystick/statement";

import { VerifierError } from "./error.js";

/** A transparency service whose receipts count. */
export interface TrustedService {
  /** `iss` of its receipts. */
  readonly issuer: string;
  /** `sub` of its receipts: the log's name. */
  readonly origin: string;
  readonly keys: readonly PublicKey[];
  /** Verifiable data structure that the keys sign for; 1 unless the file says otherwise. */
  readonly vds: number;
}

/** A key that counts, with the service whose it is. */
interface PinnedKey {
  readonly service: TrustedService;
  readonly key: PublicKey;
}

/**
 * What a relying party trusts: keys that it pinned itself, nothing from a message (V2, D4).
 * {@link TrustStore.parse} is the only way to get one.
 */
export class TrustStore {
  readonly #pinned: ReadonlyMap<string, PinnedKey>;
  readonly services: readonly TrustedService[];
  /** Keys of issuers; `undefined` when statements' own signatures are not to be verified. */
  readonly issuers: IssuerKeys | undefined;
  /** How many distinct services must vouch. */
  readonly requireReceipts: number;

  private constructor(services: readonly TrustedService[], rest: Rest) {
    this.services = services;
    this.#pinned = pinnedKeys(services);
    this.issuers = rest.issuers;
    this.requireReceipts = rest.requireReceipts;
    Object.freeze(this);
  }

  /**
   * Parses a trust file, given as text or as its UTF-8; docs/formats/trust.md describes each member.
   *
   * @throws {@link VerifierError} `VERIFIER_TRUST_MALFORMED`
   */
  static parse(text: string | Uint8Array): TrustStore {
    const json = record(jsonOf(text), "trust file", {
      required: ["services"],
      optional: ["issuers", "requireReceipts"],
    });
    const services = list(json["services"], "services").map(serviceOf);
    const { requireReceipts = 1 } = json;
    if (!isCount(requireReceipts)) throw malformed("requireReceipts is not a positive integer");
    const distinct = new Set(services.map((service) => service.issuer)).size;
    if (requireReceipts > distinct) {
      throw malformed(`requireReceipts is ${requireReceipts}, services named: ${distinct}`);
    }
    const issuers = json["issuers"] === undefined ? undefined : issuersOf(json["issuers"]);
    return new TrustStore(services, { issuers, requireReceipts });
  }

  /**
   * Finds the service and key that a receipt names, `undefined` when none is pinned. A key answers
   * to all its {@link PublicKey.names}.
   */
  resolve(issuer: string | undefined, kid: Uint8Array | undefined): PinnedKey | undefined {
    if (issuer === undefined || kid === undefined) return undefined;
    return this.#pinned.get(nameOf(issuer, kid));
  }
}

interface Rest {
  readonly issuers: IssuerKeys | undefined;
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

function serviceOf(value: unknown, position: number): TrustedService {
  const where = `services[${position}]`;
  const json = record(value, where, { required: ["issuer", "origin", "keys"], optional: ["vds"] });
  const { issuer, origin, vds = VDS.rfc9162Sha256 } = json;
  if (typeof issuer !== "string" || typeof origin !== "string") {
    throw malformed(`${where}: issuer or origin is not text`);
  }
  if (issuer === "" || origin === "") throw malformed(`${where}: issuer or origin is empty`);
  if (vds !== VDS.rfc9162Sha256 && vds !== VDS.ccfLedgerSha256) {
    throw malformed(`${where}.vds is not supported, want 1 or 2`);
  }
  const keys = keysOf(json["keys"], `${where}.keys`);
  if (keys.length === 0) throw malformed(`${where}.keys is empty`);
  return { issuer, origin, keys, vds };
}

function pinnedKeys(services: readonly TrustedService[]): ReadonlyMap<string, PinnedKey> {
  const seen = new Set<string>();
  const pinned = new Map<string, PinnedKey>();
  for (const service of services) {
    for (const key of service.keys) {
      const thumbprint = encodeHex(key.thumbprint());
      // A threshold counts distinct services; one key under two names would count twice.
      if (seen.has(thumbprint)) throw malformed("one key is pinned twice among the services");
      seen.add(thumbprint);
      for (const kid of key.names) {
        const name = nameOf(service.issuer, kid);
        if (pinned.has(name)) throw malformed("two keys of one service share a kid");
        pinned.set(name, { service, key });
      }
    }
  }
  return pinned;
}

function nameOf(issuer: string, kid: Uint8Array): string {
  return `${encodeHex(kid)} ${issuer}`;
}

function issuersOf(value: unknown): IssuerKeys {
  const issuers = list(value, "issuers").map((item, position): Issuer => {
    const where = `issuers[${position}]`;
    const { iss, keys } = record(item, where, { required: ["iss", "keys"], optional: [] });
    if (typeof iss !== "string" || iss === "") throw malformed(`${where}.iss is not a name`);
    return { iss, keys: keysOf(keys, `${where}.keys`) };
  });
  try {
    return new IssuerKeys(issuers);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw malformed(`issuers: ${cause.message}`, { cause });
  }
}

function keysOf(value: unknown, where: string): readonly PublicKey[] {
  return list(value, where).map((jwk, position) => {
    try {
      return PublicKey.fromJwk(jwk);
    } catch (cause) {
      if (!(cause instanceof CoseError)) throw cause;
      throw malformed(`${where}[${position}]: ${cause.message}`, { cause });
    }
  });
}

interface Members {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

function record(
  value: unknown,
  where: string,
  { required, optional }: Members,
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed(`${where} is not an object`);
  }
  const known = [...required, ...optional];
  if (Object.keys(value).some((key) => !known.includes(key))) {
    throw malformed(`${where} has an unknown member, want ${known.join(", ")}`);
  }
  const missing = required.filter((key) => !Object.hasOwn(value, key));
  if (missing.length > 0) throw malformed(`${where} lacks ${missing.join(", ")}`);
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(`${where} is not a list`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function malformed(message: string, options?: ErrorOptions): VerifierError {
  return new VerifierError("VERIFIER_TRUST_MALFORMED", message, options ?? {});
}
