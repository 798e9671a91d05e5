import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { CoseError, parseJson, PrivateKey } from "@tallystick/cose";
import { isKeyName, noteSigner, TlogError, VerifierKey } from "@tallystick/tlog";
import type { NoteSigner, SignatureType } from "@tallystick/tlog";
import { FileStore, formatFreshState, MAX_ORIGIN_BYTES, originHash } from "@tallystick/witness";
import type { WatchedLog } from "@tallystick/witness";

import { isVacant } from "./directory.js";
import { CliError } from "./error.js";
import {
  codeOf,
  createFile,
  failed,
  makeDirectory,
  readWhole,
  syncDirectory,
  writeWhole,
} from "./file.js";
import { readPrivateKey, writeKeyPair } from "./keyfile.js";
import { withLock } from "./lock.js";

/** Value of the `format` member of `config.json`; another value is another format. */
const FORMAT = "tallystick-witness/1";

/** The algorithms that a witness can cosign with, each with its type of signature. */
const TYPES: Readonly<Record<CosigningAlgorithm, SignatureType>> = {
  EdDSA: "ed25519-cosignature",
  "ML-DSA-44": "ml-dsa-44-cosignature",
};

/** An algorithm that a witness can cosign with. */
export type CosigningAlgorithm = "EdDSA" | "ML-DSA-44";

/** What a witness is called and cosigns with. */
export interface WitnessConfig {
  readonly name: string;
  readonly algorithms: readonly CosigningAlgorithm[];
}

const PRIVATE_DIRECTORY = 0o700;
/** How long another run that adds a log is waited for. */
const LOCK_WAIT_MS = 30_000;
const PUBLIC_DIRECTORY = 0o755;
const PUBLIC_FILE = 0o644;

/** Where everything of a witness lies: `config.json`, `keys/`, `logs.json` and `state/`. */
export class WitnessDirectory {
  readonly path: string;
  readonly config: WitnessConfig;
  readonly store: FileStore;

  private constructor(path: string, config: WitnessConfig) {
    this.path = path;
    this.config = config;
    this.store = new FileStore(join(path, "state"));
    Object.freeze(this);
  }

  /**
   * Opens a directory that {@link WitnessDirectory.create} has made.
   *
   * @throws {@link CliError} `CLI_DIRECTORY_INVALID`, `CLI_FILE_FAILED`
   */
  static async open(path: string): Promise<WitnessDirectory> {
    try {
      const json = parseObject("config.json", await readWhole(join(path, "config.json")));
      return new WitnessDirectory(path, configOf(json));
    } catch (error) {
      if (!(error instanceof CliError) || codeOf(error.cause) !== "ENOENT") throw error;
      const message = `${path} is not a witness, make one with: tally witness init ${path}`;
      throw new CliError("CLI_DIRECTORY_INVALID", message, { cause: error });
    }
  }

  /**
   * Makes a new witness that watches no log yet, all or nothing. `path` must not exist or be empty.
   *
   * @throws {@link CliError} `CLI_USAGE`, `CLI_DIRECTORY_INVALID`, `CLI_FILE_FAILED`
   */
  static async create(path: string, config: WitnessConfig): Promise<WitnessDirectory> {
    if (!isKeyName(config.name) || bytesOf(config.name) > MAX_ORIGIN_BYTES) {
      const want = "want at most 255 bytes without white space or plus";
      throw new CliError("CLI_USAGE", `--name is no name of a key, ${want}`);
    }
    if (!(await isVacant(path))) {
      throw new CliError("CLI_DIRECTORY_INVALID", `${path} is not empty, nothing was changed`);
    }
    const draft = `${resolve(path)}.tmp-${randomBytes(4).toString("hex")}`;
    try {
      await makeDirectory(draft, PRIVATE_DIRECTORY);
      await fill(draft, config);
      await rename(draft, resolve(path));
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw failed(`cannot make ${path}`, error);
    }
    await syncDirectory(dirname(draft));
    return new WitnessDirectory(path, config);
  }

  /**
   * Yields what the witness cosigns with.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
   */
  async signers(): Promise<readonly NoteSigner[]> {
    return Promise.all(
      this.config.algorithms.map(async (algorithm) => {
        const path = keyPath(this.path, algorithm);
        const key = await readPrivateKey(path);
        try {
          return noteSigner(this.config.name, TYPES[algorithm], key);
        } catch (cause) {
          if (!(cause instanceof TlogError)) throw cause;
          throw new CliError("CLI_KEY_INVALID", `${path}: ${cause.message}`, { cause });
        }
      }),
    );
  }

  /**
   * Yields the logs that the witness watches.
   *
   * @throws {@link CliError} `CLI_DIRECTORY_INVALID`, `CLI_FILE_FAILED`
   */
  async logs(): Promise<readonly WatchedLog[]> {
    const { logs } = parseObject("logs.json", await readWhole(this.#logsPath));
    if (!Array.isArray(logs)) throw invalid("logs.json lacks logs");
    const parsed = logs.map(parseLog);
    if (new Set(parsed.map(({ origin }) => origin)).size === parsed.length) return parsed;
    throw invalid("logs.json has an origin twice");
  }

  /**
   * Has the witness watch a log, or take a further key of one that it watches. Yields whether
   * anything changed. Of several at once each adds to what the others have added.
   *
   * @throws {@link CliError} `CLI_USAGE`, `CLI_DIRECTORY_INVALID`, `CLI_FILE_FAILED`,
   * `CLI_FILE_IN_USE`; WitnessError
   */
  async addLog(key: VerifierKey, origin: string): Promise<boolean> {
    requireOrigin(origin);
    return withLock(`${this.#logsPath}.lock`, { waitMs: LOCK_WAIT_MS }, () =>
      this.#addLog(key, origin),
    );
  }

  async #addLog(key: VerifierKey, origin: string): Promise<boolean> {
    const logs = await this.logs();
    const known = logs.find((log) => log.origin === origin);
    if (known?.keys.some((one) => one.equals(key)) === true) return false;
    if (known?.keys.some((one) => one.name === key.name && one.keyId === key.keyId) === true) {
      throw new CliError("CLI_USAGE", "another key of this log has the same name and id");
    }
    // The state first: a log in the list without one would be damage. One that is there is kept, as
    // it is what the witness promised.
    if (known === undefined && (await this.store.read(originHash(origin))) === undefined) {
      await this.store.replace(originHash(origin), 0, formatFreshState(origin));
    }
    const others = logs.filter((log) => log !== known);
    const added = { origin, keys: [...(known?.keys ?? []), key] };
    await writeWhole(this.#logsPath, formatLogs([...others, added]));
    return true;
  }

  get #logsPath(): string {
    return join(this.path, "logs.json");
  }
}

async function fill(path: string, { name, algorithms }: WitnessConfig): Promise<void> {
  await mkdir(join(path, "keys"), { mode: PRIVATE_DIRECTORY });
  for (const algorithm of algorithms) {
    await writeKeyPair(keyPath(path, algorithm), await PrivateKey.generate(algorithm));
  }
  await syncDirectory(join(path, "keys"));
  await mkdir(join(path, "state"), { mode: PUBLIC_DIRECTORY });
  await createFile(join(path, "logs.json"), formatLogs([]), PUBLIC_FILE);
  const text = `${JSON.stringify({ format: FORMAT, name, algorithms }, null, 2)}\n`;
  await createFile(join(path, "config.json"), text, PUBLIC_FILE);
  await syncDirectory(path);
}

function keyPath(path: string, algorithm: CosigningAlgorithm): string {
  return join(path, "keys", `${algorithm}.jwk`);
}

function requireOrigin(origin: string): void {
  if (origin !== "" && !/\p{C}/u.test(origin) && bytesOf(origin) <= MAX_ORIGIN_BYTES) return;
  const want = `want one line of at most ${MAX_ORIGIN_BYTES} bytes`;
  throw new CliError("CLI_USAGE", `the origin is no name of a log, ${want}`);
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(name: string, bytes: Uint8Array): JsonObject {
  let json: unknown;
  try {
    json = parseJson(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(`${name}: ${cause.message}`, { cause });
  }
  if (isObject(json) && json["format"] === FORMAT) return json;
  throw invalid(`${name} is not of format ${FORMAT}`);
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function configOf({ name, algorithms }: JsonObject): WitnessConfig {
  if (typeof name !== "string" || !Array.isArray(algorithms) || algorithms.length === 0) {
    throw invalid("config.json lacks name or algorithms");
  }
  const known = algorithms.filter(
    (one): one is CosigningAlgorithm => typeof one === "string" && Object.hasOwn(TYPES, one),
  );
  if (known.length === algorithms.length) return { name, algorithms: known };
  throw invalid("config.json names an algorithm that does not cosign");
}

function parseLog(json: unknown): WatchedLog {
  if (!isObject(json) || typeof json["origin"] !== "string" || !Array.isArray(json["keys"])) {
    throw invalid("a log in logs.json lacks origin or keys");
  }
  const { origin, keys } = json as { readonly origin: string; readonly keys: readonly unknown[] };
  try {
    requireOrigin(origin);
    return { origin, keys: keys.map((key) => VerifierKey.parse(String(key))) };
  } catch (cause) {
    if (!(cause instanceof TlogError || cause instanceof CliError)) throw cause;
    throw invalid(`logs.json: ${cause.message}`, { cause });
  }
}

function formatLogs(logs: readonly WatchedLog[]): string {
  const listed = logs.map(({ origin, keys }) => ({ origin, keys: keys.map((k) => k.format()) }));
  return `${JSON.stringify({ format: FORMAT, logs: listed }, null, 2)}\n`;
}

function invalid(message: string, options?: ErrorOptions): CliError {
  return new CliError("CLI_DIRECTORY_INVALID", message, options);
}
