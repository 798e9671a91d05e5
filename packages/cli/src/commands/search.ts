import { join } from "node:path";

import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { Term } from "@tallystick/catalog";
import type { SearchHit, SearchPage } from "@tallystick/client";
import type { SearchQuery, TransparencyService } from "@tallystick/server";
import { formatInstant } from "@tallystick/statement";

import { openClient, refuseAccess } from "../access.js";
import { isAddress } from "../address.js";
import { isReadPath } from "../auditee.js";
import { derivedProof, withDerived } from "../derived-search.js";
import type { DerivedPlace } from "../derived-search.js";
import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { isThere, writeWhole } from "../file.js";
import { openService } from "../opening.js";
import type { Output } from "../output.js";
import { openReading, withReading } from "../reading.js";
import type { ReadingOptions } from "../reading.js";
import { searchPlace } from "../search-place.js";
import type { Session } from "../session.js";
import { parseWhole } from "../whole.js";

interface SearchOptions extends ReadingOptions {
  readonly iss?: string;
  readonly sub?: string;
  readonly type?: string;
  readonly payload?: string;
  readonly since?: number;
  readonly until?: number;
  readonly from?: number;
  readonly before?: number;
  readonly limit: number;
  readonly prove?: string;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const KINDS = { iss: "issuer", sub: "subject", type: "contentType", payload: "payload" } as const;

export function addSearch(program: Command, session: Session): void {
  const command = program
    .command("search")
    .description("find statements on a log: by issuer, subject, type, payload, time and index")
    .argument("<place>", "a service, a directory that is not served, or with --trust any read path")
    .option("--iss <iss>", "of this issuer")
    .option("--sub <sub>", "about this subject")
    .option("--type <type>", "whose payload, or what was hashed, is of this type")
    .option("--payload <hex>", "whose payload has this digest: the envelope's, else SHA-256")
    .option("--since <s>", "registered at this time or later, in seconds since 1970", parseNumber)
    .option("--until <s>", "registered at this time or earlier", parseNumber)
    .option("--from <n>", "at this index or behind it", parseNumber)
    .option("--before <n>", "before this index", parseNumber)
    .option("--limit <n>", "most that is shown at once", parseWhole, DEFAULT_LIMIT)
    .option("--prove <file>", "write a proof that all of one --iss or --sub were found")
    .option("--json", "print the page as one JSON object");
  withReading(command).action(async (place: string, options: SearchOptions) => {
    requireUsable(options);
    const searched = await searchedAt(place, options);
    if (options.prove !== undefined) {
      await prove(searched, { ...options, prove: options.prove }, session);
      return;
    }
    const page = await searched.page();
    if (session.isJson) session.output.printJson({ ...page });
    else printPage(page, session.output);
  });
}

/** What a place is asked. */
interface Searched {
  readonly page: () => Promise<SearchPage>;
  readonly prove: (term: Term) => Promise<Uint8Array>;
}

/**
 * Yields how a place is searched. With pinned keys its index is made here, from the read path, and the
 * place is believed in nothing.
 */
async function searchedAt(place: string, options: SearchOptions): Promise<Searched> {
  const { iss, sub, type, payload, since, until, from, before, limit } = options;
  const query = { terms: termsOf(options), since, until, from, before, limit };
  if (options.trust !== undefined || options.vkey !== undefined) {
    return derivedAt(await readingOf(place, options), query);
  }
  if (isAddress(place)) {
    const client = await openClient(place, options);
    return {
      page: () => client.search({ iss, sub, type, payload, since, until, from, before, limit }),
      prove: () => client.completeness({ iss, sub }),
    };
  }
  if (await isReadPath(place)) {
    throw new CliError("CLI_USAGE", "want --trust: a copy does not vouch for its own keys");
  }
  return {
    page: () => inDirectory(place, options, (service) => service.search(query)),
    prove: (term) => inDirectory(place, options, (service) => service.completeness(term)),
  };
}

async function readingOf(place: string, options: SearchOptions): Promise<DerivedPlace> {
  const isService = !isAddress(place) && (await isThere(join(place, "config.json")));
  if (isService) throw new CliError("CLI_USAGE", "--trust goes with an address or a copy of a log");
  const { path, trust } = await openReading({ where: place }, options);
  return { path, trust, parallel: options.parallel };
}

function derivedAt(at: DerivedPlace, query: SearchQuery): Searched {
  return {
    page: () => withDerived(at, (search) => search.page(query)),
    prove: (term) => withDerived(at, (search) => derivedProof(at, search, term)),
  };
}

/** Reads a number that may be an index or a time. */
function parseNumber(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want a whole number.");
}

function requireUsable({ limit, payload }: SearchOptions): void {
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new CliError("CLI_USAGE", `--limit is not 1 to ${MAX_LIMIT}`);
  }
  const isDigest =
    payload === undefined || /^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/.test(payload);
  if (isDigest) return;
  const message = "--payload is no digest of 32, 48 or 64 bytes in lower-case hexadecimal";
  throw new CliError("CLI_USAGE", message);
}

async function prove(
  place: Searched,
  { prove: file, ...options }: SearchOptions & { readonly prove: string },
  { output, isJson }: Session,
): Promise<void> {
  const [term, ...others] = termsOf(options);
  const isOne = term?.kind === "issuer" || term?.kind === "subject";
  const { since, until, from, before } = options;
  const isWhole = [since, until, from, before].every((bound) => bound === undefined);
  if (term === undefined || !isOne || others.length > 0 || !isWhole) {
    throw new CliError("CLI_USAGE", "--prove goes with one of --iss and --sub, and nothing else");
  }
  const proof = await place.prove(term);
  await writeWhole(file, proof);
  if (isJson) output.printJson({ file, bytes: proof.length });
  else output.print(`wrote: ${file}, to be verified with tally verify --complete`);
}

async function inDirectory<T>(
  path: string,
  options: SearchOptions,
  act: (service: TransparencyService) => Promise<T>,
): Promise<T> {
  refuseAccess(options);
  const directory = await ServiceDirectory.open(path);
  const service = await openService(directory, {
    advice: "in use: stop the service, or search it at its address",
    search: searchPlace(directory),
  });
  try {
    await service.searchSettled();
    return await act(service);
  } finally {
    await service.close();
  }
}

function termsOf(options: SearchOptions): readonly Term[] {
  return (["iss", "sub", "type", "payload"] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [{ kind: KINDS[name], value }];
  });
}

function printPage({ size, hits, next }: SearchPage, output: Output): void {
  for (const hit of hits) output.print(lineOf(hit));
  output.print(`found: ${hits.length} among the first ${size} entries`);
  if (next !== null) output.print(`there may be more: --from ${next}`);
}

function lineOf({ index, entryId, time, issuer, subject, contentType }: SearchHit): string {
  const about = subject ?? "no subject";
  const type = contentType === null ? "" : `, ${contentType}`;
  return `${index} ${entryId} ${formatInstant(time)} ${issuer}: ${about}${type}`;
}
