import { COMPLETENESS_MEDIA_TYPE } from "@tallystick/catalog";
import type { Term, TermKind } from "@tallystick/catalog";
import { MENTION_KINDS, mentionForm } from "@tallystick/content";
import type { MentionKind } from "@tallystick/content";

import { CLIENT_SHARE, SharedBudget } from "../budget.js";
import { ServerError } from "../error.js";
import { wholeNumberOf } from "../number.js";
import { CACHE, json, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { SoughtMention } from "../search/mention-rows.js";
import { MAX_PROOF_BYTES, MAX_UNDERWAY } from "../search/prover.js";
import { MAX_HITS } from "../search/query.js";
import type { TransparencyService } from "../service.js";

/** Hits of a page unless the request says how many. */
const DEFAULT_HITS = 100;

const TERMS: Readonly<Record<string, TermKind>> = {
  iss: "issuer",
  sub: "subject",
  type: "contentType",
  payload: "payload",
};

const NUMBERS = ["since", "until", "from", "before", "limit"] as const;

/** Parameters of a search. */
export const SEARCH_PARAMETERS: readonly string[] = [
  ...Object.keys(TERMS),
  ...MENTION_KINDS,
  ...NUMBERS,
];

/** Hexadecimal digits of the digests of 32, 48 and 64 bytes that a hash envelope may have. */
const DIGEST_DIGITS = new Set([64, 96, 128]);

/**
 * A page of what is found by issuer, subject, content type, payload, time and index, and by what
 * statements speak of.
 */
export async function readSearch(
  service: TransparencyService,
  { query = "" }: RouteRequest,
): Promise<Reply> {
  const given = parseQuery(query, SEARCH_PARAMETERS);
  const terms = termsIn(given);
  const mentions = mentionsAskedIn(given);
  const [since, until, from, before, limit = DEFAULT_HITS] = NUMBERS.map((name) => {
    const text = given.get(name);
    return text === undefined ? undefined : numberOf(name, text);
  });
  if (limit < 1 || limit > MAX_HITS) throw invalid(`limit is not 1 to ${MAX_HITS}`);
  return json(await service.search({ terms, mentions, since, until, from, before, limit }));
}

/** Parameters of which a completeness proof takes one. */
export const PROOF_PARAMETERS: readonly string[] = ["iss", "sub"];

/** What completeness proofs may take up. */
export interface ProofRoom {
  /** Bytes that are made, or being made, and not yet read. */
  readonly held: SharedBudget;
  /** Those that are made, or wait for it. */
  readonly underway: SharedBudget;
}

/** Yields what counts the proofs that are asked for. */
export function proofsUnderway(): SharedBudget {
  const [most, mostOfOne] = [MAX_UNDERWAY, Math.floor(MAX_UNDERWAY * CLIENT_SHARE)];
  return new SharedBudget({ most, mostOfOne, what: "proofs" });
}

/** All entries of an issuer or a subject up to the newest head of the index, and what shows it. */
export async function readCompleteness(
  service: TransparencyService,
  { client, query = "" }: RouteRequest,
  { held, underway }: ProofRoom,
): Promise<Reply> {
  const [term, ...rest] = termsIn(parseQuery(query, PROOF_PARAMETERS));
  if (term === undefined || rest.length > 0) throw invalid("it takes one of iss and sub");
  const leave = underway.take(1, client);
  try {
    // As much as it can come to, for nothing is known of it before it is made.
    const release = held.take(MAX_PROOF_BYTES, client);
    try {
      const proof = await service.completeness(term);
      // Both at once, so that nobody comes in between.
      release();
      const onOver = held.take(proof.length, client);
      return { ...ok(proof, { type: COMPLETENESS_MEDIA_TYPE, cache: CACHE.none }), onOver };
    } finally {
      release();
    }
  } finally {
    leave();
  }
}

/**
 * Parses a query: each name known and there once, each value not empty.
 *
 * @throws {@link ServerError} `SERVER_QUERY_INVALID`
 */
export function parseQuery(query: string, names: readonly string[]): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "" && query === "") break;
    const [name = "", ...rest] = pair.split("=");
    if (!names.includes(name)) throw invalid(`the parameters are ${names.join(", ")}`);
    if (given.has(name)) throw invalid(`${name} is given twice`);
    const value = decoded(name, rest.join("="));
    if (value === "") throw invalid(`${name} has no value`);
    given.set(name, value);
  }
  return given;
}

/**
 * Yields the terms of a parsed query.
 *
 * @throws {@link ServerError} `SERVER_QUERY_INVALID`
 */
export function termsIn(given: ReadonlyMap<string, string>): readonly Term[] {
  return Object.entries(TERMS).flatMap(([name, kind]) => {
    const value = given.get(name);
    if (value === undefined) return [];
    if (kind === "payload") requireDigest(value);
    return [{ kind, value }];
  });
}

function mentionsAskedIn(given: ReadonlyMap<string, string>): readonly SoughtMention[] {
  return MENTION_KINDS.flatMap((kind) => {
    const text = given.get(kind);
    if (text === undefined) return [];
    const value = mentionForm(kind, text);
    if (value === undefined) throw invalid(`${kind} ${FORMS[kind] ?? "says nothing"}`);
    return [{ kind, value }];
  });
}

/** What is wrong with a value that is in no form of its kind. */
const FORMS: Partial<Record<MentionKind, string>> = {
  digest: "is no digest: sha-256:, sha-384: or sha-512: and lower-case hexadecimal, or that alone",
  purl: "is no package URL",
};

function requireDigest(text: string): void {
  if (/^[0-9a-f]+$/.test(text) && DIGEST_DIGITS.has(text.length)) return;
  throw invalid("payload is no digest of 32, 48 or 64 bytes in lower-case hexadecimal");
}

function numberOf(name: string, text: string): number {
  const number = wholeNumberOf(text);
  if (number !== undefined) return number;
  throw invalid(`${name} is no decimal number`);
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw invalid(`${name} is not encoded as it should be`, cause);
  }
}

function invalid(message: string, cause?: unknown): ServerError {
  return new ServerError("SERVER_QUERY_INVALID", message, { cause });
}
