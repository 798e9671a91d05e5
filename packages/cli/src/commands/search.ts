import { join } from "node:path";

import type { Command } from "commander";
import type { Term } from "@tallystick/catalog";
import type { SearchHit, SearchPage } from "@tallystick/client";
import type { SearchQuery, TransparencyService } from "@tallystick/server";
import { formatInstant } from "@tallystick/statement";

import { openClient, refuseAccess } from "../access.js";
import { isAddress } from "../address.js";
import { isReadPath } from "../auditee.js";
import { isFile, searchBundle } from "../bundle-search.js";
import type { BundlePage } from "../bundle-search.js";
import { derivedProof, withDerived } from "../derived-search.js";
import type { DerivedPlace } from "../derived-search.js";
import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { LOOSE_EVIDENCE, withEvidence } from "../evidence-file.js";
import { isThere, writeWhole } from "../file.js";
import { openService } from "../opening.js";
import type { Output } from "../output.js";
import { openReading, withReading } from "../reading.js";
import type { ReadingOptions } from "../reading.js";
import { searchPlace } from "../search-place.js";
import type { Session } from "../session.js";
import { soughtOf, withSought } from "../sought.js";
import type { Sought, SoughtOptions } from "../sought.js";

interface SearchOptions extends ReadingOptions, SoughtOptions {
  readonly prove?: string;
  readonly evidence?: string;
}

export function addSearch(program: Command, session: Session): void {
  const command = program
    .command("search")
    .description("find statements on a log: by issuer, subject, type, time, or what they speak of")
    .argument(
      "<place>",
      "a service, a directory that is not served, or with --trust any read path or bundle",
    );
  withSought(command)
    .option("--prove <file>", "write a proof that all of one --iss or --sub were found")
    .option(
      "--evidence <file>",
      "what to write if the log contradicts itself (default: tally.evidence)",
    )
    .option("--json", "print the page as one JSON object");
  withReading(command).action(async (place: string, options: SearchOptions) => {
    const sought = await soughtOf(options);
    const term = options.prove === undefined ? undefined : provable(sought);
    const searched = await searchedAt(place, options, sought);
    const at = { path: options.evidence, otherwise: LOOSE_EVIDENCE };
    const { prove: file } = options;
    if (file !== undefined && term !== undefined) {
      await withEvidence(at, session.output, () => prove(searched, { file, term }, session));
      return;
    }
    const page = await withEvidence(at, session.output, () => searched.page());
    if (session.isJson) session.output.printJson({ ...page });
    else {
      printPage(page, session.output);
      if ("isWhole" in page) printExtent(page, session.output);
    }
  });
}

/** What a place is asked. */
interface Searched {
  readonly page: () => Promise<SearchPage | BundlePage>;
  readonly prove: (term: Term) => Promise<Uint8Array>;
}

/**
 * Yields how a place is searched. With pinned keys its index is made here, from the read path, and the
 * place is believed in nothing.
 */
async function searchedAt(
  place: string,
  options: SearchOptions,
  { query, parameters }: Sought,
): Promise<Searched> {
  if (!isAddress(place)) {
    await requireThere(place);
    if (await isFile(place)) return inBundle(place, options, query);
  }
  if (options.trust !== undefined || options.vkey !== undefined) {
    return derivedAt(await readingOf(place, options), query);
  }
  if (isAddress(place)) {
    const client = await openClient(place, options);
    return {
      page: () => client.search(parameters),
      prove: () => client.completeness({ iss: parameters.iss, sub: parameters.sub }),
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

async function requireThere(place: string): Promise<void> {
  if (await isThere(place)) return;
  const want =
    "want the address of a service with https://, a directory of one, a copy or a bundle";
  throw new CliError("CLI_FILE_FAILED", `cannot read ${place}: nothing is there; ${want}`);
}

async function readingOf(place: string, options: SearchOptions): Promise<DerivedPlace> {
  const isService = !isAddress(place) && (await isThere(join(place, "config.json")));
  if (isService) throw new CliError("CLI_USAGE", "--trust goes with an address or a copy of a log");
  const { path, trust } = await openReading({ where: place }, options);
  return { path, trust, parallel: options.parallel };
}

function inBundle(bundle: string, options: SearchOptions, query: Sought["query"]): Searched {
  const { trust, vkey } = options;
  refuseAccess(options);
  if (trust === undefined || vkey !== undefined) {
    throw new CliError("CLI_USAGE", "a bundle wants --trust: it does not vouch for its own keys");
  }
  return {
    page: () => searchBundle({ bundle, trust }, query),
    prove: () => {
      throw new CliError("CLI_USAGE", "--prove goes with a log, a bundle has no index");
    },
  };
}

function derivedAt(at: DerivedPlace, query: SearchQuery): Searched {
  return {
    page: () => withDerived(at, (search) => search.page(query)),
    prove: (term) => withDerived(at, (search) => derivedProof(at, search, term)),
  };
}

/** Yields the one thing of which a proof can say that all was found. */
function provable({ query }: Sought): Term {
  const { terms, mentions, since, until, from, before } = query;
  const [term, ...others] = [...terms, ...mentions];
  const isOne = term?.kind === "issuer" || term?.kind === "subject";
  const isWhole = [since, until, from, before].every((bound) => bound === undefined);
  if (isOne && others.length === 0 && isWhole) return { kind: term.kind, value: term.value };
  throw new CliError("CLI_USAGE", "--prove goes with one of --iss and --sub, and nothing else");
}

async function prove(
  place: Searched,
  { file, term }: { readonly file: string; readonly term: Term },
  { output, isJson }: Session,
): Promise<void> {
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

function printPage(
  { size, hits, next, partial, nextPartial = null }: SearchPage,
  output: Output,
): void {
  for (const hit of hits) {
    output.print(lineOf(hit));
    for (const { kind, value, as } of hit.mentions ?? []) {
      output.print(`  ${kind} ${value}: ${as.join(", ")}`);
    }
  }
  output.print(`found: ${hits.length} among the first ${size} entries`);
  if (partial !== undefined && partial.length > 0) {
    const named = partial.map(({ index }) => index).join(", ");
    output.print(`not all is listed of: ${named}; they may speak of it, too`);
  }
  if (nextPartial !== null) output.print(`nor perhaps of others: --from ${nextPartial}`);
  if (next !== null) output.print(`there may be more: --from ${next}`);
}

function printExtent(page: BundlePage, output: Output): void {
  const { isWhole, entries, size, unshown, left } = page;
  if (isWhole) output.print(`whole: the bundle has all ${size} entries, and their root is signed`);
  else
    output.print(
      `not whole: the bundle has ${entries} of ${size} entries, nothing is said of others`,
    );
  if (unshown.length > 0) {
    const named = unshown.map(({ index }) => index).join(", ");
    output.print(`not shown to be under the checkpoint: ${named}; receipts are of other sizes`);
  }
  for (const { statement, why } of left) output.print(`left out: ${statement}: ${why}`);
}

function lineOf({ index, entryId, time, issuer, subject, contentType }: SearchHit): string {
  const about = subject ?? "no subject";
  const type = contentType === null ? "" : `, ${contentType}`;
  return `${index} ${entryId} ${formatInstant(time)} ${issuer}: ${about}${type}`;
}
