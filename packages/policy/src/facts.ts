import {
  CLAIM,
  CoseError,
  decodeCbor,
  encodeHex,
  isCborArray,
  isCborMap,
  parseJson,
} from "@tallystick/cose";
import type { Content } from "@tallystick/content";
import type { CborMap, CborValue } from "@tallystick/cose";
import type {
  Certificate,
  DistinguishedName,
  Identity,
  SignedStatement,
  VerifiedStatement,
} from "@tallystick/statement";

import type { Meter } from "./cel/meter.js";
import type { Bindings } from "./cel/program.js";
import { timestampOf } from "./cel/time.js";
import { contentFactsOf, type ContentFacts } from "./content-facts.js";
import { formOf } from "./content-type.js";

/** Largest payload that rules look into, in bytes. */
export const MAX_PAYLOAD_BYTES = 262_144;

const PAYLOAD_LIMITS = { maxBytes: MAX_PAYLOAD_BYTES, maxDepth: 32, maxItems: 65_536 };

/** A value as expressions take it; integers are `bigint`, other numbers are `number`. */
export type FactValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | ReturnType<typeof timestampOf>
  | readonly FactValue[]
  | ReadonlyMap<bigint | string, FactValue>;

/** A map of facts by name, or by the number that a label or a claim is. */
export type FactMap = ReadonlyMap<bigint | string, FactValue>;

/** The payload, as far as rules can look into it. */
export type PayloadFacts =
  | { readonly value: FactValue; readonly json: unknown; readonly problem: undefined }
  | { readonly value: null; readonly json: undefined; readonly problem: string };

/**
 * What rules may judge a statement by. T18: protected headers, the identity that was verified, the
 * payload and the recorded time; nothing else, so that the same statement gets the same decision
 * again. {@link factsOf} is the way to get one. Immutable.
 */
export class Facts {
  readonly statement: SignedStatement;
  readonly identity: Identity;
  /** Seconds since the epoch. */
  readonly time: number;
  /** `iss`, `sub` and other registered claims by name, others by number or by their own name. */
  readonly claims: FactMap;
  /** The verified path, leaf first, anchor last; empty without certificates. */
  readonly path: readonly Certificate[];
  readonly payload: PayloadFacts;
  /** What every expression sees. */
  readonly bindings: Bindings;
  /** What the authority of the policy found in the payload; see {@link Finding}. */
  readonly finding: object | undefined;
  // Owned by content: read when a rule asks for it.
  #content: ContentFacts | undefined;

  constructor({ statement, identity, finding }: VerifiedStatement, time: number) {
    this.statement = statement;
    this.identity = identity;
    this.finding = finding;
    this.time = time;
    this.claims = claimsOf(statement);
    this.path = identity.kind === "x509" ? identity.path.certificates : [];
    this.payload = payloadOf(statement);
    const chain = this.path.map(certificateFacts);
    this.bindings = {
      statement: statementFacts(statement, this.claims),
      identity: identityFacts(statement, identity),
      certificate: chain[0] ?? null,
      chain,
      payload: this.payload.value,
      payloadBytes: BigInt(statement.payload?.length ?? 0),
      payloadProblem: this.payload.problem ?? null,
      time: timeValue(time),
    };
    Object.freeze(this);
  }

  /** What the payload is, where a rule has asked and it could be read. */
  get contentRead(): Content | undefined {
    return this.#content?.content;
  }

  /** Yields what the payload is; the first rule that asks is charged for it. Throws BudgetSpent. */
  content(meter: Meter): ContentFacts {
    this.#content ??= contentFactsOf(this.statement, meter);
    return this.#content;
  }

  /** Yields what an expression sees that asks for `content` too. Throws BudgetSpent. */
  bindingsWithContent(meter: Meter): Bindings {
    return { ...this.bindings, content: celValue(this.content(meter).facts) };
  }
}

/** Yields what rules may judge a verified statement by, at the time that is recorded with it. */
export function factsOf(verified: VerifiedStatement, time: number): Facts {
  return new Facts(verified, time);
}

/** Size of the form that the log keeps: what came unprotected cannot be replayed. */
export function sizeOf({ normalised }: SignedStatement): number {
  return normalised.length;
}

function statementFacts(statement: SignedStatement, claims: FactMap): FactMap {
  const { entryId, algorithm, contentType, hashEnvelope, message } = statement;
  return facts({
    entryId,
    bytes: BigInt(sizeOf(statement)),
    alg: algorithm.name,
    contentType: typeValue(contentType),
    claims,
    headers: mapValue(message.protectedHeader),
    isHashEnvelope: hashEnvelope !== undefined,
    hashEnvelope:
      hashEnvelope === undefined
        ? null
        : facts({
            alg: hashEnvelope.hash.name,
            contentType: typeValue(hashEnvelope.preimageContentType),
            location: hashEnvelope.location ?? null,
          }),
  });
}

function identityFacts({ claims, kid }: SignedStatement, identity: Identity): FactMap {
  return facts({
    kind: identity.kind,
    iss: claims.issuer,
    kid: kid === undefined ? "" : encodeHex(kid),
    thumbprint: encodeHex(identity.key.thumbprint()),
    did: didOf(identity),
  });
}

function didOf(identity: Identity): string {
  if (identity.kind === "did") return identity.method;
  return identity.kind === "x509" && identity.isDid ? "did:x509" : "";
}

/** Yields a fingerprint as policies and expressions write it. */
export function fingerprintOf(certificate: Certificate): string {
  return `sha256:${encodeHex(certificate.fingerprint("sha-256"))}`;
}

function certificateFacts(certificate: Certificate): FactMap {
  const { extensions, serial, notBefore, notAfter } = certificate;
  const { dns = [], email = [], uri = [] } = extensions.subjectAltName ?? {};
  return facts({
    subject: nameFacts(certificate.subject),
    issuer: nameFacts(certificate.issuer),
    serial,
    notBefore: timeValue(notBefore),
    notAfter: timeValue(notAfter),
    fingerprint: fingerprintOf(certificate),
    san: facts({ dns, email, uri }),
    eku: extensions.extendedKeyUsage ?? [],
    keyUsage: [...(extensions.keyUsage ?? [])],
  });
}

// An attribute that is there more than once is a list, so that no comparison picks one of them.
function nameFacts({ attributes }: DistinguishedName): FactMap {
  const map = new Map<string, string | string[]>();
  for (const { name, value } of attributes) {
    const known = map.get(name);
    if (known === undefined) map.set(name, value);
    else map.set(name, typeof known === "string" ? [known, value] : [...known, value]);
  }
  return map;
}

/**
 * Yields the claims. A registered one is found by its name alone, and a claim of the issuer's own by
 * a registered name not at all, so that neither passes for the other.
 */
function claimsOf({ claims }: SignedStatement): FactMap {
  const names = new Map<unknown, string>(Object.entries(CLAIM).map(([name, key]) => [key, name]));
  const registered = new Set<unknown>(names.values());
  const map = new Map<bigint | string, FactValue>();
  for (const [key, value] of claims.all) {
    const fact = keyValue(names.get(key) ?? key);
    if (fact !== undefined && !registered.has(key)) map.set(fact, cborValue(value));
  }
  return map;
}

function payloadOf({ payload, contentType, hashEnvelope }: SignedStatement): PayloadFacts {
  if (hashEnvelope !== undefined) return unread("it is the digest of a hash envelope");
  if (payload === null) return unread("it is detached");
  const form = formOf(contentType);
  if (form === undefined) {
    return unread(
      contentType === undefined
        ? "it has no content type"
        : `its content type ${quote(contentType)} is neither JSON nor CBOR`,
    );
  }
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return unread(
      `it has ${payload.length} bytes, and rules look into ${MAX_PAYLOAD_BYTES} at most`,
    );
  }
  try {
    if (form === "JSON") {
      const json = parseJson(payload, PAYLOAD_LIMITS);
      return { value: celValue(json), json, problem: undefined };
    }
    return {
      value: cborValue(decodeCbor(payload, PAYLOAD_LIMITS)),
      json: undefined,
      problem: undefined,
    };
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    return unread(`it is no strict ${form}: ${error.message}`);
  }
}

function unread(problem: string): PayloadFacts {
  return { value: null, json: undefined, problem };
}

function facts(record: Readonly<Record<string, FactValue>>): FactMap {
  return new Map(Object.entries(record));
}

function typeValue(contentType: string | number | undefined): FactValue {
  return typeof contentType === "number" ? BigInt(contentType) : (contentType ?? null);
}

// A certificate may state a year that no timestamp has.
function timeValue(seconds: number): FactValue {
  try {
    return timestampOf(BigInt(Math.floor(seconds)));
  } catch {
    return null;
  }
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

/** Yields a key of a map, `undefined` for an integer beyond 64 bits, which no expression can name. */
function keyValue(key: number | bigint | string): bigint | string | undefined {
  if (typeof key === "string") return key;
  const integer = BigInt(key);
  return isInt64(integer) ? integer : undefined;
}

function mapValue(map: CborMap): FactMap {
  const converted = new Map<bigint | string, FactValue>();
  for (const [key, value] of map) {
    const fact = keyValue(key);
    if (fact !== undefined) converted.set(fact, cborValue(value));
  }
  return converted;
}

function cborValue(value: CborValue): FactValue {
  if (value === undefined) return null;
  if (typeof value === "number") return numberValue(value);
  // Expressions have integers of 64 bits; a wider one is its digits.
  if (typeof value === "bigint") return isInt64(value) ? value : value.toString();
  if (isCborArray(value)) return value.map(cborValue);
  if (isCborMap(value)) return mapValue(value);
  return value;
}

// A number of JSON that is no safe integer may have been rounded, and must not pass for exact.
function numberValue(value: number): FactValue {
  return Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** Yields a value of JSON as expressions take it: whole numbers are integers, objects are maps. */
export function celValue(value: unknown): FactValue {
  if (typeof value === "number") return numberValue(value);
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(celValue);
  if (typeof value !== "object" || value === null) return null;
  return new Map(Object.entries(value).map(([name, member]) => [name, celValue(member)]));
}

function quote(value: string | number): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value.slice(0, 100));
}
