import { stat } from "node:fs/promises";

import { MAX_BUNDLE_BYTES, decodeBundle } from "@tallystick/appraisal";
import { termsOf } from "@tallystick/catalog";
import type { Term } from "@tallystick/catalog";
import type { SearchPage } from "@tallystick/client";
import { mentionsIn } from "@tallystick/content";
import type { Mention, Mentions } from "@tallystick/content";
import { encodeHex, parseJson } from "@tallystick/cose";
import { leafHash, treeRoot } from "@tallystick/merkle";
import type { Checkpoint } from "@tallystick/receipt";
import type { SoughtMention } from "@tallystick/server";
import type { SignedStatement } from "@tallystick/statement";
import {
  TrustStore,
  VerifierError,
  verifyCheckpoint,
  verifyTransparentStatement,
} from "@tallystick/verifier";

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
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; AppraisalError `APPRAISAL_BUNDLE_INVALID`; VerifierError where the checkpoint
 * does not hold, and `VERIFIER_TRUST_MALFORMED`
 */
export async function searchBundle(
  { bundle: file, trust }: { readonly bundle: string; readonly trust: string },
  query: Query,
): Promise<BundlePage> {
  const bundle = decodeBundle(await readBounded(file, MAX_BUNDLE_BYTES));
  const services = await servicesIn(trust);
  const { checkpoint } = await verifyCheckpoint(bundle.checkpoint, services);
  // By EntryID: a statement may be there twice, and a place that two were given shows in the root.
  const entries = new Map<string, Entry>();
  const left: BundlePage["left"][number][] = [];
  for (const [place, bytes] of bundle.statements.entries()) {
    const found = await placed(bytes, services, checkpoint);
    if (!("why" in found)) entries.set(found.statement.entryId, found);
    else left.push({ statement: found.statement ?? `statements[${place}]`, why: found.why });
  }
  const all = [...entries.values()].sort((a, b) => a.index - b.index);
  const isWhole =
    all.length === checkpoint.size &&
    encodeHex(treeRoot(all.map(({ statement }) => leafHash(statement.entry)))) ===
      encodeHex(checkpoint.root);
  return { ...pageOf(all, query, checkpoint.size), isWhole, entries: all.length, left };
}

/** What pins services, and nothing about issuers: whoever searches asks what was registered. */
async function servicesIn(file: string): Promise<TrustStore> {
  const bytes = await readWhole(file);
  TrustStore.parse(bytes);
  const { services } = parseJson(bytes) as { readonly services: unknown };
  return TrustStore.parse(JSON.stringify({ services }));
}

interface Entry {
  readonly index: number;
  readonly time: number;
  readonly statement: SignedStatement;
}

interface Left {
  readonly statement?: string;
  readonly why: string;
}

async function placed(
  bytes: Uint8Array,
  trust: TrustStore,
  { issuer, origin, size, time }: Checkpoint,
): Promise<Entry | Left> {
  try {
    const { statement, allReceipts, judgedAt } = await verifyTransparentStatement(bytes, trust);
    const own = allReceipts.find(
      ({ service, inclusion }) =>
        service.issuer === issuer &&
        service.origin === origin &&
        inclusion.receipt.signedSize !== undefined &&
        inclusion.index !== undefined &&
        inclusion.index < size,
    );
    const index = own?.inclusion.index;
    if (index !== undefined) return { index, time: judgedAt ?? time, statement };
    const why = `it is none of the first ${size} entries of ${origin}`;
    return { statement: statement.entryId, why };
  } catch (error) {
    if (error instanceof VerifierError) return { why: `${error.code}: ${error.message}` };
    throw error;
  }
}

const NOT_ASKED: Mentions = { list: [], isWhole: true };

function pageOf(entries: readonly Entry[], query: Query, size: number): SearchPage {
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
  return mentions.length === 0 ? page : { ...page, partial };
}

function isWithin({ index, time, statement }: Entry, query: Query): boolean {
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
