import { CoseError, PublicKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";

import { parseIssuer } from "../claims.js";
import { StatementError } from "../error.js";
import { IssuerKeys } from "../issuers.js";
import type { Issuer } from "../issuers.js";
import { isObject } from "./reader.js";
import type { Bounds, DocumentReader } from "./reader.js";

/** A time in seconds since the epoch, or a leaf index. */
const COUNT: Bounds = { min: 0, max: Number.MAX_SAFE_INTEGER };

const REASON: Bounds = { min: 1, max: 256 };

const ORIGIN: Bounds = { min: 1, max: 1024 };

/** What is said of a key beside its numbers; the members of a JWK that are not for signing keys. */
const TERMS = ["nbf", "exp", "revoked"] as const;

const PUBLIC_MEMBERS = [
  ...["kty", "crv", "x", "y", "n", "e", "pub"],
  ...["kid", "alg", "use", "key_ops"],
];

/** Members that only private keys have (RFC 7518 §6.2.2, §6.3.2, RFC 9964). */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/** When a key was withdrawn, and why. */
export interface RevocationDocument {
  /** Leaf index from which on the entries that the key signed are disowned. */
  readonly from: number;
  readonly reason?: string;
  /** Name of the log that the index is of, where a document is not about one log alone. */
  readonly origin?: string;
}

/** A public key as JSON, and when it may be used: from `nbf` on, until before `exp`, in seconds. */
export type KeyDocument = Jwk & {
  readonly nbf?: number;
  readonly exp?: number;
  readonly revoked?: RevocationDocument;
};

/** An issuer and its public keys in JSON. */
export interface IssuerDocument {
  readonly iss: string;
  readonly keys: readonly KeyDocument[];
}

/** A key with its terms. */
export interface TermedKey {
  readonly key: PublicKey;
  /** First second in which it may be used. */
  readonly notBefore: number | undefined;
  /** First second in which it may not be used any more. */
  readonly expires: number | undefined;
  readonly revoked: RevocationDocument | undefined;
}

/** An issuer and its keys, checked. */
export interface TermedIssuer {
  readonly iss: string;
  readonly keys: readonly TermedKey[];
}

/** How issuers are read. */
export interface IssuersOptions {
  readonly reader: DocumentReader;
  /** Whether a revocation may name its log. */
  readonly namesLogs?: boolean;
}

/** Yields the issuers of a list that names each once, or throws as the reader does. */
export function issuersOf(
  value: unknown,
  where: string,
  options: IssuersOptions,
): readonly TermedIssuer[] {
  const { reader } = options;
  const seen = new Set<string>();
  return reader.eachOf(reader.listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const { iss, keys } = reader.membersOf(item, place, { required: ["iss", "keys"] });
    const name = issuerOf(iss, `${place}.iss`, reader);
    if (seen.has(name)) throw reader.malformed(`${place}.iss is listed twice`);
    seen.add(name);
    return { iss: name, keys: keysOf(keys, `${place}.keys`, options) };
  });
}

/**
 * Yields an `iss` that a statement can have: another one would admit nobody, and look as if it did.
 * Throws as the reader does.
 */
export function issuerOf(value: unknown, where: string, { malformed }: DocumentReader): string {
  if (typeof value !== "string") throw malformed(`${where} is not a name`);
  try {
    return parseIssuer(value, where);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

/** Yields the public key of a JWK that has no member beyond a key's, or throws as the reader does. */
export function publicKeyOf(value: unknown, where: string, reader: DocumentReader): PublicKey {
  requirePublic(value, where, reader);
  const jwk = reader.membersOf(value, where, { required: ["kty"], optional: PUBLIC_MEMBERS });
  return decodeJwk(jwk, where, reader);
}

/** Yields an issuer as JSON, in canonical form. */
export function issuerDocument({ iss, keys }: TermedIssuer): IssuerDocument {
  return {
    iss,
    keys: keys.map(({ key, notBefore, expires, revoked }) => ({
      ...key.toJwk(),
      ...(notBefore === undefined ? {} : { nbf: notBefore }),
      ...(expires === undefined ? {} : { exp: expires }),
      ...(revoked === undefined ? {} : { revoked }),
    })),
  };
}

/** Finds keys by name (see {@link IssuerKeys}), and their terms by what they are. */
export class KeyList {
  readonly #terms = new Map<string, TermedKey>();
  readonly #revoked = new Map<string, RevocationDocument[]>();
  readonly issuers: readonly Issuer[];
  readonly keys: IssuerKeys;

  /** Throws as the reader does where two keys of one issuer answer to one kid. */
  constructor(issuers: readonly TermedIssuer[], where: string, { malformed }: DocumentReader) {
    this.issuers = issuers.map(({ iss, keys }) => ({ iss, keys: keys.map(({ key }) => key) }));
    try {
      this.keys = new IssuerKeys(this.issuers);
    } catch (cause) {
      throw malformed(`${where}: two keys of one issuer answer to one kid`, { cause });
    }
    for (const { iss, keys } of issuers) {
      for (const termed of keys) this.#add(iss, termed);
    }
  }

  /**
   * Yields why the issuer's key may not be used at `time`, in seconds since the epoch; empty where
   * it may, or is not listed.
   */
  windowRefusals(issuer: string, key: PublicKey, time: number): readonly string[] {
    const { notBefore = 0, expires = Infinity } = this.#termsOf(issuer, key) ?? {};
    const reasons: string[] = [];
    if (time < notBefore) reasons.push(`not to be used before ${formatInstant(notBefore)}`);
    if (time >= expires) reasons.push(`expired at ${formatInstant(expires)}`);
    return reasons;
  }

  /** Yields whether a time decides on whether the issuer's key may be used. */
  hasWindow(issuer: string, key: PublicKey): boolean {
    const terms = this.#termsOf(issuer, key);
    return terms?.notBefore !== undefined || terms?.expires !== undefined;
  }

  /** Yields the revocations of a key, whichever issuers it is listed under. */
  revocationsOf(key: PublicKey): readonly RevocationDocument[] {
    return this.#revoked.get(key.thumbprintHex) ?? [];
  }

  #termsOf(issuer: string, key: PublicKey): TermedKey | undefined {
    return this.#terms.get(`${key.thumbprintHex} ${issuer}`);
  }

  #add(issuer: string, termed: TermedKey): void {
    const thumbprint = termed.key.thumbprintHex;
    this.#terms.set(`${thumbprint} ${issuer}`, termed);
    const { revoked } = termed;
    if (revoked === undefined) return;
    const known = this.#revoked.get(thumbprint) ?? [];
    const isKnown = known.some(
      ({ from, origin }) => from === revoked.from && origin === revoked.origin,
    );
    if (!isKnown) this.#revoked.set(thumbprint, [...known, revoked]);
  }
}

/** Years that a date can show; a key's terms may lie outside. */
const LAST_INSTANT = 253_402_300_799;

/** Yields seconds since the epoch as a message shows them. */
export function formatInstant(seconds: number): string {
  if (seconds > LAST_INSTANT) return `${seconds} s`;
  return new Date(seconds * 1000).toISOString();
}

function keysOf(value: unknown, where: string, options: IssuersOptions): readonly TermedKey[] {
  const { reader } = options;
  const terms = new Map<string, string>();
  return reader.eachOf(reader.listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const termed = keyOf(item, place, options);
    const thumbprint = termed.key.thumbprintHex;
    // A key answers to its thumbprint, so one that has two kids must not have two sets of terms.
    const { notBefore = null, expires = null, revoked } = termed;
    const said = JSON.stringify([notBefore, expires, revoked?.from ?? null, revoked?.origin ?? ""]);
    if ((terms.get(thumbprint) ?? said) !== said) {
      throw reader.malformed(`${place} is a key listed before with another nbf, exp or revoked`);
    }
    terms.set(thumbprint, said);
    return termed;
  });
}

function keyOf(value: unknown, where: string, options: IssuersOptions): TermedKey {
  const { reader } = options;
  requirePublic(value, where, reader);
  const { nbf, exp, revoked, ...jwk } = reader.membersOf(value, where, {
    required: ["kty"],
    optional: [...PUBLIC_MEMBERS, ...TERMS],
  });
  const notBefore = nbf === undefined ? undefined : reader.integerOf(nbf, `${where}.nbf`, COUNT);
  const expires = exp === undefined ? undefined : reader.integerOf(exp, `${where}.exp`, COUNT);
  if (expires !== undefined && expires <= (notBefore ?? 0)) {
    throw reader.malformed(`${where}.exp is not after nbf, so the key could never be used`);
  }
  return {
    key: decodeJwk(jwk, where, reader),
    notBefore,
    expires,
    revoked: revoked === undefined ? undefined : revocationOf(revoked, `${where}.revoked`, options),
  };
}

function requirePublic(value: unknown, where: string, { malformed }: DocumentReader): void {
  if (isObject(value) && PRIVATE_MEMBERS.some((member) => Object.hasOwn(value, member))) {
    throw malformed(`${where} is a private key`);
  }
}

function decodeJwk(jwk: object, where: string, { malformed }: DocumentReader): PublicKey {
  try {
    return PublicKey.fromJwk(jwk);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
}

function revocationOf(
  value: unknown,
  where: string,
  { reader, namesLogs = false }: IssuersOptions,
): RevocationDocument {
  const { from, reason, origin } = reader.membersOf(value, where, {
    required: ["from"],
    optional: ["reason", ...(namesLogs ? ["origin"] : [])],
  });
  return {
    from: reader.integerOf(from, `${where}.from`, COUNT),
    ...(reason === undefined ? {} : { reason: reader.textOf(reason, `${where}.reason`, REASON) }),
    ...(origin === undefined ? {} : { origin: reader.textOf(origin, `${where}.origin`, ORIGIN) }),
  };
}
