import { CoseError, PublicKey, encodeHex } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";
import { IssuerKeys, StatementError, parseIssuer } from "@tallystick/statement";
import type { Issuer } from "@tallystick/statement";

import { eachOf, integerOf, isObject, listOf, malformed, membersOf, textOf } from "./member.js";
import type { Bounds } from "./member.js";

/** A time in seconds since the epoch, or a leaf index. */
const COUNT: Bounds = { min: 0, max: Number.MAX_SAFE_INTEGER };

const REASON: Bounds = { min: 1, max: 256 };

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

/**
 * Yields the issuers of a list that names each once.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function issuersOf(value: unknown, where: string): readonly TermedIssuer[] {
  const seen = new Set<string>();
  return eachOf(listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const { iss, keys } = membersOf(item, place, { required: ["iss", "keys"] });
    const name = issuerOf(iss, `${place}.iss`);
    if (seen.has(name)) throw malformed(`${place}.iss is listed twice`);
    seen.add(name);
    return { iss: name, keys: keysOf(keys, `${place}.keys`) };
  });
}

/**
 * Yields an `iss` that a statement can have: another one would admit nobody, and look as if it did.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function issuerOf(value: unknown, where: string): string {
  if (typeof value !== "string") throw malformed(`${where} is not a name`);
  try {
    return parseIssuer(value, where);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(cause.message, { cause });
  }
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
  readonly #revoked = new Map<string, RevocationDocument>();
  readonly issuers: readonly Issuer[];
  readonly keys: IssuerKeys;

  /** @throws {@link PolicyError} `POLICY_MALFORMED` */
  constructor(issuers: readonly TermedIssuer[], where: string) {
    this.issuers = issuers.map(({ iss, keys }) => ({ iss, keys: keys.map(({ key }) => key) }));
    try {
      this.keys = new IssuerKeys(this.issuers);
    } catch (cause) {
      throw malformed(`${where}: two keys of one issuer answer to one kid`, { cause });
    }
    for (const { iss, keys } of issuers) {
      for (const termed of keys) {
        const thumbprint = encodeHex(termed.key.thumbprint());
        this.#terms.set(`${thumbprint} ${iss}`, termed);
        if (termed.revoked !== undefined) this.#revoked.set(thumbprint, termed.revoked);
      }
    }
  }

  /** Yields what the issuer's key is bound to, `undefined` when it is not listed. */
  termsOf(issuer: string, key: PublicKey): TermedKey | undefined {
    return this.#terms.get(`${encodeHex(key.thumbprint())} ${issuer}`);
  }

  /** Yields the revocation of a key, whichever issuer it was listed under. */
  revocationOf(key: PublicKey): RevocationDocument | undefined {
    return this.#revoked.get(encodeHex(key.thumbprint()));
  }
}

function keysOf(value: unknown, where: string): readonly TermedKey[] {
  const terms = new Map<string, string>();
  return eachOf(listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const termed = keyOf(item, place);
    const thumbprint = encodeHex(termed.key.thumbprint());
    // A key answers to its thumbprint, so one that has two kids must not have two sets of terms.
    const { notBefore, expires, revoked } = termed;
    const said = JSON.stringify([notBefore ?? null, expires ?? null, revoked?.from ?? null]);
    if ((terms.get(thumbprint) ?? said) !== said) {
      throw malformed(`${place} is a key listed before with another nbf, exp or revoked`);
    }
    terms.set(thumbprint, said);
    return termed;
  });
}

function keyOf(value: unknown, where: string): TermedKey {
  if (isObject(value) && PRIVATE_MEMBERS.some((member) => Object.hasOwn(value, member))) {
    throw malformed(`${where} is a private key`);
  }
  const { nbf, exp, revoked, ...jwk } = membersOf(value, where, {
    required: ["kty"],
    optional: [...PUBLIC_MEMBERS, ...TERMS],
  });
  const notBefore = nbf === undefined ? undefined : integerOf(nbf, `${where}.nbf`, COUNT);
  const expires = exp === undefined ? undefined : integerOf(exp, `${where}.exp`, COUNT);
  if (expires !== undefined && expires <= (notBefore ?? 0)) {
    throw malformed(`${where}.exp is not after nbf, so the key could never be used`);
  }
  return {
    key: publicKeyOf(jwk, where),
    notBefore,
    expires,
    revoked: revoked === undefined ? undefined : revocationOf(revoked, `${where}.revoked`),
  };
}

function publicKeyOf(jwk: object, where: string): PublicKey {
  try {
    return PublicKey.fromJwk(jwk);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
}

function revocationOf(value: unknown, where: string): RevocationDocument {
  const members = membersOf(value, where, { required: ["from"], optional: ["reason"] });
  const from = integerOf(members["from"], `${where}.from`, COUNT);
  const { reason } = members;
  if (reason === undefined) return { from };
  return { from, reason: textOf(reason, `${where}.reason`, REASON) };
}
