import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { formatThumbprint, parseJson } from "@tallystick/cose";
import { TrustStore } from "@tallystick/verifier";

import { CliError } from "../error.js";
import { readWhole, writeWhole } from "../file.js";
import type { Session } from "../session.js";
import { readTrust } from "../trustfile.js";

interface TrustRetireOptions {
  readonly key: string;
  readonly size: number;
  readonly root?: string;
  readonly time?: number;
  readonly why?: string;
}

export function addTrustRetire(trust: Command, session: Session): void {
  trust
    .command("retire")
    .description("let a service's key count up to a tree, or for its last tree alone")
    .argument("<trust.json>", "trust file to change")
    .requiredOption("--key <thumbprint>", "the key, as tally trust export prints it")
    .requiredOption("--size <n>", "entries of the last tree that counts", parseCount)
    .option("--root <hex>", "root of that tree, for a key that leaked: no other tree counts then")
    .option("--time <s>", "time of its checkpoint, with --root", parseCount)
    .option("--why <text>", "the reason, for messages")
    .option("--json", "print the result as one JSON object")
    .action(async (file: string, options: TrustRetireOptions) => {
      const { key, size, root, time, why } = options;
      if ((root === undefined) !== (time === undefined)) {
        throw new CliError("CLI_USAGE", "--root and --time belong together");
      }
      const place = placeOf(await readTrust(file), key, file);
      const until = {
        size,
        ...(root === undefined ? {} : { root, time }),
        ...(why && { reason: why }),
      };
      await writeWhole(file, retiredIn(await readWhole(file), place, until));
      if (session.isJson)
        session.output.printJson({ file, thumbprint: key, size, root: root ?? null });
      const extent =
        root === undefined ? `up to size ${size}` : `for the tree of size ${size} alone`;
      session.wrote(file, `, where the key ${key} counts ${extent}`);
    });
}

function parseCount(text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want a whole number.");
}

/** Where a key stands in a trust file. */
interface Place {
  readonly service: number;
  readonly key: number;
}

function placeOf(trust: TrustStore, wanted: string, file: string): Place {
  for (const [service, { keys, cutoffs }] of trust.services.entries()) {
    const key = keys.findIndex((one) => formatThumbprint(one) === wanted);
    if (key < 0) continue;
    if (cutoffs[key] === undefined) return { service, key };
    // Whoever puts a cutoff off gives a thief back what it took.
    const message = `${file} has retired ${wanted} already; edit its "until" to change that`;
    throw new CliError("CLI_TRUST_CHANGED", message);
  }
  throw new CliError(
    "CLI_KEY_INVALID",
    `${file} pins no key of a service with thumbprint ${wanted}`,
  );
}

// The file was read as a trust file before, so it has this shape; the rest of it stays as it is.
function retiredIn(bytes: Uint8Array, { service, key }: Place, until: object): string {
  const document = parseJson(bytes) as {
    readonly services: readonly { readonly keys: readonly object[] }[];
  };
  const services = document.services.map((one, at) =>
    at !== service
      ? one
      : { ...one, keys: one.keys.map((jwk, n) => (n === key ? { ...jwk, until } : jwk)) },
  );
  const text = `${JSON.stringify({ ...document, services }, null, 2)}\n`;
  TrustStore.parse(text);
  return text;
}
