import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { Term } from "@tallystick/catalog";
import type { SearchHit, SearchPage } from "@tallystick/client";
import type { TransparencyService } from "@tallystick/server";
import { formatInstant } from "@tallystick/statement";

import { openClient, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { writeWhole } from "../file.js";
import { openService } from "../opening.js";
import type { Output } from "../output.js";
import { isAddress } from "../read-source.js";
import { searchPlace } from "../search-place.js";
import type { Session } from "../session.js";
import { parseWhole } from "../whole.js";

interface SearchOptions extends AccessOptions {
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
    .argument("<place>", "address of a service, or a directory that is not served meanwhile")
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
  withAccess(command).action(async (place: string, options: SearchOptions) => {
    requireUsable(options);
    if (options.prove !== undefined) {
      await prove(place, { ...options, prove: options.prove }, session);
      return;
    }
    const page = isAddress(place)
      ? await searchService(place, options)
      : await searchDirectory(place, options);
    if (session.isJson) session.output.printJson({ ...page });
    else printPage(page, session.output);
  });
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

async function searchService(url: string, options: SearchOptions): Promise<SearchPage> {
  const { iss, sub, type, payload, since, until, from, before, limit } = options;
  const client = await openClient(url, options);
  return client.search({ iss, sub, type, payload, since, until, from, before, limit });
}

async function prove(
  place: string,
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
  const { iss, sub } = options;
  const proof = isAddress(place)
    ? await (await openClient(place, options)).completeness({ iss, sub })
    : await inDirectory(place, options, (service) => service.completeness(term));
  await writeWhole(file, proof);
  if (isJson) output.printJson({ file, bytes: proof.length });
  else output.print(`wrote: ${file}, to be verified with tally verify --complete`);
}

async function searchDirectory(path: string, options: SearchOptions): Promise<SearchPage> {
  const { since, until, from, before, limit } = options;
  const query = { terms: termsOf(options), since, until, from, before, limit };
  return inDirectory(path, options, (service) => service.search(query));
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
