import { stat } from "node:fs/promises";

import { MAX_BUNDLE_BYTES, PlacedEntries, decodeBundle } from "@tallystick/appraisal";
import type { PlacedEntry } from "@tallystick/appraisal";
import { termsOf } from "@tallystick/catalog";
import type { Term } from "@tallystick/catalog";
import type { SearchPage } from "@tallystick/client";
import { mentionsIn } from "@tallystick/content";
import type { Mention, Mentions } from "@tallystick/content";
import { parseJson } from "@tallystick/cose";
import type { SoughtMention } from "@tallystick/server";
import type { SignedStatement } from "@tallystick/statement";
import {
  TrustStore,
  VerifierError,
  verifyCheckpoint,
  verifyTransparentStatement,
} from "@tallystick/verifier";
import type { VerifiedTransparentStatement } from "@tallystick/verifier";

import { readBounded } from "./appraisal/bounded.js";
import { readWhole } from "./file.js";
import type { Sought } from "./sought.js";

type Query = Sought["query"];
type Hit = SearchPage["hits"][number];
type Found = NonNullable<Hit["mentions"]>;

/** What was found in a bundle, and how much of the log that is. */
export interface BundlePage extends SearchPage {
  /** Whether the bundle has every entry of the log up to the size, and the root shows it. */
  readonly isWhole: boolean;
  /** How many entries below the size it has. */
  readonly entries: number;
  /** Hits that no receipt shows under the checkpoint, where the bundle is not whole: theirs are of other sizes. */
  readonly unshown: readonly { readonly index: number; readonly entryId: string }[];
  /** Statements that were not looked at, by EntryID or place, and why. */
  readonly left: readonly { readonly statement: string; readonly why: string }[];
}

/** Yields whether a place is a file, as bundles are. */
export async function isFile(place: string): Promise<boolean> {
  return (await stat(place).catch(() => undefined))?.isFile() === true;
}

/**
 * Searches a bundle under the services that a trust file pins: its checkpoint has to hold, and of each
 * statement a receipt of the same log, under a signed size. Signatures of issuers are not verified.
 * Hits have the time of their earliest receipt of that log.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; AppraisalError `APPRAISAL_BUNDLE_INVALID`, and
 * `APPRAISAL_BUNDLE_CONTRADICTION` where checkpoint and receipts cannot all be of one log; VerifierError
 * where the checkpoint does not hold, and `VERIFIER_TRUST_MALFORMED`
 */
export async function searchBundle(
  { bundle: file, trust }: { readonly bundle: string; readonly trust: string },
  query: Query,
): Promise<BundlePage> {
  const bundle = decodeBundle(await readBounded(file, MAX_BUNDLE_BYTES));
  const services = await servicesIn(trust);
  const { checkpoint } = await verifyCheckpoint(bundle.checkpoint, services);
  const placed = new PlacedEntries(checkpoint);
  const left: BundlePage["left"][number][] = [];
  const statements = new Map<string, SignedStatement>();
  const { size, origin } = checkpoint;
  for (const [place, bytes] of bundle.statements.entries()) {
    const vouched = await vouchedFor(bytes, services);
    if (vouched instanceof VerifierError) {
      const { code, message } = vouched;
      left.push({ statement: `statements[${place}]`, why: `${code}: ${message}` });
      continue;
    }
    const { statement } = vouched;
    if (placed.take(vouched).some((index) => index < size)) {
      statements.set(statement.entryId, statement);
      continue;
    }
    const why = `it is none of the first ${size} entries of ${origin}`;
    left.push({ statement: statement.entryId, why });
  }
  const { entries, isWhole } = placed.settle();
  const searchable = entries.flatMap(({ entryId, ...entry }) => {
    const statement = statements.get(entryId);
    return statement === undefined ? [] : [{ ...entry, statement }];
  });
  const page = pageOf(searchable, query, size);
  const shown = new Set(entries.filter(({ isShown }) => isShown).map(({ index }) => index));
  const unshown = page.hits
    .filter(({ index }) => !isWhole && !shown.has(index))
    .map(({ index, entryId }) => ({ index, entryId }));
  return { ...page, isWhole, entries: entries.length, unshown, left };
}

/** What pins services, and nothing about issuers: whoever searches asks what was registered. */
async function servicesIn(file: string): Promise<TrustStore> {
  const bytes = await readWhole(file);
  TrustStore.parse(bytes);
  const { services } = parseJson(bytes) as { readonly services: unknown };
  return TrustStore.parse(JSON.stringify({ services }));
}

async function vouchedFor(
  bytes: Uint8Array,
  trust: TrustStore,
): Promise<VerifiedTransparentStatement | VerifierError> {
  try {
    return await verifyTransparentStatement(bytes, trust);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
}

const NOT_ASKED: Mentions = { list: [], isWhole: true };

/** An entry with what it is of. */
type Searchable = Omit<PlacedEntry, "entryId"> & { readonly statement: SignedStatement };

function pageOf(entries: readonly Searchable[], query: Query, size: number): SearchPage {
  const { limit, mentions } = query;
  const hits: Hit[] = [];
  const partial: { readonly index: number; readonly entryId: string }[] = [];
  let next: number | null = null;
  for (const { index, time, statement } of entries.filter((entry) => isWithin(entry, query))) {
    const { list, isWhole } = mentions.length === 0 ? NOT_ASKED : mentionsIn(statement);
    const found = foundIn(list, mentions, statement);
    if (found === undefined) {
      if (!isWhole) partial.push({ index, entryId: statement.entryId });
      continue;
    }
    if (hits.length === limit) {
      next = index;
      break;
    }
    const hit = { index, time, entryId: statement.entryId, ...shownOf(statement) };
    hits.push(mentions.length === 0 ? hit : { ...hit, mentions: found });
  }
  const page = { size, hits, next };
  return mentions.length === 0 ? page : { ...page, partial, nextPartial: null };
}

function isWithin({ index, time, statement }: Searchable, query: Query): boolean {
  const { since = 0, until = Infinity, from = 0, before = Infinity, terms } = query;
  const own = termsOf(statement);
  const hasAll = terms.every(({ kind, value }) =>
    own.some((term) => term.kind === kind && term.value === value),
  );
  return hasAll && index >= from && index < before && time >= since && time <= until;
}

/** Yields as what a statement speaks of all that is looked for; `undefined` where it does not. */
function foundIn(
  list: readonly Mention[],
  sought: readonly SoughtMention[],
  statement: SignedStatement,
): Found | undefined {
  const own = `:${shownOf(statement).payload}`;
  const found = sought.map(({ kind, value }) => {
    const mention = list.find((one) => one.kind === kind && one.value === value);
    const isPayload = kind === "digest" && value.endsWith(own);
    return { kind, value, as: [...(isPayload ? ["payload"] : []), ...(mention?.roles ?? [])] };
  });
  return found.every(({ as }) => as.length > 0) ? found : undefined;
}

function shownOf(statement: SignedStatement): Omit<Hit, "index" | "entryId" | "time"> {
  const terms = termsOf(statement);
  const valueOf = (kind: Term["kind"]): string | null =>
    terms.find((term) => term.kind === kind)?.value ?? null;
  return {
    ...{ issuer: valueOf("issuer") ?? "", payload: valueOf("payload") ?? "" },
    ...{ subject: valueOf("subject"), contentType: valueOf("contentType") },
  };
}
