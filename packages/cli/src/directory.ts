import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join, resolve } from "node:path";

import { CoseError, PrivateKey, parseJson } from "@tallystick/cose";
import type { AlgorithmName, PublicKey } from "@tallystick/cose";
import type { PolicyDocument } from "@tallystick/policy";

import { isAddress } from "./address.js";
import { CliError } from "./error.js";
import { codeOf, createFile, failed, makeDirectory, readWhole, syncDirectory } from "./file.js";
import { readPrivateKey, readPublicKey, writeKeyPair } from "./keyfile.js";
import { createNoteKey } from "./notekey.js";
import type { FirstPolicy } from "./policy-file.js";

/** Value of the `format` member of `config.json`; another value is another format. */
const FORMAT = "tallystick-service/1";

/** What a service is called and signs with. */
export interface ServiceConfig {
  /** `iss` of its receipts. */
  readonly issuer: string;
  /** `sub` of its receipts: the log's name. */
  readonly origin: string;
  readonly algorithm: AlgorithmName;
  /** Path of the anchor, from the directory unless absolute; `anchor` in it unless given. */
  readonly anchor?: string;
}

/** What every service directory has, beside its configuration. */
const OWN_NAMES = ["keys", "log"];

const PRIVATE_DIRECTORY = 0o700;
const CONFIG_MODE = 0o644;
const ANCHOR_MODE = 0o600;

/**
 * Where everything of a service lies: `config.json`, `keys/`, `log/`, `witness/` where witnesses are
 * asked, and the anchor, or elsewhere.
 */
export class ServiceDirectory {
  readonly path: string;
  readonly config: ServiceConfig;
  readonly logPath: string;
  readonly anchorPath: string;
  /** The key that signs receipts, and the one that may change the registration policy. */
  readonly receiptKeyPath: string;
  readonly operatorKeyPath: string;
  /** The key that signs notes. */
  readonly noteKeyPath: string;
  /** Where the key lies that signs heads of the index, if there is one. */
  readonly indexKeyPath: string;
  /** What is kept of witnesses: the newest checkpoint that they cosigned, and evidence. */
  readonly witnessPath: string;

  private constructor(path: string, config: ServiceConfig) {
    this.path = path;
    this.config = config;
    this.logPath = join(path, "log");
    this.anchorPath =
      config.anchor === undefined ? join(path, "anchor") : resolve(path, config.anchor);
    this.receiptKeyPath = join(path, "keys", "receipt.jwk");
    this.operatorKeyPath = join(path, "keys", "operator.jwk");
    this.noteKeyPath = join(path, "keys", "note.jwk");
    this.indexKeyPath = join(path, "keys", "index.jwk");
    this.witnessPath = join(path, "witness");
    Object.freeze(this);
  }

  /**
   * Opens a directory that {@link ServiceDirectory.create} has made.
   *
   * @throws {@link CliError} `CLI_DIRECTORY_INVALID`, `CLI_FILE_FAILED`
   */
  static async open(path: string): Promise<ServiceDirectory> {
    const config = join(path, "config.json");
    try {
      return new ServiceDirectory(path, parseConfig(await readWhole(config)));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      throw (await whyNoService(path, error)) ?? error;
    }
  }

  /**
   * Makes a new service: its keys, and a log whose first entry is its registration policy.
   *
   * All or nothing: it is built beside `path`, synced, and given its name at the end. `path` must not
   * exist or be empty, and an anchor elsewhere must not exist.
   *
   * @throws {@link CliError} `CLI_DIRECTORY_INVALID`, `CLI_FILE_EXISTS`, `CLI_FILE_FAILED`; LogError
   */
  static async create(
    path: string,
    config: ServiceConfig,
    { first, isIndexed = false }: Making = {},
  ): Promise<ServiceDirectory> {
    if (!(await isVacant(path))) {
      throw new CliError("CLI_DIRECTORY_INVALID", `${path} is not empty, nothing was changed`);
    }
    const { anchor } = config;
    if (anchor !== undefined) {
      await createFile(anchor, "", ANCHOR_MODE);
      await syncDirectory(dirname(anchor));
    }
    const draft = `${resolve(path)}.tmp-${randomBytes(4).toString("hex")}`;
    try {
      await makeDirectory(draft, PRIVATE_DIRECTORY);
      await fill(new ServiceDirectory(draft, config), { first, isIndexed });
      await syncDirectory(draft);
      // Replaces an empty directory as well; where the system refuses that, nothing is lost.
      await rename(draft, resolve(path));
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (anchor !== undefined) await rm(anchor, { force: true });
      const isOfSystem = /^E[A-Z0-9]+$/.test(codeOf(error) ?? "");
      throw isOfSystem ? failed(`cannot make ${path}`, error) : error;
    }
    // It is there from here on: a failure must not take the anchor away.
    await syncDirectory(dirname(draft));
    return new ServiceDirectory(path, config);
  }

  receiptKey(): Promise<PrivateKey> {
    return readPrivateKey(this.receiptKeyPath);
  }

  operatorKey(): Promise<PrivateKey> {
    return readPrivateKey(this.operatorKeyPath);
  }

  receiptPublicKey(): Promise<PublicKey> {
    return readPublicKey(join(this.path, "keys", "receipt.pub.jwk"));
  }
}

// What to do about it depends on what is there: making a service is the way out of nothing alone.
async function whyNoService(path: string, cause: CliError): Promise<CliError | undefined> {
  const refused = (why: string): CliError => {
    const message = `${path} is not a service directory: ${why}`;
    return new CliError("CLI_DIRECTORY_INVALID", message, { cause });
  };
  if (isAddress(path)) return refused("it is an address");
  if (codeOf(cause.cause) === "ENOTDIR") return refused("it is a file");
  if (codeOf(cause.cause) !== "ENOENT") return undefined;
  const names = await readdir(path).catch(() => undefined);
  if (names === undefined || names.length === 0) {
    const what = names === undefined ? "nothing is there" : "it is empty";
    return refused(`${what}, make a service with: tally init ${path}`);
  }
  const left = OWN_NAMES.filter((name) => names.includes(name));
  if (left.length === OWN_NAMES.length) {
    return refused(
      `it has ${left.join(", ")} of one but no config.json; put that back, ` +
        "or make it anew from a backup with: tally restore FILE DIR",
    );
  }
  if (names.includes("checkpoint")) {
    return refused("it is a copy of a log, which tally audit, search and mirror read");
  }
  return refused("it holds something else, name another one");
}

/**
 * Yields whether a service can be made here: nothing is there, or an empty directory.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function isVacant(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
    if (codeOf(error) === "ENOTDIR") return false;
    throw failed(`cannot read ${path}`, error);
  }
}

async function fill(directory: ServiceDirectory, { first, isIndexed }: Making): Promise<void> {
  const { config, path } = directory;
  const [{ AnchorFile, LevelStore }, { TransparencyService }] = await Promise.all([
    import("@tallystick/log"),
    import("@tallystick/server"),
  ]);
  const receiptKey = await PrivateKey.generate(config.algorithm);
  const operatorKey = await PrivateKey.generate(config.algorithm);
  await mkdir(join(path, "keys"), { mode: PRIVATE_DIRECTORY });
  await writeKeyPair(directory.receiptKeyPath, receiptKey);
  await writeKeyPair(directory.operatorKeyPath, operatorKey);
  await createNoteKey(directory);
  const { issuer, origin } = config;
  const operator = { iss: issuer, keys: [operatorKey.publicKey.toJwk()] };
  const indexed = isIndexed === true ? await createIndexKey(directory) : undefined;
  const { firstPolicy, withIssuerKey } = await import("@tallystick/policy");
  const document: PolicyDocument =
    first?.(operator) ?? firstPolicy({ iss: issuer, key: operatorKey.publicKey });
  // The first policy follows none.
  const policy = indexed
    ? { ...withIssuerKey(document, "", { iss: issuer, key: indexed }), previous: null }
    : document;
  const store = await LevelStore.open(directory.logPath, { create: true });
  const anchor = await AnchorFile.open(directory.anchorPath, { create: true });
  const options = { store, anchor, issuer, origin, signer: receiptKey };
  const service = await TransparencyService.create(options, operatorKey, policy);
  await service.close();
  const text = `${JSON.stringify({ format: FORMAT, ...config }, null, 2)}\n`;
  await createFile(join(path, "config.json"), text, CONFIG_MODE);
}

interface Making {
  /** Yields the first policy; one that names the operator alone unless given. */
  readonly first?: FirstPolicy | undefined;
  /** Whether it gets a key that signs heads of the search index, which the first policy admits. */
  readonly isIndexed?: boolean;
}

async function createIndexKey(directory: ServiceDirectory): Promise<PublicKey> {
  const key = await PrivateKey.generate("EdDSA");
  await writeKeyPair(directory.indexKeyPath, key);
  return key.publicKey;
}

function parseConfig(bytes: Uint8Array): ServiceConfig {
  let json: unknown;
  try {
    json = parseJson(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new CliError("CLI_DIRECTORY_INVALID", `config.json: ${cause.message}`, { cause });
  }
  if (typeof json !== "object" || json === null || !("format" in json) || json.format !== FORMAT) {
    throw new CliError("CLI_DIRECTORY_INVALID", `config.json is not of format ${FORMAT}`);
  }
  const { issuer, origin, algorithm, anchor } = json as Readonly<Record<string, unknown>>;
  if (anchor !== undefined && (typeof anchor !== "string" || anchor === "")) {
    throw new CliError("CLI_DIRECTORY_INVALID", "anchor in config.json is no path");
  }
  if ([issuer, origin, algorithm].every((member) => typeof member === "string")) {
    const place = anchor === undefined ? {} : { anchor };
    return { issuer, origin, algorithm, ...place } as ServiceConfig;
  }
  throw new CliError("CLI_DIRECTORY_INVALID", "config.json lacks issuer, origin or algorithm");
}
