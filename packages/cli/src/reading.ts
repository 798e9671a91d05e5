import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { decodeKeySet, parseServiceVersion } from "@tallystick/client";
import type { ReadPath } from "@tallystick/mirror";
import { TlogError, VerifierKey } from "@tallystick/tlog";
import { TrustStore } from "@tallystick/verifier";

import { readAccess, refuseAccess, withAccess } from "./access.js";
import type { AccessOptions } from "./access.js";
import { isAddress } from "./address.js";
import { CliError } from "./error.js";
import { addressPath, folderPath } from "./read-path.js";
import { readTrust } from "./trustfile.js";
import { parseSeconds } from "./whole.js";

/** How the read path of a log is read: options of the command line. */
export interface ReadingOptions extends AccessOptions {
  readonly trust?: string;
  readonly vkey?: string;
  readonly timeout: number;
  readonly parallel: number;
}

const TIMEOUT_SECONDS = 30;
const PARALLEL = 8;
const MAX_PARALLEL = 64;

const MAX_PIN_BYTES = 1_048_576;

/** Adds what a command needs that reads a whole log. */
export function withReading(command: Command): Command {
  const reading = command
    .option("--trust <trust.json>", "pinned keys of the log, its note key among them")
    .option("--vkey <vkey>", "the log's note key alone; its receipt keys are pinned on first use")
    .option("--timeout <s>", "longest time to wait for an answer", parseSeconds, TIMEOUT_SECONDS)
    .option("--parallel <n>", "statements asked for at a time, 1 to 64", parseParallel, PARALLEL);
  return withAccess(reading);
}

/** A log to be read, and what pins its keys. */
export interface Reading {
  readonly path: ReadPath;
  readonly trust: TrustStore;
  /** What `--vkey` has pinned, to be kept for the next run. */
  readonly pinned: string | undefined;
}

/** Where a log is, and what an earlier run has pinned. */
export interface ReadingPlace {
  readonly where: string;
  /** Trust file that an earlier run kept for `--vkey`. */
  readonly pinned?: Uint8Array | undefined;
}

/**
 * Opens the read path of a log at an address or in a folder.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, `CLI_SERVICE_INCONSISTENT`; ClientError;
 * VerifierError `VERIFIER_TRUST_MALFORMED`
 */
export async function openReading(
  { where, pinned }: ReadingPlace,
  options: ReadingOptions,
): Promise<Reading> {
  const { trust: file, vkey, timeout } = options;
  if ((file === undefined) === (vkey === undefined)) {
    throw new CliError("CLI_USAGE", "want either --trust or --vkey: nobody vouches for own keys");
  }
  const path = isAddress(where)
    ? addressPath(where, { ...(await readAccess(where, options)), timeoutMs: timeout * 1000 })
    : folderAt(where, options);
  if (vkey === undefined) return { path, trust: await trustOf(file ?? ""), pinned: undefined };
  const key = parseVkey(vkey);
  const text = pinned === undefined ? await pinFrom(path, key) : new TextDecoder().decode(pinned);
  const trust = TrustStore.parse(text);
  const isOfKey = trust.services.some(({ note }) => note?.equals(key) === true);
  if (isOfKey) return { path, trust, pinned: text };
  throw new CliError("CLI_SERVICE_INCONSISTENT", "an earlier run was told another --vkey");
}

function folderAt(where: string, options: AccessOptions): ReadPath {
  refuseAccess(options);
  return folderPath(where);
}

async function trustOf(file: string): Promise<TrustStore> {
  const trust = await readTrust(file);
  if (trust.services.some(({ note }) => note !== undefined)) return trust;
  const message = `${file} pins no note key: run tally trust export again, or add "note"`;
  throw new CliError("CLI_USAGE", message);
}

function parseVkey(text: string): VerifierKey {
  try {
    const key = VerifierKey.parse(text);
    if (key.type === "ed25519") return key;
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw new CliError("CLI_USAGE", `--vkey: ${cause.message}`, { cause });
  }
  throw new CliError("CLI_USAGE", "--vkey is no key of plain Ed25519 signatures");
}

// The note key vouches for the tree, not for the receipt keys: those are taken as they are, once.
async function pinFrom(path: ReadPath, key: VerifierKey): Promise<string> {
  const [version, keys] = [await pin(path, "version"), await pin(path, ".well-known/scitt-keys")];
  const { issuer, origin } = parseServiceVersion(version);
  if (origin !== key.name) {
    throw new CliError("CLI_SERVICE_INCONSISTENT", `this is the log ${origin}, not ${key.name}`);
  }
  const jwks = decodeKeySet(keys).map((one) => one.toJwk());
  const services = [{ issuer, origin, keys: jwks, note: key.format() }];
  return `${JSON.stringify({ services }, undefined, 2)}\n`;
}

async function pin(path: ReadPath, resource: string): Promise<Uint8Array> {
  const bytes = await path.find(resource, MAX_PIN_BYTES);
  if (bytes !== undefined) return bytes;
  throw new CliError("CLI_SERVICE_INCONSISTENT", `there is no ${resource} to pin keys from`);
}

function parseParallel(text: string): number {
  const count = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MAX_PARALLEL) return count;
  throw new InvalidArgumentError(`want a number from 1 to ${MAX_PARALLEL}.`);
}
