import { ClientError } from "./error.js";

/** The registration policy in force, with where it stands on the log. */
export interface PolicyInForce {
  readonly entryId: string;
  readonly index: number;
  /** As the service tells it: JSON, not checked here. */
  readonly policy: unknown;
  /** Proposals that wait for approvals, oldest first; none where the service tells of none. */
  readonly proposals: readonly OpenProposal[];
}

/** A proposed policy that not enough operators have signed yet. */
export interface OpenProposal {
  readonly entryId: string;
  readonly index: number;
  /** `iss` of the operators who have signed it. */
  readonly approvers: readonly string[];
  /** As the service tells it: JSON, not checked here. */
  readonly policy: unknown;
}

/** Who a service says it is. */
export interface ServiceVersion {
  readonly name: string;
  readonly version: string;
  /** The API that it speaks. */
  readonly api: string;
  /** `iss` of its receipts. */
  readonly issuer: string;
  /** `sub` of its receipts: the log's name. */
  readonly origin: string;
  /** The key of its notes as a vkey, as told and not parsed; `undefined` where it signs none. */
  readonly note: string | undefined;
}

/** Parses the answer of `GET /policy`. @throws {@link ClientError} `CLIENT_PROTOCOL` */
export function parsePolicyInForce(body: Uint8Array): PolicyInForce {
  const answer = parseObject(body, "policy");
  const proposals = answer["proposals"] ?? [];
  if (!Array.isArray(proposals)) throw malformed("policy has no list of proposals");
  return { ...placed(answer), proposals: proposals.map(parseProposal) };
}

/** Parses the answer of `GET /policies/{id}`. @throws {@link ClientError} `CLIENT_PROTOCOL` */
export function parsePolicyDocument(body: Uint8Array): unknown {
  return parseObject(body, "policy");
}

/** An entry that a service has found. */
export interface SearchHit {
  readonly index: number;
  readonly entryId: string;
  /** When it was registered, in seconds since the epoch. */
  readonly time: number;
  readonly issuer: string;
  readonly subject: string | null;
  readonly contentType: string | null;
  /** Digest of the payload, in hexadecimal. */
  readonly payload: string;
  /** Where it was looked for by what statements speak of: each of that, and as what this one does. */
  readonly mentions?: readonly FoundMention[];
}

/** Something that was looked for in what statements speak of. */
export interface FoundMention {
  /** As the parameter is called. */
  readonly kind: string;
  /** In the form that the service compares. */
  readonly value: string;
  /** As what a statement speaks of it: `file`, `measured`, `component` and so on. */
  readonly as: readonly string[];
}

/** An entry that may have been looked for: not all that it speaks of could be listed. */
export interface PartialEntry {
  readonly index: number;
  readonly entryId: string;
}

/** A page of what a service has found, as it tells it. */
export interface SearchPage {
  /** How many entries were searched. */
  readonly size: number;
  readonly hits: readonly SearchHit[];
  /** Where the next page begins, `null` behind the last one. */
  readonly next: number | null;
  /** Where it was looked for by what statements speak of: what may be hits up to there as well. */
  readonly partial?: readonly PartialEntry[];
  /** Beside `partial`: index from which a query names the others, `null` where there are no others. */
  readonly nextPartial?: number | null;
}

/** Parses the answer of `GET /search`. @throws {@link ClientError} `CLIENT_PROTOCOL` */
export function parseSearchPage(body: Uint8Array): SearchPage {
  const { size, hits, next, partial, nextPartial } = parseObject(body, "search");
  if (!isCount(size) || !Array.isArray(hits)) throw malformed("search has no size or no hits");
  if (next !== null && !isCount(next)) throw malformed("search has no next");
  const page = { size, hits: hits.map(parseHit), next };
  if (partial === undefined) return page;
  if (!Array.isArray(partial)) throw malformed("search has no list of what is partial");
  if (nextPartial !== null && !isCount(nextPartial)) {
    throw malformed("search does not say whether more is partial");
  }
  return { ...page, partial: partial.map(parsePartial), nextPartial };
}

function parsePartial(value: unknown): PartialEntry {
  const { index, entryId } = membersOf(value, "a partial entry");
  if (isCount(index) && isEntryId(entryId)) return { index, entryId };
  throw malformed("a partial entry has no place");
}

function parseHit(value: unknown): SearchHit {
  const { index, entryId, time, ...rest } = membersOf(value, "a hit");
  const { issuer, payload, subject, contentType, mentions } = rest;
  const isPlaced = isCount(index) && isCount(time);
  if (!isPlaced || !isEntryId(entryId)) throw malformed("a hit has no place");
  if (typeof issuer !== "string" || typeof payload !== "string") {
    throw malformed("a hit has no issuer or no payload");
  }
  const texts = { subject: textOrNull(subject), contentType: textOrNull(contentType) };
  const hit = { index, entryId, time, issuer, payload, ...texts };
  if (mentions === undefined) return hit;
  if (!Array.isArray(mentions)) throw malformed("a hit has no list of mentions");
  return { ...hit, mentions: mentions.map(parseMention) };
}

function parseMention(value: unknown): FoundMention {
  const { kind, value: found, as } = membersOf(value, "a mention");
  const roles: readonly unknown[] = Array.isArray(as) ? as : [];
  const isNamed = typeof kind === "string" && typeof found === "string";
  const isText = (role: unknown): role is string => typeof role === "string";
  if (isNamed && roles.length > 0 && roles.every(isText)) return { kind, value: found, as: roles };
  throw malformed("a mention does not say what of, or as what");
}

function membersOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw malformed(`${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

function isEntryId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function textOrNull(value: unknown): string | null {
  if (value === null || typeof value === "string") return value;
  throw malformed("a hit has a subject or type that is no text");
}

function parseProposal(value: unknown): OpenProposal {
  if (typeof value !== "object" || value === null) throw malformed("a proposal is not an object");
  const members = value as Readonly<Record<string, unknown>>;
  const { approvers } = members;
  const isList = Array.isArray(approvers) && approvers.every((name) => typeof name === "string");
  if (!isList) throw malformed("a proposal has no approvers");
  return { ...placed(members), approvers: approvers };
}

function placed({ entryId, index, policy }: Readonly<Record<string, unknown>>): {
  readonly entryId: string;
  readonly index: number;
  readonly policy: unknown;
} {
  if (typeof entryId !== "string" || !/^[0-9a-f]{64}$/.test(entryId)) {
    throw malformed("policy has no entryId");
  }
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0) {
    throw malformed("policy has no index");
  }
  if (typeof policy !== "object" || policy === null) throw malformed("policy has no document");
  return { entryId, index, policy };
}

/** Parses the answer of `GET /version`. @throws {@link ClientError} `CLIENT_PROTOCOL` */
export function parseServiceVersion(body: Uint8Array): ServiceVersion {
  const json = parseObject(body, "version");
  const text = (member: string): string => {
    const value = json[member];
    if (typeof value === "string" && value !== "") return value;
    throw malformed(`version has no ${member}`);
  };
  return {
    name: text("name"),
    version: text("version"),
    api: text("api"),
    issuer: text("issuer"),
    origin: text("origin"),
    note: json["note"] === undefined ? undefined : text("note"),
  };
}

function parseObject(body: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw malformed(`${what} is not JSON in UTF-8`, { cause });
  }
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw malformed(`${what} is not an object`);
}

function malformed(message: string, options: ErrorOptions = {}): ClientError {
  return new ClientError("CLIENT_PROTOCOL", message, options);
}
