import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { Term } from "@tallystick/catalog";
import type { SearchParameters } from "@tallystick/client";
import type { MentionKind } from "@tallystick/content";
import type { SearchQuery, SoughtMention } from "@tallystick/server";

import { CliError } from "./error.js";
import { parseWhole } from "./whole.js";

/** What is looked for on a log: options of the command line. */
export interface SoughtOptions {
  readonly iss?: string;
  readonly sub?: string;
  readonly type?: string;
  readonly payload?: string;
  readonly digest?: string;
  readonly purl?: string;
  readonly deviceClass?: string;
  readonly vendor?: string;
  readonly product?: string;
  readonly productVersion?: string;
  readonly since?: number;
  readonly until?: number;
  readonly from?: number;
  readonly before?: number;
  readonly limit: number;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const KINDS = { iss: "issuer", sub: "subject", type: "contentType", payload: "payload" } as const;

/** Kinds by option: `--version` is that of the program. */
const MENTIONS = {
  ...({ digest: "digest", purl: "purl", deviceClass: "deviceClass" } as const),
  ...({ vendor: "vendor", product: "product", productVersion: "version" } as const),
} as const;

/** Adds what can be looked for. */
export function withSought(command: Command): Command {
  return command
    .option("--iss <iss>", "of this issuer")
    .option("--sub <sub>", "about this subject")
    .option("--type <type>", "whose payload, or what was hashed, is of this type")
    .option("--payload <hex>", "whose payload has this digest: the envelope's, else SHA-256")
    .option("--digest <digest>", "that speak of this digest, as sha-256:HEX or HEX, wherever")
    .option("--purl <purl>", "that speak of this package, or of all versions of it")
    .option("--device-class <id>", "that speak of this class of devices: UUID, OID, hex or name")
    .option("--vendor <name>", "that speak of this vendor, in upper or lower case")
    .option("--product <name>", "that speak of this product or component, in either case")
    .option("--product-version <version>", "that speak of this version of anything")
    .option("--since <s>", "registered at this time or later, in seconds since 1970", parseNumber)
    .option("--until <s>", "registered at this time or earlier", parseNumber)
    .option("--from <n>", "at this index or behind it", parseNumber)
    .option("--before <n>", "before this index", parseNumber)
    .option("--limit <n>", "most that is shown at once", parseWhole, DEFAULT_LIMIT);
}

/** What is looked for: as an index is asked, and as a service is. */
export interface Sought {
  readonly query: SearchQuery & { readonly mentions: readonly SoughtMention[] };
  readonly parameters: SearchParameters;
}

/**
 * Reads what is looked for.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export async function soughtOf(options: SoughtOptions): Promise<Sought> {
  const { iss, sub, type, payload, since, until, from, before, limit } = options;
  requireUsable(options);
  const mentions = await mentionsOf(options);
  const bounds = { since, until, from, before, limit };
  const asked = Object.fromEntries(mentions.map(({ kind, value }) => [kind, value]));
  return {
    query: { terms: termsOf(options), mentions, ...bounds },
    parameters: { iss, sub, type, payload, ...asked, ...bounds },
  };
}

/** Reads a number that may be an index or a time. */
function parseNumber(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want a whole number.");
}

function requireUsable({ limit, payload }: SoughtOptions): void {
  if (limit < 1 || limit > MAX_LIMIT) {
    throw new CliError("CLI_USAGE", `--limit is not 1 to ${MAX_LIMIT}`);
  }
  const isDigest =
    payload === undefined || /^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/.test(payload);
  if (isDigest) return;
  const message = "--payload is no digest of 32, 48 or 64 bytes in lower-case hexadecimal";
  throw new CliError("CLI_USAGE", message);
}

function termsOf(options: SoughtOptions): readonly Term[] {
  return (["iss", "sub", "type", "payload"] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [{ kind: KINDS[name], value }];
  });
}

async function mentionsOf(options: SoughtOptions): Promise<readonly SoughtMention[]> {
  const given = (Object.keys(MENTIONS) as (keyof typeof MENTIONS)[]).flatMap((name) => {
    const text = options[name];
    return text === undefined ? [] : [{ name, kind: MENTIONS[name], text }];
  });
  if (given.length === 0) return [];
  const { mentionForm } = await import("@tallystick/content");
  return given.map(({ name, kind, text }) => {
    const value = mentionForm(kind, text);
    if (value !== undefined) return { kind, value };
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new CliError("CLI_USAGE", `${option} ${wrongIn(kind)}`);
  });
}

function wrongIn(kind: MentionKind): string {
  if (kind === "purl") return "is no package URL";
  if (kind !== "digest") return "says nothing";
  return "is no digest: want sha-256:, sha-384: or sha-512: and lower-case hexadecimal, or that alone";
}
